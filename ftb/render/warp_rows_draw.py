"""How triangles are chosen, set up and drawn on the CPU, eight of them or eight pixels at a time.

Parts of a snippet of `ftb.render.warp_rows`; `ftb.render.warp_kernels` and its neighbours are the readable
twins, whose bits these have.
"""

from __future__ import annotations

# Products and sums stay apart, as in the twin. What is known of eight triangles lies in columns of eight.
WORDS = """
#pragma clang fp contract(off)
#define EACH _Pragma("clang loop unroll(full)")
#define INLINE __attribute__((always_inline))
typedef double lanes __attribute__((ext_vector_type(8), aligned(8), may_alias));
typedef double four __attribute__((ext_vector_type(4), aligned(8), may_alias));
typedef long long bits __attribute__((ext_vector_type(8), aligned(8), may_alias));
typedef float singles __attribute__((ext_vector_type(8), aligned(4), may_alias));
typedef int words __attribute__((ext_vector_type(8), aligned(4), may_alias));
typedef int quarter __attribute__((ext_vector_type(4), aligned(4), may_alias));
typedef double View[4];
typedef int Spot[4];
const words which = {0, 1, 2, 3, 4, 5, 6, 7};
const lanes steps = {0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0};
const auto least = [](lanes a, lanes b) INLINE { return a < b ? a : b; };
const auto most = [](lanes a, lanes b) INLINE { return a > b ? a : b; };
const auto joined = [](four a, four b) INLINE {
    return (lanes)__builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7);
};
// Three numbers of each of eight vertices, whose numbers lie `stride` apart, side by side.
const auto views_of = [&](lanes (&corner)[3], const View* table, const int* numbers, int stride) INLINE {
    four column[2][3];
    EACH for (int half = 0; half < 2; ++half) {
        four row[4];
        EACH for (int k = 0; k < 4; ++k)
            row[k] = *(const four*)table[numbers[stride * (4 * half + k)]];
        const four even = __builtin_shufflevector(row[0], row[1], 0, 4, 2, 6);
        const four odd = __builtin_shufflevector(row[0], row[1], 1, 5, 3, 7);
        const four next_even = __builtin_shufflevector(row[2], row[3], 0, 4, 2, 6);
        const four next_odd = __builtin_shufflevector(row[2], row[3], 1, 5, 3, 7);
        column[half][0] = __builtin_shufflevector(even, next_even, 0, 1, 4, 5);
        column[half][1] = __builtin_shufflevector(odd, next_odd, 0, 1, 4, 5);
        column[half][2] = __builtin_shufflevector(even, next_even, 2, 3, 6, 7);
    }
    EACH for (int k = 0; k < 3; ++k)
        corner[k] = joined(column[0][k], column[1][k]);
};
const auto places_of = [&](words (&corner)[4], const Spot* table, const int* numbers, int stride) INLINE {
    words row[4], pair[4];
    EACH for (int k = 0; k < 4; ++k) {
        const quarter a = *(const quarter*)table[numbers[stride * k]];
        const quarter b = *(const quarter*)table[numbers[stride * (k + 4)]];
        row[k] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7);
    }
    EACH for (int k = 0; k < 4; k += 2) {  // within halves of registers
        pair[k] = __builtin_shufflevector(row[k], row[k + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        pair[k + 1] = __builtin_shufflevector(row[k], row[k + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    corner[0] = __builtin_shufflevector(pair[0], pair[2], 0, 1, 8, 9, 4, 5, 12, 13);
    corner[1] = __builtin_shufflevector(pair[0], pair[2], 2, 3, 10, 11, 6, 7, 14, 15);
    corner[2] = __builtin_shufflevector(pair[1], pair[3], 0, 1, 8, 9, 4, 5, 12, 13);
    corner[3] = __builtin_shufflevector(pair[1], pair[3], 2, 3, 10, 11, 6, 7, 14, 15);
};
"""

# A vertex in view: x, y, depth and a number to make four; on the pixel plane: x and y in steps of the grid,
# of which a pixel has a power of two, its kind, which is 3 for what is anchored and nearer than allowed, and
# a bit for each side of the picture beyond which it lies, by a pixel or more, before the camera.
PICTURE = """
const int width = s.frame.width, height = s.frame.height, count = s.count;
const int faces = s.faces.shape[0];
const double near = s.near.data[image], scale = s.scale.data[image];
const bool flat = s.frame.orthographic, cull = s.frame.cull;
View* seen = (View*)desk.view.data;
Spot* at = (Spot*)desk.placed.data;
const int* corners_of = (const int*)desk.corners.data;
long long* picture = (long long*)desk.keys.data;
__builtin_memset(picture, 0, 8ll * height * width);
"""

# As `put` in `warp_kernels`, eight vertices at a time, but for where those lie that are not anchored.
PLACE = """
const double* world = (const double*)(s.cam_from_world.data + image);
const float* shape = (const float*)vertices.data + 3ll * (vertices.shape[0] > count ? image * count : 0);
for (int next = 0; next < count; next += 8) {
    lanes v[3], at_view[3];
    __builtin_prefetch(shape + 3 * next + 384);  // of a head that nobody has looked at for long
    __builtin_prefetch(shape + 3 * next + 400);
    EACH for (int k = 0; k < 8; ++k)
        EACH for (int axis = 0; axis < 3; ++axis)
            v[axis][k] = shape[3 * (next + k < count ? next + k : count - 1) + axis];
    EACH for (int axis = 0; axis < 3; ++axis) {
        const double* m = world + 4 * axis;
        at_view[axis] = m[0] * v[0] + m[1] * v[1] + m[2] * v[2] + m[3];
    }
    const lanes x = at_view[0], y = at_view[1], depth = -at_view[2];
    const lanes shrink = flat ? (lanes)scale : scale / depth;
    const lanes pixel_x = s.frame.half_width + shrink * x, pixel_y = s.frame.half_height - shrink * y;
    const auto before_us = depth >= (flat ? -__builtin_inf() : near);
    const auto near_it = (__builtin_elementwise_abs(pixel_x - s.frame.half_width) < s.frame.guard)
        & (__builtin_elementwise_abs(pixel_y - s.frame.half_height) < s.frame.guard);
    const auto anchored = before_us & near_it;
    const lanes free_x = flat ? pixel_x : s.frame.half_width * depth + scale * x;
    const lanes free_y = flat ? pixel_y : s.frame.half_height * depth - scale * y;
    const lanes to_x = anchored ? __builtin_elementwise_rint(pixel_x * s.frame.grid) : free_x;
    const lanes to_y = anchored ? __builtin_elementwise_rint(pixel_y * s.frame.grid) : free_y;
    const lanes sum = to_x + to_y + x + y + depth;
    const words whole_x = __builtin_convertvector(anchored ? to_x : 0.0, words);
    const words whole_y = __builtin_convertvector(anchored ? to_y : 0.0, words);
    const lanes held = anchored ? (depth < near ? (lanes)3.0 : (lanes)2.0) : (lanes)1.0;
    const words kind = __builtin_convertvector(sum - sum == 0.0 ? held : 0.0, words);
    const auto bit_where = [&](auto beyond, int bit) INLINE {
        return __builtin_convertvector(beyond & before_us, words) & bit;
    };
    const words sides = bit_where(pixel_x < -1.0, 1) | bit_where(pixel_x > width + 1.0, 2)
        | bit_where(pixel_y < -1.0, 4) | bit_where(pixel_y > height + 1.0, 8);
    EACH for (int k = 0; k < 8; ++k) {  // there is room for eight of them
        *(four*)seen[next + k] = four{x[k], y[k], depth[k], 0.0};
        *(quarter*)at[next + k] = quarter{whole_x[k], whole_y[k], kind[k], sides[k]};
    }
}
"""

# Which triangles may show: of those anchored, that reach a pixel centre and face the camera; the numbers of
# those that are not, or that the near plane cuts, are put aside, for `raster_rows`, unless they lie beside
# the picture.
CHOOSE = """
const double grid = s.frame.grid, per_grid = 1.0 / grid;
const int shift = __builtin_ctzll((long long)grid), half_pixel = (1 << shift) / 2;
struct Box {
    words left, top, right, bottom;
};
const auto centres_within = [&](const words* p, const words* q, const words* r) INLINE {
    words low[2], high[2];
    EACH for (int axis = 0; axis < 2; ++axis) {
        low[axis] = __builtin_elementwise_min(__builtin_elementwise_min(p[axis], q[axis]), r[axis]);
        high[axis] = __builtin_elementwise_max(__builtin_elementwise_max(p[axis], q[axis]), r[axis]);
        low[axis] = (low[axis] + (half_pixel - 1)) >> shift;
        high[axis] = (high[axis] - half_pixel) >> shift;
    }
    return Box{low[0], low[1], high[0], high[1]};
};
const auto gap = [](words to, words from) INLINE { return __builtin_convertvector(to - from, lanes); };
int chosen = 0, others = 0;
int *shown = desk.scratch.data, *aside = desk.rest.data;
for (int first = 0; first < faces; first += 8) {
    const int* corner = corners_of + 3 * first;
    const words real = which < faces - first;
    words p[4], q[4], r[4];
    places_of(p, at, corner, 3);
    places_of(q, at, corner + 1, 3);
    places_of(r, at, corner + 2, 3);
    const Box box = centres_within(p, q, r);
    const words anchored = real & ((p[2] & q[2] & r[2]) == 2) & ((p[2] | q[2] | r[2]) == 2);
    const words beside = (p[3] & q[3] & r[3]) != 0;
    const words free = real & ~anchored & ~beside & (p[2] > 0) & (q[2] > 0) & (r[2] > 0);
    const words reached = (box.left <= box.right) & (box.top <= box.bottom) & (box.left < width)
        & (box.right >= 0) & (box.top < height) & (box.bottom >= 0);
    if (__builtin_reduce_or(free))
        for (int k = 0; k < 8; ++k)
            if (free[k])
                aside[1 + others++] = first + k;
    if (!__builtin_reduce_or(anchored & reached))
        continue;
    const lanes area = gap(q[1], p[1]) * gap(r[0], p[0]) - gap(q[0], p[0]) * gap(r[1], p[1]);
    const words faces_us = __builtin_convertvector(cull ? area > 0.0 : area != 0.0, words);
    const words wanted = anchored & reached & faces_us;
    EACH for (int k = 0; k < 8; ++k) {
        shown[chosen] = first + k;
        chosen -= wanted[k];
    }
}
aside[0] = others;
"""

# As `set_up_edges` and `set_up_depth`, for eight of them.
SET_UP = """
struct alignas(64) Edges {  // arrays: of a vector, which number is asked must not come from a variable
    double a[3][8], b[3][8], c[3][8], plane[3][8], farthest[8], nearest[8];
    int left[8], top[8], right[8], bottom[8];
};
const auto keep = [&](auto& to, auto from) INLINE { *(decltype(from)*)to = from; };
const auto set_up = [&](Edges& t, const int* numbers) INLINE {
    alignas(64) int number[24];
    EACH for (int k = 0; k < 8; ++k)
        EACH for (int j = 0; j < 3; ++j)
            number[8 * j + k] = corners_of[3 * numbers[k] + j];
    asm volatile("" : : "r"(number) : "memory");
    words place[3][4];
    EACH for (int j = 0; j < 3; ++j)
        places_of(place[j], at, number + 8 * j, 1);
    const Box box = centres_within(place[0], place[1], place[2]);
    keep(t.left, __builtin_elementwise_max(box.left, (words)0) & ~3);
    keep(t.top, __builtin_elementwise_max(box.top, (words)0));
    keep(t.right, __builtin_elementwise_min(box.right, (words)(width - 1)));
    keep(t.bottom, __builtin_elementwise_min(box.bottom, (words)(height - 1)));
    lanes p[2], q[2], r[2], u[3], v[3], w[3];
    EACH for (int axis = 0; axis < 2; ++axis) {
        p[axis] = __builtin_convertvector(place[0][axis], lanes) * per_grid;
        q[axis] = __builtin_convertvector(place[1][axis], lanes) * per_grid;
        r[axis] = __builtin_convertvector(place[2][axis], lanes) * per_grid;
    }
    views_of(u, seen, number, 1);
    views_of(v, seen, number + 8, 1);
    views_of(w, seen, number + 16, 1);
    const lanes area = (q[1] - p[1]) * (r[0] - p[0]) - (q[0] - p[0]) * (r[1] - p[1]);
    const lanes sign = area > 0.0 ? (lanes)-1.0 : (lanes)1.0;
    const auto edge = [&](int number, const lanes* from, const lanes* to) INLINE {
        const lanes across = to[0] - from[0], down = to[1] - from[1];
        const lanes a = sign * -down, b = sign * across;
        const lanes c = sign * (from[0] * down - from[1] * across);
        const auto open = (a > 0.0) | ((a == 0.0) & (b > 0.0));
        keep(t.a[number], a);
        keep(t.b[number], b);
        keep(t.c[number], open ? c : c - per_grid * per_grid);
    };
    edge(0, q, r);
    edge(1, r, p);
    edge(2, p, q);
    const lanes a[3] = {v[0] - u[0], v[1] - u[1], v[2] - u[2]};
    const lanes b[3] = {w[0] - u[0], w[1] - u[1], w[2] - u[2]};
    const lanes n[3] = {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
    const lanes offset = n[0] * u[0] + n[1] * u[1] + n[2] * u[2];
    const lanes over = flat ? n[2] : offset, at_centre = flat ? -offset : n[2];
    const auto edge_on = __builtin_elementwise_abs(over) < 1e-300;
    const lanes per_pixel = 1.0 / (edge_on ? (lanes)1.0 : over * scale);
    const lanes slope_x = n[0] * per_pixel, slope_y = -n[1] * per_pixel;
    const lanes corner =
        at_centre * scale * per_pixel - slope_x * s.frame.half_width - slope_y * s.frame.half_height;
    keep(t.plane[0], edge_on ? (lanes)0.0 : slope_x);
    keep(t.plane[1], edge_on ? (lanes)0.0 : slope_y);
    keep(t.plane[2], edge_on ? (lanes)0.0 : corner);
    const lanes farthest = most(most(u[2], v[2]), w[2]), nearest = least(least(u[2], v[2]), w[2]);
    keep(t.farthest, flat ? -farthest : 1.0 / farthest);
    keep(t.nearest, flat ? -nearest : 1.0 / nearest);
};
"""

# Four pixels of two rows at a time. Edge functions are exact, so that they may be summed from tile to tile,
# and that a step less than 0 is as good as 0 where an edge wants more; what lies beside a triangle is outside
# of one of them. Keys are numbers without a sign: as doubles they have the same order, and a maximum is one
# step.
FILL = """
const lanes across = {0.5, 1.5, 2.5, 3.5, 0.5, 1.5, 2.5, 3.5};
const lanes lower = {0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0};
const words turned = flat ? -1 : 0, base = flat ? 0x7F800001 : 0;
for (int first = 0; first < chosen; first += 8) {
    Edges t;
    for (int k = chosen; k < first + 8; ++k)
        shown[k] = shown[first];
    set_up(t, shown + first);
    asm volatile("" : : "r"(&t) : "memory");
    const int end = chosen - first < 8 ? chosen - first : 8;
    for (int k = 0; k < end; ++k) {
        const bits face = 0x7FFFFFFFLL - shown[first + k];
        const lanes along = t.plane[0][k], farthest = t.farthest[k], nearest = t.nearest[k];
        const int bottom = t.bottom[k], right = t.right[k], left = t.left[k];
        int row = t.top[k];
        lanes edge[3], far_right[3];
        EACH for (int side = 0; side < 3; ++side) {
            const double a = t.a[side][k], b = t.b[side][k], c = t.c[side][k];
            edge[side] = (across * a + lower * b) + (a * left + b * (row + 0.5) + c);
            far_right[side] = 4.0 * a;
        }
        for (; row <= bottom; row += 2) {
            if (row == height - 1) {  // both rows have to be of the picture
                row = height - 2;
                EACH for (int side = 0; side < 3; ++side)
                    edge[side] -= t.b[side][k];
            }
            lanes inside[3] = {edge[0], edge[1], edge[2]}, x = across + (double)left;
            const lanes level = t.plane[1][k] * (lower + (row + 0.5)) + t.plane[2][k];
            // in whole fours: what the next triangle reads is what this one has written
            long long* pixels = picture + (long long)row * width;
            _Pragma("clang loop unroll(disable)")
            for (int column = left; column <= right; column += 4) {
                const lanes nearness = along * x + level;
                const bits drawn = __builtin_convertvector(
                    least(least(inside[0], inside[1]), inside[2]) >= 0.0, bits);
                const lanes kept = least(most(nearness, farthest), nearest);
                const words size = __builtin_bit_cast(words, __builtin_convertvector(kept, singles));
                const words ordered = ((size & 0x7FFFFFFF) ^ turned) + base;
                // Nothing drawn is 0, which is never above: a store that leaves pixels out would make the
                // next triangle, which reads them, wait.
                const bits key = drawn & ((__builtin_convertvector(ordered, bits) << 32) | face);
                four *upper = (four*)(pixels + column), *under = (four*)(pixels + column + width);
                const lanes nearer = most(__builtin_bit_cast(lanes, key), joined(*upper, *under));
                *upper = nearer.lo;
                *under = nearer.hi;
                x += 4.0;
                EACH for (int side = 0; side < 3; ++side)
                    inside[side] += far_right[side];
            }
            EACH for (int side = 0; side < 3; ++side)
                edge[side] += 2.0 * t.b[side][k];
        }
    }
}
"""
