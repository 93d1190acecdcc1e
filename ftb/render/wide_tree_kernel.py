"""Rays through a tree of sixteen children a node, for the CPU: one register tests sixteen boxes or triangles.

Leaves hold sixteen triangles, nodes sixteen leaves; the nodes' boxes are tested row after row. All arrays are
rows of sixteen numbers: of a leaf the nine coordinates of its triangles' corners; of a node, and of sixteen
nodes, the boxes of its children: least x, y, z, then greatest.
The functions in C++ say what Warp's own language leaves to a compiler that does not find it.
"""

from __future__ import annotations

from ftb.kernels.start import wp
from ftb.render.row_kernel import Row
from ftb.render.sky_kernel import Sky

# Bits count: products and sums stay apart, as in `sky_kernel`.
wp.set_module_options({"enable_backward": False})

# Metres that boxes are wider than what is in them, so that rounding hides nothing.
SPARE = wp.constant(1.0e-6)
FAR = wp.constant(1.0e30)

_LANES = """
typedef float lanes __attribute__((ext_vector_type(16), aligned(4), may_alias));
typedef bool flags __attribute__((ext_vector_type(16)));
"""

# As `sky_kernel.sky_rows` has it: products and sums in the same order.
_SKY_ABOVE = (
    _LANES
    + """
const float* at = (const float*)(directions.data + first);
const int count = directions.shape[0] - first < 16 ? directions.shape[0] - first : 16;
lanes x = 0.0f, y = 0.0f, z = 0.0f;
for (int lane = 0; lane < count; ++lane) {
    x[lane] = at[3 * lane];
    y[lane] = at[3 * lane + 1];
    z[lane] = at[3 * lane + 2];
}
const lanes cosine = normal[0] * x + normal[1] * y + normal[2] * z;
const lanes arriving = cosine > 0.0f ? cosine * solid_angle : 0.0f;
for (int lane = 0; lane < count; ++lane)
    row.data[first + lane] = arriving[lane];
return __builtin_bit_cast(unsigned short, __builtin_convertvector(cosine > 0.0f, flags));
"""
)

_OPEN_AROUND = """
int above = 0, seen = 0;
for (int k = 0; k < 3; ++k) {
    above += arriving.data[near[k]] > 0.0f;
    seen += shadowed.data[near[k]] > 0.0f;
}
return above == 0 || (seen > 0 && seen < above) ? -1 : seen > 0;
"""

_HIDDEN = (
    _LANES
    + """
const lanes from[3] = {(lanes)origin[0], (lanes)origin[1], (lanes)origin[2]};
const lanes inv[3] = {(lanes)inverse[0], (lanes)inverse[1], (lanes)inverse[2]};
const int n0 = near[0], n1 = near[1], n2 = near[2], f0 = 3 - n0, f1 = 5 - n1, f2 = 7 - n2;
// One bit for each of sixteen boxes that the ray passes through.
const auto boxes_hit = [&](const float* place) -> unsigned {
    const lanes* box = (const lanes*)place;
    const lanes e0 = (box[n0] - from[0]) * inv[0], l0 = (box[f0] - from[0]) * inv[0];
    const lanes e1 = (box[n1] - from[1]) * inv[1], l1 = (box[f1] - from[1]) * inv[1];
    const lanes e2 = (box[n2] - from[2]) * inv[2], l2 = (box[f2] - from[2]) * inv[2];
    lanes start = e0 > 0.0f ? e0 : (lanes)0.0f, end = l0 < 1e30f ? l0 : (lanes)1e30f;
    start = e1 > start ? e1 : start;
    end = l1 < end ? l1 : end;
    start = e2 > start ? e2 : start;
    end = l2 < end ? l2 : end;
    return __builtin_bit_cast(unsigned short, __builtin_convertvector(start <= end, flags));
};
// One bit for each triangle that the ray's line passes through, or by within rounding. Edge functions as in
// Woop et al.; slack: more than the rounding of a difference of two products.
const auto triangles_met = [&](int leaf) -> unsigned {
    const lanes* at = (const lanes*)corners.data + 9 * leaf;
    lanes x[3], y[3], widest = 0.0f, highest = 0.0f;
    for (int k = 0; k < 3; ++k) {
        const lanes depth = at[3 * k + axes[2]] - origin[axes[2]];
        x[k] = at[3 * k + axes[0]] - origin[axes[0]] - shear[0] * depth;
        y[k] = at[3 * k + axes[1]] - origin[axes[1]] - shear[1] * depth;
        const lanes wide = __builtin_elementwise_abs(x[k]), high = __builtin_elementwise_abs(y[k]);
        widest = wide > widest ? wide : widest;
        highest = high > highest ? high : highest;
    }
    const lanes u = x[2] * y[1] - y[2] * x[1];
    const lanes v = x[0] * y[2] - y[0] * x[2];
    const lanes w = x[1] * y[0] - y[1] * x[0];
    const lanes slack = widest * highest * 1e-6f;
    lanes least = u < v ? u : v, most = u > v ? u : v;
    least = w < least ? w : least;
    most = w > most ? w : most;
    const flags above = __builtin_convertvector(least >= -slack, flags);
    const flags below = __builtin_convertvector(most <= slack, flags);
    return __builtin_bit_cast(unsigned short, above) | __builtin_bit_cast(unsigned short, below);
};
// As `wp.mesh_query_ray_anyhit` decides: one product and sum each, and then exact, since the products of two
// floats fit into a double.
const auto meets = [&](int leaf, int lane) -> bool {
    const float* at = corners.data + 144 * leaf + lane;
    double x[3], y[3], z[3];
    for (int k = 0; k < 3; ++k, at += 48) {
        const float depth = at[16 * axes[2]] - origin[axes[2]];
        x[k] = __builtin_fmaf(-shear[0], depth, at[16 * axes[0]] - origin[axes[0]]);
        y[k] = __builtin_fmaf(-shear[1], depth, at[16 * axes[1]] - origin[axes[1]]);
        z[k] = shear[2] * depth;
    }
    const double u = x[2] * y[1] - y[2] * x[1];
    const double v = x[0] * y[2] - y[0] * x[2];
    const double w = x[1] * y[0] - y[1] * x[0];
    if ((u < 0.0 || v < 0.0 || w < 0.0) && (u > 0.0 || v > 0.0 || w > 0.0))
        return false;
    const double whole = u + v + w, ahead = u * z[0] + v * z[1] + w * z[2];
    return whole > 0.0 ? ahead >= 0.0 : whole < 0.0 && ahead <= 0.0;
};
const int count = tops.shape[0] / 96;
for (int top = 0; top < count; ++top)
    for (unsigned nodes = boxes_hit(tops.data + 96 * top); nodes; nodes &= nodes - 1) {
        const int node = 16 * top + __builtin_ctz(nodes);
        for (unsigned leaves = boxes_hit(boxes.data + 96 * node); leaves; leaves &= leaves - 1) {
            const int leaf = 16 * node + __builtin_ctz(leaves);
            for (unsigned met = triangles_met(leaf); met; met &= met - 1)
                if (meets(leaf, __builtin_ctz(met)))
                    return true;
        }
    }
return false;
"""
)


@wp.func_native(_HIDDEN)
def any_met(
    tops: wp.array(dtype=float),
    boxes: wp.array(dtype=float),
    corners: wp.array(dtype=float),
    origin: wp.vec3,
    inverse: wp.vec3,
    near: wp.vec3i,
    axes: wp.vec3i,
    shear: wp.vec3,
) -> bool:
    """Whether a ray meets any triangle."""
    ...


@wp.func_native(_SKY_ABOVE)
def sky_above(
    directions: wp.array(dtype=wp.vec3),
    first: int,
    normal: wp.vec3,
    solid_angle: float,
    row: wp.array(dtype=float),
) -> int:
    """One bit for each of sixteen directions above the horizon; fills their row, cosine times solid angle."""
    ...


@wp.func_native(_OPEN_AROUND)
def open_around(near: wp.vec3i, arriving: wp.array(dtype=float), shadowed: wp.array(dtype=float)) -> int:
    """As `sky_kernel.open_around`, from both rows of a point."""
    ...


@wp.func_native("return __builtin_ctz(bits);")
def lowest_of(bits: int) -> int:
    """Number of the lowest bit that is set."""
    ...


@wp.func
def inverse_of(component: float):
    result = FAR
    if wp.abs(component) > 1.0e-20:
        result = 1.0 / component
    return result


@wp.func
def hidden(
    tops: wp.array(dtype=float),
    boxes: wp.array(dtype=float),
    corners: wp.array(dtype=float),
    origin: wp.vec3,
    towards: wp.vec3,
):
    """Whether a ray meets any triangle.

    Sheared so that it runs along its longest axis (Woop, Benthin and Wald 2013, "Watertight ray/triangle
    intersection", JCGT 2(1)).
    """
    inverse = wp.vec3(inverse_of(towards[0]), inverse_of(towards[1]), inverse_of(towards[2]))
    near = wp.vec3i(
        wp.where(inverse[0] < 0.0, 3, 0), wp.where(inverse[1] < 0.0, 4, 1), wp.where(inverse[2] < 0.0, 5, 2)
    )
    size = wp.vec3(wp.abs(towards[0]), wp.abs(towards[1]), wp.abs(towards[2]))
    along = wp.where(size[0] > size[1], wp.where(size[0] > size[2], 0, 2), wp.where(size[1] > size[2], 1, 2))
    first = wp.where(along == 2, 0, along + 1)
    axes = wp.vec3i(first, 3 - first - along, along)
    shear = wp.vec3(towards[axes[0]], towards[axes[1]], 1.0) / towards[along]
    return any_met(tops, boxes, corners, origin, inverse, near, axes, shear)


@wp.kernel
def place_leaves(
    points: wp.array(dtype=wp.vec3),
    leaves: wp.array(dtype=wp.int32),  # those that hold triangles
    places: wp.array(dtype=wp.int32),  # (leaves · 3 · 16,) points of first, second, third corners
    lanes: int,  # 16: as an argument, so that loops stay loops
    corners: wp.array(dtype=float),  # out
    boxes: wp.array(dtype=float),  # out
):
    """One leaf a thread."""
    leaf = leaves[wp.tid()]
    low = points[places[48 * leaf]]
    high = low
    for corner in range(3):
        for k in range(lanes):
            point = points[places[48 * leaf + 16 * corner + k]]
            at = 144 * leaf + 48 * corner + k
            corners[at] = point[0]
            corners[at + 16] = point[1]
            corners[at + 32] = point[2]
            low = wp.min(low, point)
            high = wp.max(high, point)
    node = int(wp.uint32(leaf) // wp.uint32(16))
    at = 96 * node + leaf - 16 * node
    for axis in range(3):
        boxes[at + 16 * axis] = low[axis] - SPARE
        boxes[at + 48 + 16 * axis] = high[axis] + SPARE


@wp.kernel
def place_nodes(boxes: wp.array(dtype=Row), tops: wp.array(dtype=float)):
    """One node a thread: tops (out) from boxes."""
    node = wp.tid()
    top = int(wp.uint32(node) // wp.uint32(16))
    at = 96 * top + node - 16 * top
    for axis in range(3):
        tops[at + 16 * axis] = wp.min(boxes[6 * node + axis])
        tops[at + 48 + 16 * axis] = wp.max(boxes[6 * node + 3 + axis])


@wp.kernel
def sky_rows(
    tops: wp.array(dtype=float),
    boxes: wp.array(dtype=float),
    corners: wp.array(dtype=float),
    points: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    needed: wp.array(dtype=wp.uint8),
    sky: Sky,
    offset: float,
    shadowed: wp.array(dtype=float, ndim=2),
    unshadowed: wp.array(dtype=float, ndim=2),
    openness: wp.array(dtype=float),
):
    """As `sky_kernel.sky_rows`."""
    point = wp.tid()
    if needed[point] == wp.uint8(0):
        return
    normal = normals[point]
    origin = points[point] + normal * offset
    whole = float(1e-8)
    seen = float(0.0)
    for first in range(0, sky.directions.shape[0], 16):
        directions = sky_above(sky.directions, first, normal, sky.solid_angle, unshadowed[point])
        while directions != 0:
            direction = first + lowest_of(directions)
            directions &= directions - 1
            towards = sky.directions[direction]
            answer = int(-1)  # noqa: RUF046
            if direction >= sky.few:
                answer = open_around(sky.neighbours[direction], unshadowed[point], shadowed[point])
            if answer < 0:
                answer = 1
                if hidden(tops, boxes, corners, origin, towards):
                    answer = 0
            cosine = wp.dot(normal, towards)
            shadowed[point, direction] = unshadowed[point, direction] * float(answer)
            whole += cosine
            seen += cosine * float(answer)
    openness[point] = seen / whole
