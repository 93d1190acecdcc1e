"""The shape of a head by kernels for the CPU, sixteen numbers at a time; heads are made there in any case.

`blend` of `ftb.scene.heads_shapes` and `angle_weighted_normals` of `ftb.scene.heads_normals` are the readable
twins. In C++, since displacements are stored as bytes of two and widened within a register.
"""

from __future__ import annotations

from ftb.kernels.start import wp

# Products and sums stay apart: the normal of a face that is but a line is then 0, not rounding.
wp.set_module_options({"enable_backward": False})

_LANES = "typedef float lanes __attribute__((ext_vector_type(16), aligned(4), may_alias));\n"

_BLENDED = (
    _LANES
    + """
typedef short steps __attribute__((ext_vector_type(16), aligned(2), may_alias));
lanes* now = (lanes*)result.data;
lanes* before = (lanes*)person.data;
const lanes* from = (const lanes*)start.data;
const lanes* half = (const lanes*)side.data;
const int count = result.shape[0] / 16;
for (int k = 0; k < count; ++k)
    now[k] = from[k];
for (int stage = 0, next = 0; stage < 3; ++stage) {
    if (stage == 1)
        for (int k = 0; k < count; ++k)
            before[k] = now[k];
    if (stage == 2)
        for (int k = 0; k < count; ++k)
            now[k] = (now[k] - before[k]) * (1.0f + asymmetry * half[k]) + before[k];
    for (; next < ends[stage]; ++next) {
        const int shape = active.data[next];
        const float weight = weights.data[next];
        for (int k = bounds.data[shape]; k < bounds.data[shape + 1]; ++k) {
            const steps* row = (const steps*)(rows.data + 32 * (long long)k);
            lanes* moved = now + 2 * blocks.data[k];
            moved[0] += __builtin_convertvector(row[0], lanes) * weight;
            moved[1] += __builtin_convertvector(row[1], lanes) * weight;
        }
    }
}
"""
)

# The arc cosine is Abramowitz and Stegun's 4.4.46, 2e-8 from the truth.
_CORNERS_ADDED = (
    _LANES
    + """
// Unrolled, since a register that is asked for a number by a variable is stored and loaded as a whole.
#define EACH _Pragma("clang loop unroll(full)")
typedef float four __attribute__((ext_vector_type(4), aligned(4), may_alias));
const auto arc_cosine = [](lanes value) {
    lanes size = __builtin_elementwise_abs(value);
    size = size < 1.0f ? size : 1.0f;
    const float terms[8] = {-0.0012624911f, 0.0066700901f, -0.0170881256f, 0.0308918810f,
                            -0.0501743046f, 0.0889789874f, -0.2145988016f, 1.5707963050f};
    lanes sum = terms[0];
    for (int k = 1; k < 8; ++k)
        sum = sum * size + terms[k];
    const lanes angle = __builtin_elementwise_sqrt(1.0f - size) * sum;
    return value < 0.0f ? 3.14159265f - angle : angle;
};
for (int block = 0; block < blocks; ++block) {
    const int* corner = corners.data + 48 * block;
    lanes at[3][3], edge[3][3], inverse[3];
    EACH for (int k = 0; k < 3; ++k)
        EACH for (int lane = 0; lane < 16; ++lane) {
            const float* point = (const float*)(vertices.data + corner[16 * k + lane]);
            EACH for (int axis = 0; axis < 3; ++axis)
                at[k][axis][lane] = point[axis];
        }
    EACH for (int k = 0; k < 3; ++k) {
        EACH for (int axis = 0; axis < 3; ++axis)
            edge[k][axis] = at[(k + 1) % 3][axis] - at[k][axis];
        const lanes* e = edge[k];
        const lanes length = __builtin_elementwise_sqrt(e[0] * e[0] + e[1] * e[1] + e[2] * e[2]);
        inverse[k] = 1.0f / (length > 1e-12f ? length : 1e-12f);
    }
    const lanes *a = edge[0], *b = edge[1];
    lanes normal[3] = {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
    lanes area = normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2];
    area = __builtin_elementwise_sqrt(area);
    const lanes share = 1.0f / (area > 1e-20f ? area : 1e-20f);
    EACH for (int k = 0; k < 3; ++k) {
        const lanes *e = edge[k], *before = edge[(k + 2) % 3];
        const lanes cosine = -(e[0] * before[0] + e[1] * before[1] + e[2] * before[2]);
        const lanes weight = arc_cosine(cosine * inverse[k] * inverse[(k + 2) % 3]) * share;
        const lanes x = normal[0] * weight, y = normal[1] * weight, z = normal[2] * weight;
        EACH for (int lane = 0; lane < 16; ++lane)
            *(four*)(sums.data + corner[16 * k + lane]) += (four){x[lane], y[lane], z[lane], 0.0f};
    }
}
"""
)


@wp.func_native(_BLENDED)
def add_all_shapes(
    start: wp.array(dtype=float),
    side: wp.array(dtype=float),
    bounds: wp.array(dtype=wp.int32),
    blocks: wp.array(dtype=wp.int32),
    rows: wp.array(dtype=wp.int16),
    active: wp.array(dtype=wp.int32),
    weights: wp.array(dtype=float),
    ends: wp.vec3i,
    asymmetry: float,
    person: wp.array(dtype=float),
    result: wp.array(dtype=float),
):
    """Shape after shape: what is read of each lies in one piece."""
    ...


@wp.func_native(_CORNERS_ADDED)
def add_all_corners(
    vertices: wp.array(dtype=wp.vec3),
    corners: wp.array(dtype=wp.int32),
    blocks: int,
    sums: wp.array(dtype=wp.vec4),
):
    """Add the normal of each face, times its angle there, to each of its corners."""
    ...


@wp.kernel
def blend(
    start: wp.array(dtype=float),
    side: wp.array(dtype=float),
    bounds: wp.array(dtype=wp.int32),
    blocks: wp.array(dtype=wp.int32),
    rows: wp.array(dtype=wp.int16),
    active: wp.array(dtype=wp.int32),
    weights: wp.array(dtype=float),
    ends: wp.vec3i,
    asymmetry: float,
    person: wp.array(dtype=float),
    result: wp.array(dtype=float),
):
    """All in one thread; see `heads_shapes.PackedShapes`. person: room for what there is without sliders."""
    add_all_shapes(start, side, bounds, blocks, rows, active, weights, ends, asymmetry, person, result)


@wp.kernel
def turn_shoulders(
    basis: wp.array(dtype=wp.vec3),
    below: wp.array(dtype=float),  # (Vb,) how much each does not belong to the head
    pivot: wp.vec3,
    change: wp.mat33,
    placed: wp.array(dtype=wp.vec3),  # (Vb or more,), out
):
    """One vertex of the basis a thread, turned about the top of the spine by its share."""
    n = wp.tid()
    point = basis[n]
    if below[n] != 0.0:
        point += change * ((point - pivot) * below[n])
    placed[n] = point


@wp.kernel
def refine(
    extra: wp.array(dtype=wp.int32),  # (Vs · 12,)
    extra_weight: wp.array(dtype=float),
    terms: int,  # 12: as an argument, so that the loop stays a loop
    first: int,  # Vb
    placed: wp.array(dtype=wp.vec3),  # (Vb + Vs or more,), the last Vs out
):
    """One of the scalp's added points a thread."""
    n = wp.tid()
    total = wp.vec3(0.0)
    for k in range(terms):
        total += placed[extra[n * terms + k]] * extra_weight[n * terms + k]
    placed[first + n] = total


@wp.kernel
def add_corners(
    vertices: wp.array(dtype=wp.vec3),
    corners: wp.array(dtype=wp.int32),
    blocks: int,
    sums: wp.array(dtype=wp.vec4),
):
    """All in one thread, since faces add to the same vertices: sums have one order."""
    add_all_corners(vertices, corners, blocks, sums)


@wp.func
def unit_of(total: wp.vec4):
    normal = wp.vec3(total[0], total[1], total[2])
    length = wp.length(normal)
    if length <= 1.0e-12:
        return wp.vec3(0.0, 0.0, 1.0)
    return normal / length


@wp.kernel
def grow(vertices: wp.array(dtype=wp.vec3), sums: wp.array(dtype=wp.vec4), thickness: wp.array(dtype=float)):
    """One vertex a thread: moved outwards by the hair on it."""
    n = wp.tid()
    if thickness[n] != 0.0:
        vertices[n] += unit_of(sums[n]) * thickness[n]


@wp.kernel
def spread(
    vertices: wp.array(dtype=wp.vec3),
    sums: wp.array(dtype=wp.vec4),
    welded: wp.array(dtype=wp.int32),
    corner_vertices: wp.array(dtype=wp.vec3),
    corner_normals: wp.array(dtype=wp.vec3),
):
    """One corner of the mesh a thread: place and unit normal of its welded vertex."""
    n = wp.tid()
    vertex = welded[n]
    corner_vertices[n] = vertices[vertex]
    corner_normals[n] = unit_of(sums[vertex])
