"""Rays through a tree of sixteen children a node, for the CPU: one register tests sixteen boxes or triangles.

Leaves hold sixteen triangles, nodes sixteen leaves; the nodes' boxes are tested row after row. All arrays are
rows of sixteen numbers: of a leaf the nine coordinates of its triangles' corners; of a node, and of sixteen
nodes, the boxes of its children: least x, y, z, then greatest.
In C++, which says what Warp's own language leaves to a compiler that does not find it. Rays: Woop, Benthin
and Wald 2013, "Watertight ray/triangle intersection", JCGT 2(1).
"""

from __future__ import annotations

from ftb.kernels.start import EXACT, wp
from ftb.render.sky_kernel import Sky

# Bits count: products and sums stay apart, as in `sky_kernel`.
wp.set_module_options(EXACT)

# Metres that boxes are wider than what is in them, so that rounding hides nothing.
SPARE = wp.constant(1.0e-6)


@wp.struct
class Tree:
    """leaves: numbers of those that hold triangles; places (leaves · 3 · 16,): vertices of the first, second,
    third corners of each leaf's triangles; corners, boxes, tops: as above, of the shape that was asked
    last."""

    leaves: wp.array(dtype=wp.int32)
    places: wp.array(dtype=wp.int32)
    corners: wp.array(dtype=float)
    boxes: wp.array(dtype=float)
    tops: wp.array(dtype=float)


_LANES = """
typedef float lanes __attribute__((ext_vector_type(16), aligned(4), may_alias));
typedef bool flags __attribute__((ext_vector_type(16)));
float *corners = tree.corners.data, *boxes = tree.boxes.data, *tops = tree.tops.data;
"""

# Leaves that hold triangles, then nodes: what is in them, and boxes around it.
_PLACED = """
#define EACH _Pragma("clang loop unroll(full)")
const float* shape = (const float*)(shapes.data + (long long)head * vertices);
const auto ends_of = [&](lanes low, lanes high, float& least, float& most) {
    least = low[0];
    most = high[0];
    EACH for (int k = 1; k < 16; ++k) {
        least = low[k] < least ? low[k] : least;
        most = high[k] > most ? high[k] : most;
    }
};
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
    float* box = boxes + 96 * (leaf / 16) + leaf % 16;
    EACH for (int axis = 0; axis < 3; ++axis) {
        const lanes* of = (const lanes*)to + axis;
        const lanes low = of[0] < of[3] ? of[0] : of[3], high = of[0] > of[3] ? of[0] : of[3];
        float least, most;
        ends_of(low < of[6] ? low : of[6], high > of[6] ? high : of[6], least, most);
        box[16 * axis] = least - spare;
        box[48 + 16 * axis] = most + spare;
    }
}
for (int node = 0; node < tree.boxes.shape[0] / 96; ++node) {
    const lanes* of = (const lanes*)(boxes + 96 * node);
    float* top = tops + 96 * (node / 16) + node % 16;
    for (int axis = 0; axis < 3; ++axis)
        ends_of(of[axis], of[3 + axis], top[16 * axis], top[48 + 16 * axis]);
}
"""

_RAYS = (
    _LANES
    + _PLACED
    + """
float origin[3], shear[3], inverse[3];
int axes[3], near[3];
// One bit for each of sixteen boxes that the ray passes through.
const auto boxes_hit = [&](const float* place) -> unsigned {
    const lanes* box = (const lanes*)place;
    lanes start = 0.0f, end = 1e30f;
    for (int axis = 0; axis < 3; ++axis) {
        const lanes enter = (box[near[axis]] - origin[axis]) * inverse[axis];
        const lanes leave = (box[3 + 2 * axis - near[axis]] - origin[axis]) * inverse[axis];
        start = enter > start ? enter : start;
        end = leave < end ? leave : end;
    }
    return __builtin_bit_cast(unsigned short, __builtin_convertvector(start <= end, flags));
};
// One bit for each triangle, not all behind the ray's start, that its line passes through, or by within
// rounding. Edge functions as in Woop et al.; slack: more than the rounding of a difference of two products.
const auto triangles_met = [&](int leaf) -> unsigned {
    const lanes* at = (const lanes*)corners + 9 * leaf;
    lanes x[3], y[3], widest = 0.0f, highest = 0.0f, ahead = -1.0f;
    for (int k = 0; k < 3; ++k) {
        const lanes depth = at[3 * k + axes[2]] - origin[axes[2]], way = shear[2] * depth;
        ahead = way > ahead ? way : ahead;
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
    const flags in_front = __builtin_convertvector(ahead >= 0.0f, flags);
    return (__builtin_bit_cast(unsigned short, above) | __builtin_bit_cast(unsigned short, below))
        & __builtin_bit_cast(unsigned short, in_front);
};
// As `wp.mesh_query_ray_anyhit` decides: one product and sum each, and then exact, since the products of two
// floats fit into a double.
const auto meets = [&](int leaf, int lane) -> bool {
    const float* at = corners + 144 * leaf + lane;
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
// Whether a ray from the origin meets any triangle. Sheared so that it runs along its longest axis.
const int tops_count = tree.tops.shape[0] / 96;
const auto hidden = [&](const float* towards) -> bool {
    for (int axis = 0; axis < 3; ++axis) {
        inverse[axis] = __builtin_fabsf(towards[axis]) > 1e-20f ? 1.0f / towards[axis] : 1e30f;
        near[axis] = inverse[axis] < 0.0f ? 3 + axis : axis;
    }
    const float x = __builtin_fabsf(towards[0]), y = __builtin_fabsf(towards[1]);
    const float z = __builtin_fabsf(towards[2]);
    axes[2] = x > y ? (x > z ? 0 : 2) : (y > z ? 1 : 2);
    axes[0] = axes[2] == 2 ? 0 : axes[2] + 1;
    axes[1] = 3 - axes[0] - axes[2];
    const float along = towards[axes[2]];
    shear[0] = towards[axes[0]] / along;
    shear[1] = towards[axes[1]] / along;
    shear[2] = 1.0f / along;
    for (int top = 0; top < tops_count; ++top)
        for (unsigned nodes = boxes_hit(tops + 96 * top); nodes; nodes &= nodes - 1) {
            const int node = 16 * top + __builtin_ctz(nodes);
            for (unsigned leaves = boxes_hit(boxes + 96 * node); leaves; leaves &= leaves - 1) {
                const int leaf = 16 * node + __builtin_ctz(leaves);
                for (unsigned met = triangles_met(leaf); met; met &= met - 1)
                    if (meets(leaf, __builtin_ctz(met)))
                        return true;
            }
        }
    return false;
};
"""
)

# As `sky_kernel.sky_rows` and `open_around`: products and sums in the same order.
_ALL_ROWS = (
    _RAYS
    + """
const int count = sky.directions.shape[0];
const float* directions = (const float*)sky.directions.data;
for (int point = starts.data[head]; point < starts.data[head + 1]; ++point) {
    if (!needed.data[point])
        continue;
    const float* normal = (const float*)(normals.data + point);
    for (int axis = 0; axis < 3; ++axis)
        origin[axis] = ((const float*)(points.data + point))[axis] + normal[axis] * offset;
    float* lit = unshadowed.data + (long long)count * point;
    float* row = shadowed.data + (long long)count * point;
    float whole = 1e-8f, seen = 0.0f;
    for (int first = 0; first < count; first += 16) {
        const int some = count - first < 16 ? count - first : 16;
        // arrays: of a register, which number is asked must not come from a variable
        alignas(64) float axes_of[3][16] = {}, cosines[16], arriving[16];
        for (int lane = 0; lane < some; ++lane)
            for (int axis = 0; axis < 3; ++axis)
                axes_of[axis][lane] = directions[3 * (first + lane) + axis];
        const lanes x = *(const lanes*)axes_of[0], y = *(const lanes*)axes_of[1];
        const lanes z = *(const lanes*)axes_of[2], cosine = normal[0] * x + normal[1] * y + normal[2] * z;
        *(lanes*)cosines = cosine;
        *(lanes*)arriving = cosine > 0.0f ? cosine * sky.solid_angle : 0.0f;
        for (int lane = 0; lane < some; ++lane)
            lit[first + lane] = arriving[lane];
        unsigned above = __builtin_bit_cast(unsigned short, __builtin_convertvector(cosine > 0.0f, flags));
        for (; above; above &= above - 1) {
            const int direction = first + __builtin_ctz(above);
            int up = 0, open = 0;
            if (direction >= sky.few) {
                const int* neighbour = (const int*)(sky.neighbours.data + direction);
                for (int k = 0; k < 3; ++k) {
                    up += lit[neighbour[k]] > 0.0f;
                    open += row[neighbour[k]] > 0.0f;
                }
            }
            const bool agreed = up > 0 && (open == 0 || open == up);
            const float answer = agreed ? open > 0 : !hidden(directions + 3 * direction);
            row[direction] = lit[direction] * answer;
            whole += cosines[direction - first];
            seen += cosines[direction - first] * answer;
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
    starts: wp.array(dtype=wp.int32),  # (B + 1,) of heads among points
    points: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    needed: wp.array(dtype=wp.uint8),
    sky: Sky,
    offset: float,
    shadowed: wp.array(dtype=float, ndim=2),
    unshadowed: wp.array(dtype=float, ndim=2),
    openness: wp.array(dtype=float),
):
    """As `sky_kernel.sky_rows`, one head a thread, one after the other: they share the tree."""
    head = wp.tid()
    fill_rows(
        tree, shapes, vertices, starts, points, normals, needed, sky, offset, shadowed, unshadowed, openness,
        SPARE, head,
    )  # fmt: skip
