"""Rays through a tree of sixteen children a node, for the CPU: one register tests sixteen boxes or triangles.

Leaves hold sixteen triangles, nodes sixteen leaves; the nodes' boxes are tested row after row. All arrays are
rows of sixteen numbers: of a leaf the nine coordinates of its triangles' corners; of a node, and of sixteen
nodes, the boxes of its children: least x, y, z, then greatest.
The three functions in C++ say what Warp's own language leaves to a compiler that does not find it.
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

_BOXES_HIT = (
    _LANES
    + """
const lanes* box = (const lanes*)boxes.data + first;
lanes start = 0.0f, end = 1e30f;
for (int axis = 0; axis < 3; ++axis) {
    const lanes enter = (box[near[axis]] - origin[axis]) * inverse[axis];
    const lanes leave = (box[far[axis]] - origin[axis]) * inverse[axis];
    start = enter > start ? enter : start;
    end = leave < end ? leave : end;
}
return __builtin_bit_cast(unsigned short, __builtin_convertvector(start <= end, flags));
"""
)

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

# Edge functions as in Woop et al.; slack: more than the rounding of a difference of two products.
_TRIANGLES_MET = (
    _LANES
    + """
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
"""
)

# One product and sum each, and then exact: the products of two floats fit into a double.
_MEETS = """
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
"""


@wp.func_native(_BOXES_HIT)
def boxes_hit(
    boxes: wp.array(dtype=float), first: int, origin: wp.vec3, inverse: wp.vec3, near: wp.vec3i, far: wp.vec3i
) -> int:
    """One bit for each of sixteen boxes, row `first` and the next five, that a ray passes through."""
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


@wp.func_native(_TRIANGLES_MET)
def triangles_met(
    corners: wp.array(dtype=float), leaf: int, origin: wp.vec3, axes: wp.vec3i, shear: wp.vec3
) -> int:
    """One bit for each triangle of a leaf that a ray's line passes through, or by within rounding."""
    ...


@wp.func_native(_MEETS)
def meets(
    corners: wp.array(dtype=float), leaf: int, lane: int, origin: wp.vec3, axes: wp.vec3i, shear: wp.vec3
) -> bool:
    """Whether a ray meets one triangle, decided as `wp.mesh_query_ray_anyhit` decides it."""
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
    far = wp.vec3i(3, 5, 7) - near
    size = wp.vec3(wp.abs(towards[0]), wp.abs(towards[1]), wp.abs(towards[2]))
    along = wp.where(size[0] > size[1], wp.where(size[0] > size[2], 0, 2), wp.where(size[1] > size[2], 1, 2))
    first = wp.where(along == 2, 0, along + 1)
    axes = wp.vec3i(first, 3 - first - along, along)
    shear = wp.vec3(towards[axes[0]], towards[axes[1]], 1.0) / towards[along]
    for top in range(int(wp.uint32(tops.shape[0]) // wp.uint32(96))):
        nodes = boxes_hit(tops, 6 * top, origin, inverse, near, far)
        while nodes != 0:
            node = 16 * top + lowest_of(nodes)
            nodes &= nodes - 1
            leaves = boxes_hit(boxes, 6 * node, origin, inverse, near, far)
            while leaves != 0:
                leaf = 16 * node + lowest_of(leaves)
                leaves &= leaves - 1
                met = triangles_met(corners, leaf, origin, axes, shear)
                while met != 0:
                    if meets(corners, leaf, lowest_of(met), origin, axes, shear):
                        return True
                    met &= met - 1
    return False


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
