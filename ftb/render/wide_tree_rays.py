"""What a ray asks of the tree of `wide_tree_kernel`, as C++: which boxes it passes, which triangles it meets.

Rays: Woop, Benthin and Wald 2013, "Watertight ray/triangle intersection", JCGT 2(1).
"""

from __future__ import annotations

# Of a `Ray`, of what is known of its direction, and of the row of directions that may begin with it.
RAY_NUMBERS = 13 + 1 + 3 * 16

# What rays of one direction share, whatever their start. Sheared so that they run along their longest axis.
DIRECTIONS = """
struct Ray {
    float shear[3], inverse[3];
    int axes[3], near[3];
    int until;  // directions from this one on that ask none of each other, sixteen at most, end here
};
const int count = sky.directions.shape[0];
Ray* rays = (Ray*)tree.rays.data;
int* known = (int*)(rays + count);  // of directions at a point: 0 below its horizon, 1 hidden, 17 open
float* runs = (float*)(known + count);  // directions that end at an `until`, their numbers side by side
float* run = runs;
for (int first = 0; first < count; first = rays[first].until) {
    int until = first;
    for (bool apart = true; apart && until < count && until < first + 16; until += apart) {
        const int* neighbour = (const int*)(sky.neighbours.data + until);
        const bool known_ones = neighbour[0] < first && neighbour[1] < first && neighbour[2] < first;
        apart = first < sky.few ? until < sky.few : known_ones;
    }
    until = until > first ? until : first + 1;
    rays[first].until = until;
    for (int lane = 0; lane < 16; ++lane)
        for (int axis = 0; axis < 3; ++axis)
            run[16 * axis + lane] =
                first + lane < until ? ((const float*)(sky.directions.data + first + lane))[axis] : 0.0f;
    run += 48;
}
for (int direction = 0; direction < count; ++direction) {
    const float* towards = (const float*)(sky.directions.data + direction);
    Ray& ray = rays[direction];
    for (int axis = 0; axis < 3; ++axis) {
        ray.inverse[axis] = __builtin_fabsf(towards[axis]) > 1e-20f ? 1.0f / towards[axis] : 1e30f;
        ray.near[axis] = ray.inverse[axis] < 0.0f ? 3 + axis : axis;
    }
    const float x = __builtin_fabsf(towards[0]), y = __builtin_fabsf(towards[1]);
    const float z = __builtin_fabsf(towards[2]);
    const int longest = x > y ? (x > z ? 0 : 2) : (y > z ? 1 : 2), first = longest == 2 ? 0 : longest + 1;
    ray.axes[0] = first;
    ray.axes[1] = 3 - first - longest;
    ray.axes[2] = longest;
    ray.shear[0] = towards[first] / towards[longest];
    ray.shear[1] = towards[ray.axes[1]] / towards[longest];
    ray.shear[2] = 1.0f / towards[longest];
}
"""

RAYS = """
float origin[3], rounding;  // a hundred roundings of the farthest coordinate
const auto bits = [&](auto truth) -> unsigned {
    return __builtin_bit_cast(unsigned short, __builtin_convertvector(truth, flags));
};
// One bit for each of sixteen boxes that the ray passes through.
const auto boxes_hit = [&](const Ray& ray, const float* place) -> unsigned {
    _Pragma("clang fp contract(fast)")
    const lanes* box = (const lanes*)place;
    lanes start = 0.0f, end = 1e30f;
    for (int axis = 0; axis < 3; ++axis) {
        const float shift = origin[axis] * ray.inverse[axis];
        // in this order: what is no number changes nothing
        start = most(box[ray.near[axis]] * ray.inverse[axis] - shift, start);
        end = least(box[3 + 2 * axis - ray.near[axis]] * ray.inverse[axis] - shift, end);
    }
    return bits(start <= end);
};
// Of sixteen triangles one bit for each that the ray meets beyond doubt, and for each that it may meet. Edge
// functions as in Woop et al.; slack: more than they differ here from those of `meets`, since sheared places
// differ by six roundings of a coordinate at most, and reach no further than twice the side of a leaf's box.
struct Met {
    unsigned surely, perhaps;
};
const auto triangles_met = [&](const Ray& ray, int leaf) -> Met {
    _Pragma("clang fp contract(fast)")
    const lanes* at = (const lanes*)corners + 9 * leaf;
    const float shift_x = origin[ray.axes[0]] - ray.shear[0] * origin[ray.axes[2]];
    const float shift_y = origin[ray.axes[1]] - ray.shear[1] * origin[ray.axes[2]];
    lanes x[3], y[3], way[3];
    for (int k = 0; k < 3; ++k) {
        const lanes z = at[3 * k + ray.axes[2]];
        x[k] = at[3 * k + ray.axes[0]] - ray.shear[0] * z - shift_x;
        y[k] = at[3 * k + ray.axes[1]] - ray.shear[1] * z - shift_y;
        way[k] = z * ray.shear[2];
    }
    const lanes u = x[2] * y[1] - y[2] * x[1];
    const lanes v = x[0] * y[2] - y[0] * x[2];
    const lanes w = x[1] * y[0] - y[1] * x[0];
    const float start = origin[ray.axes[2]] * ray.shear[2], side = tree.sides.data[leaf];
    const float slack = (rounding + 2.7e-6f * side) * side;
    const lanes low = least(least(u, v), w), high = most(most(u, v), w);
    const unsigned reached = bits(most(most(way[0], way[1]), way[2]) >= start);
    const unsigned inside = bits(low > slack) | bits(high < -slack);
    return {inside & bits(least(least(way[0], way[1]), way[2]) > start),
            reached & (bits(low >= -slack) | bits(high <= slack))};
};
// As `wp.mesh_query_ray_anyhit` decides: one product and sum each, and then exact, since the products of two
// floats fit into a double.
const auto meets = [&](const Ray& ray, int leaf, int lane) -> bool {
    const float* at = corners + 144 * leaf + lane;
    double x[3], y[3], z[3];
    for (int k = 0; k < 3; ++k, at += 48) {
        const float depth = at[16 * ray.axes[2]] - origin[ray.axes[2]];
        x[k] = __builtin_fmaf(-ray.shear[0], depth, at[16 * ray.axes[0]] - origin[ray.axes[0]]);
        y[k] = __builtin_fmaf(-ray.shear[1], depth, at[16 * ray.axes[1]] - origin[ray.axes[1]]);
        z[k] = ray.shear[2] * depth;
    }
    const double u = x[2] * y[1] - y[2] * x[1];
    const double v = x[0] * y[2] - y[0] * x[2];
    const double w = x[1] * y[0] - y[1] * x[0];
    if ((u < 0.0 || v < 0.0 || w < 0.0) && (u > 0.0 || v > 0.0 || w > 0.0))
        return false;
    const double whole = u + v + w, ahead = u * z[0] + v * z[1] + w * z[2];
    return whole > 0.0 ? ahead >= 0.0 : whole < 0.0 && ahead <= 0.0;
};
// Whether a ray from the origin meets any triangle. Doubts wait: mostly they are about triangles that the ray
// starts at, and half the rays meet another one.
struct Doubt {
    unsigned lanes;
    int leaf;
};
Doubt doubts[17];
const int tops_count = tree.tops.shape[0] / 96;
const auto any_met = [&](const Ray& ray, const Doubt* doubts, int count) -> bool {
    for (int k = 0; k < count; ++k)
        for (unsigned met = doubts[k].lanes; met; met &= met - 1)
            if (meets(ray, doubts[k].leaf, __builtin_ctz(met)))
                return true;
    return false;
};
const auto hidden = [&](const Ray& ray) -> bool {
    int count = 0;
    for (int first = 0; first < tops_count; first += 4) {
        unsigned long long nodes = 0;
        for (int top = first; top < first + 4 && top < tops_count; ++top)
            nodes |= (unsigned long long)boxes_hit(ray, tops + 96 * top) << 16 * (top - first);
        for (; nodes; nodes &= nodes - 1) {
            const int node = 16 * first + __builtin_ctzll(nodes);
            for (unsigned leaves = boxes_hit(ray, boxes + 96 * node); leaves; leaves &= leaves - 1) {
                const int leaf = 16 * node + __builtin_ctz(leaves);
                const Met met = triangles_met(ray, leaf);
                if (met.surely)
                    return true;
                doubts[count] = {met.perhaps, leaf};
                count += met.perhaps != 0;
                if (count == 17) {
                    if (any_met(ray, doubts, count))
                        return true;
                    count = 0;
                }
            }
        }
    }
    return any_met(ray, doubts, count);
};
"""
