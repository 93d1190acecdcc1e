"""Rays through a tree of sixteen children a node, for the CPU: one register tests sixteen boxes or triangles.

Leaves hold sixteen triangles, nodes sixteen leaves; the nodes' boxes are tested row after row. All arrays are
rows of sixteen numbers: of a leaf the nine coordinates of its triangles' corners; of a node, and of sixteen
nodes, the boxes of its children: least x, y, z, then greatest.
In C++, which says what Warp's own language leaves to a compiler that does not find it.
"""

from __future__ import annotations

from ftb.kernels.start import EXACT, wp
from ftb.render.sky_kernel import Sky
from ftb.render.wide_tree_rays import DIRECTIONS, RAYS

# Bits count: products and sums stay apart, as in `sky_kernel`.
wp.set_module_options(EXACT)

# Metres that boxes are wider than what is in them, so that rounding hides nothing within six metres.
SPARE = wp.constant(4.0e-6)


@wp.struct
class Tree:
    """chosen (V,): where its vertices are among those of a shape; leaves: numbers of those that hold
    triangles; places (leaves · 3 · 16,): vertices of the first, second, third corners of each leaf's
    triangles; shape (V · 3,), corners, boxes, tops: as above, of the shape that was asked last; sides
    (leaves,): the longest side of each leaf's box; rays (D · RAY_NUMBERS,): room for what all rays of a
    direction share, and what is known of it at a point."""

    chosen: wp.array(dtype=wp.int32)
    leaves: wp.array(dtype=wp.int32)
    places: wp.array(dtype=wp.int32)
    shape: wp.array(dtype=float)
    corners: wp.array(dtype=float)
    boxes: wp.array(dtype=float)
    tops: wp.array(dtype=float)
    sides: wp.array(dtype=float)
    rays: wp.array(dtype=float)


_LANES = """
typedef float lanes __attribute__((ext_vector_type(16), aligned(4), may_alias));
typedef int counts __attribute__((ext_vector_type(16), aligned(4), may_alias));
typedef bool flags __attribute__((ext_vector_type(16)));
const auto least = [&](lanes a, lanes b) { return a < b ? a : b; };
const auto most = [&](lanes a, lanes b) { return a > b ? a : b; };
float *corners = tree.corners.data, *boxes = tree.boxes.data, *tops = tree.tops.data;
"""

# Leaves that hold triangles, then nodes: what is in them, and boxes around it.
_PLACED = """
#define EACH _Pragma("clang loop unroll(full)")
// Each is a corner of six triangles or so: first those that are, next to each other.
float* shape = tree.shape.data;
const int* chosen = tree.chosen.data;
const auto* first_of_all = shapes.data + (long long)head * vertices;
for (int k = 0; k < tree.chosen.shape[0]; ++k)
    __builtin_memcpy(shape + 3 * k, first_of_all + chosen[k], 12);
const auto ends_of = [&](lanes low, lanes high, float& start, float& end) {
    typedef float eight __attribute__((ext_vector_type(8)));
    typedef float four __attribute__((ext_vector_type(4)));
    const eight low8 = low.lo < low.hi ? low.lo : low.hi;
    const eight high8 = high.lo > high.hi ? high.lo : high.hi;
    const four low4 = low8.lo < low8.hi ? low8.lo : low8.hi;
    const four high4 = high8.lo > high8.hi ? high8.lo : high8.hi;
    start = low4[0];
    end = high4[0];
    EACH for (int k = 1; k < 4; ++k) {
        start = low4[k] < start ? low4[k] : start;
        end = high4[k] > end ? high4[k] : end;
    }
};
float farthest = 0.0f;  // of all coordinates
for (int number = 0; number < tree.leaves.shape[0]; ++number) {
    const int leaf = tree.leaves.data[number];
    const int* place = tree.places.data + 48 * leaf;
    float* to = corners + 144 * leaf;
    EACH for (int corner = 0; corner < 48; corner += 16)
        EACH for (int k = 0; k < 16; ++k) {
            const float* point = shape + 3 * place[corner + k];
            EACH for (int axis = 0; axis < 3; ++axis)
                to[3 * corner + 16 * axis + k] = point[axis];
        }
    // A triangle whose corners are not all numbers becomes one of one point, which meets nothing.
    lanes whole = 0.0f, *row = (lanes*)to;
    EACH for (int k = 0; k < 9; ++k)
        whole += row[k];
    EACH for (int k = 0; k < 9; ++k)
        row[k] = whole == whole ? row[k] : 0.0f;
    float* box = boxes + 96 * (leaf / 16) + leaf % 16;
    float widest = 0.0f;
    EACH for (int axis = 0; axis < 3; ++axis) {
        const lanes* of = (const lanes*)to + axis;
        const lanes low = of[0] < of[3] ? of[0] : of[3], high = of[0] > of[3] ? of[0] : of[3];
        float low_end, high_end;
        ends_of(low < of[6] ? low : of[6], high > of[6] ? high : of[6], low_end, high_end);
        box[16 * axis] = low_end - spare;
        box[48 + 16 * axis] = high_end + spare;
        farthest = -low_end > farthest ? -low_end : farthest;
        farthest = high_end > farthest ? high_end : farthest;
        widest = high_end - low_end > widest ? high_end - low_end : widest;
    }
    tree.sides.data[leaf] = widest + 2.0f * spare;
}
for (int node = 0; node < tree.boxes.shape[0] / 96; ++node) {
    const lanes* of = (const lanes*)(boxes + 96 * node);
    float* top = tops + 96 * (node / 16) + node % 16;
    for (int axis = 0; axis < 3; ++axis)
        ends_of(of[axis], of[3 + axis], top[16 * axis], top[48 + 16 * axis]);
}
"""

# As `sky_kernel.sky_rows` and `open_around`: products and sums in the same order.
_ALL_ROWS = (
    _LANES
    + _PLACED
    + DIRECTIONS
    + RAYS
    + """
const int last = starts.data[head + 1];
for (int point = starts.data[head]; point < last; ++point) {
    float* lit = unshadowed.data + (long long)count * point;
    float* row = shadowed.data + (long long)count * point;
    if (!needed.data[point]) {
        for (int direction = 0; direction < count; ++direction)
            lit[direction] = row[direction] = 0.0f;
        openness.data[point] = 0.0f;
        continue;
    }
    const long long vertex = asked.data[point], soon = asked.data[point + 4 < last ? point + 4 : point];
    __builtin_prefetch(points.data + soon);
    __builtin_prefetch(normals.data + soon);
    const float* normal = (const float*)(normals.data + vertex);
    float reach = farthest;
    for (int axis = 0; axis < 3; ++axis) {
        origin[axis] = ((const float*)(points.data + vertex))[axis] + normal[axis] * offset;
        reach = __builtin_fmaxf(reach, __builtin_fabsf(origin[axis]));
    }
    rounding = 6.0e-6f * reach;
    float whole = 1e-8f, seen = 0.0f;
    run = runs;
    for (int first = 0, some; first < count; first += some, run += 48) {
        some = rays[first].until - first;
        const lanes x = *(const lanes*)run, y = *(const lanes*)(run + 16), z = *(const lanes*)(run + 32);
        const lanes cosine = normal[0] * x + normal[1] * y + normal[2] * z;
        // arrays: of a register, which number is asked must not come from a variable
        alignas(64) int around[16] = {};
        for (int lane = 0; lane < some && first >= sky.few; ++lane) {
            const int* neighbour = (const int*)(sky.neighbours.data + first + lane);
            around[lane] = known[neighbour[0]] + known[neighbour[1]] + known[neighbour[2]];
        }
        const counts up = *(const counts*)around & 15, open = *(const counts*)around >> 4;
        alignas(64) float answers[16], cosines[16], open_parts[16], arrived[16], kept[16];
        *(lanes*)answers = open > 0 ? (lanes)1.0f : (lanes)0.0f;
        unsigned asked = bits(cosine > 0.0f) & (bits(up == 0) | (bits(open != 0) & bits(open != up)));
        for (; asked; asked &= asked - 1) {
            const int lane = __builtin_ctz(asked);
            answers[lane] = !hidden(rays[first + lane]);
        }
        const lanes answer = *(const lanes*)answers;
        const lanes above = cosine > 0.0f ? cosine : 0.0f, arriving = above * sky.solid_angle;
        *(lanes*)cosines = above;
        *(lanes*)open_parts = above * answer;
        *(lanes*)arrived = arriving;
        *(lanes*)kept = arriving * answer;
        alignas(64) int states[16];
        *(counts*)states = (arriving > 0.0f ? (counts)1 : 0) + (arriving * answer > 0.0f ? (counts)16 : 0);
        for (int lane = 0; lane < some; ++lane) {
            lit[first + lane] = arrived[lane];
            row[first + lane] = kept[lane];
            known[first + lane] = states[lane];
            whole += cosines[lane];
            seen += open_parts[lane];
        }
    }
    openness.data[point] = seen / whole;
}
"""
)


@wp.func_native(_ALL_ROWS)
def fill_rows(
    tree: Tree,
    shapes: wp.array(dtype=wp.vec3),
    vertices: int,
    starts: wp.array(dtype=wp.int32),
    points: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    asked: wp.array(dtype=wp.int64),
    needed: wp.array(dtype=wp.uint8),
    sky: Sky,
    offset: float,
    shadowed: wp.array(dtype=float, ndim=2),
    unshadowed: wp.array(dtype=float, ndim=2),
    openness: wp.array(dtype=float),
    spare: float,
    head: int,
):
    """Move the tree to the shape of one head, then point after point of that head."""
    ...


@wp.kernel
def sky_rows(
    tree: Tree,
    shapes: wp.array(dtype=wp.vec3),  # (B · V,)
    vertices: int,  # V
    starts: wp.array(dtype=wp.int32),  # (B + 1,) of heads among those asked
    points: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    asked: wp.array(dtype=wp.int64),  # (P,) of them
    needed: wp.array(dtype=wp.uint8),  # (P,)
    sky: Sky,
    offset: float,
    shadowed: wp.array(dtype=float, ndim=2),
    unshadowed: wp.array(dtype=float, ndim=2),
    openness: wp.array(dtype=float),
):
    """As `sky_kernel.sky_rows`, one head a thread, one after the other: they share the tree."""
    head = wp.tid()
    fill_rows(
        tree, shapes, vertices, starts, points, normals, asked, needed, sky, offset, shadowed, unshadowed,
        openness, SPARE, head,
    )  # fmt: skip
