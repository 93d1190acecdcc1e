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
typedef float singles __attribute__((ext_vector_type(8)));
typedef int words __attribute__((ext_vector_type(8)));
const lanes steps = {0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0};
const auto least = [](lanes a, lanes b) INLINE { return a < b ? a : b; };
const auto most = [](lanes a, lanes b) INLINE { return a > b ? a : b; };
// Three numbers of each of eight vertices, side by side.
const auto corners_of = [](lanes (&corner)[3], const double (*table)[3], const long long* numbers) INLINE {
    lanes row[4];
    EACH for (int k = 0; k < 4; ++k) {
        const four a = *(const four*)table[numbers[2 * k]], b = *(const four*)table[numbers[2 * k + 1]];
        row[k] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7);
    }
    EACH for (int turn = 0; turn < 2; ++turn) {  // even numbers first, as in `ftb.kernels.lanes`
        lanes parted[4];
        EACH for (int k = 0; k < 2; ++k) {
            parted[k] = __builtin_shufflevector(row[2 * k], row[2 * k + 1], 0, 2, 4, 6, 8, 10, 12, 14);
            parted[k + 2] = __builtin_shufflevector(row[2 * k], row[2 * k + 1], 1, 3, 5, 7, 9, 11, 13, 15);
        }
        EACH for (int k = 0; k < 4; ++k)
            row[k] = parted[k];
    }
    EACH for (int k = 0; k < 3; ++k)
        corner[k] = row[k];
};
const int width = s.frame.width, height = s.frame.height, count = s.count, faces = s.faces.shape[0];
const double near = s.near.data[image], scale = s.scale.data[image];
const bool flat = s.frame.orthographic, cull = s.frame.cull;
const double (*seen)[3] = (const double (*)[3])(view.data + (long long)image * count);
const double (*at)[3] = (const double (*)[3])(placed.data + (long long)image * count);
const long long (*corners)[3] = (const long long (*)[3])s.faces.data;
long long* picture = (long long*)keys.data;
__builtin_memset(picture, 0, 8ll * height * width);
"""

# Which triangles may show: of those anchored, that reach a pixel centre and face the camera; the numbers of
# those that are not anchored are put aside, for `raster_rest`.
CHOOSE = """
int chosen = 0, others = 0;
int *shown = scratch.data, *aside = rest.data;
for (int first = 0; first < faces; first += 8) {
    long long number[3][8];
    bool sound[8];
    EACH for (int k = 0; k < 8; ++k) {
        const long long* corner = corners[first + k < faces ? first + k : first];
        sound[k] = first + k < faces && (unsigned long long)corner[0] < count
            && (unsigned long long)corner[1] < count && (unsigned long long)corner[2] < count;
        EACH for (int j = 0; j < 3; ++j)
            number[j][k] = sound[k] ? corner[j] : 0;
    }
    asm volatile("" ::: "memory");
    lanes p[3], q[3], r[3];
    corners_of(p, at, number[0]);
    corners_of(q, at, number[1]);
    corners_of(r, at, number[2]);
    const lanes x_low = __builtin_elementwise_ceil(least(least(p[0], q[0]), r[0]) - 0.5);
    const lanes y_low = __builtin_elementwise_ceil(least(least(p[1], q[1]), r[1]) - 0.5);
    const lanes x_high = __builtin_elementwise_floor(most(most(p[0], q[0]), r[0]) - 0.5);
    const lanes y_high = __builtin_elementwise_floor(most(most(p[1], q[1]), r[1]) - 0.5);
    const lanes area = (q[1] - p[1]) * (r[0] - p[0]) - (q[0] - p[0]) * (r[1] - p[1]);
    const auto anchored = p[2] + q[2] + r[2] == 6.0, valid = p[2] * q[2] * r[2] != 0.0;
    const auto faces_us = cull ? area > 0.0 : area != 0.0;
    const auto reached = (x_low <= x_high) & (y_low <= y_high) & (x_low <= width - 1.0) & (x_high >= 0.0)
        & (y_low <= height - 1.0) & (y_high >= 0.0);
    const words wanted = __builtin_convertvector(anchored & faces_us & reached, words);
    const words free = __builtin_convertvector(valid & ~anchored, words);
    EACH for (int k = 0; k < 8; ++k) {
        shown[chosen] = first + k;
        chosen += sound[k] & (wanted[k] != 0);
    }
    if (__builtin_reduce_or(free))
        for (int k = 0; k < 8; ++k)
            if (sound[k] && free[k])
                aside[1 + others++] = first + k;
}
aside[0] = others;
"""

# As `set_up_edges` and `set_up_depth`, for eight of them.
SET_UP = """
struct Edges {
    lanes a[3], b[3], c[3], least[3], plane[3], farthest, nearest, cut;
    words left, top, right, bottom;
};
const auto set_up = [&](Edges& t, const int* numbers) INLINE {
    long long number[3][8];
    EACH for (int k = 0; k < 8; ++k)
        EACH for (int j = 0; j < 3; ++j)
            number[j][k] = corners[numbers[k]][j];
    asm volatile("" ::: "memory");
    lanes p[3], q[3], r[3], u[3], v[3], w[3];
    corners_of(p, at, number[0]);
    corners_of(q, at, number[1]);
    corners_of(r, at, number[2]);
    corners_of(u, seen, number[0]);
    corners_of(v, seen, number[1]);
    corners_of(w, seen, number[2]);
    const auto whole = [](lanes value) INLINE { return __builtin_convertvector(value, words); };
    t.left = whole(most(__builtin_elementwise_ceil(least(least(p[0], q[0]), r[0]) - 0.5), 0.0));
    t.top = whole(most(__builtin_elementwise_ceil(least(least(p[1], q[1]), r[1]) - 0.5), 0.0));
    t.right = whole(least(__builtin_elementwise_floor(most(most(p[0], q[0]), r[0]) - 0.5), width - 1.0));
    t.bottom = whole(least(__builtin_elementwise_floor(most(most(p[1], q[1]), r[1]) - 0.5), height - 1.0));
    const lanes area = (q[1] - p[1]) * (r[0] - p[0]) - (q[0] - p[0]) * (r[1] - p[1]);
    const lanes sign = area > 0.0 ? (lanes)-1.0 : (lanes)1.0;
    const auto edge = [&](int number, const lanes* from, const lanes* to) INLINE {
        const lanes across = to[0] - from[0], down = to[1] - from[1];
        t.a[number] = sign * -down;
        t.b[number] = sign * across;
        t.c[number] = sign * (from[0] * down - from[1] * across);
        const auto open = (t.a[number] > 0.0) | ((t.a[number] == 0.0) & (t.b[number] > 0.0));
        t.least[number] = open ? (lanes)0.0 : (lanes)1e-300;
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
    t.plane[0] = edge_on ? (lanes)0.0 : slope_x;
    t.plane[1] = edge_on ? (lanes)0.0 : slope_y;
    t.plane[2] = edge_on ? (lanes)0.0 : corner;
    const lanes farthest = most(most(u[2], v[2]), w[2]), nearest = least(least(u[2], v[2]), w[2]);
    const lanes kept = most(nearest, near);
    t.farthest = flat ? -farthest : 1.0 / farthest;
    t.nearest = flat ? -kept : 1.0 / kept;
    t.cut = nearest < near ? t.nearest : (lanes)__builtin_inf();
    t.bottom = __builtin_convertvector(farthest < near, words) ? -1 : t.bottom;
};
"""

FILL = """
for (int first = 0; first < chosen; first += 8) {
    Edges t;
    for (int k = chosen; k < first + 8; ++k)
        shown[k] = shown[first];
    set_up(t, shown + first);
    asm volatile("" ::: "memory");
    const int end = chosen - first < 8 ? chosen - first : 8;
    for (int k = 0; k < end; ++k) {
        const long long face = 0x7FFFFFFFLL - shown[first + k];
        const double left = t.left[k], right = t.right[k];
        const lanes a = t.a[0][k], b = t.a[1][k], c = t.a[2][k], along = t.plane[0][k];
        const lanes farthest = t.farthest[k], nearest = t.nearest[k], cut = t.cut[k];
        const lanes d = t.least[0][k], e = t.least[1][k], f = t.least[2][k];
        for (int row = t.top[k]; row <= t.bottom[k]; ++row) {
            const double y = row + 0.5;
            const double i = t.b[0][k] * y + t.c[0][k], j = t.b[1][k] * y + t.c[1][k];
            const double l = t.b[2][k] * y + t.c[2][k], level = t.plane[1][k] * y + t.plane[2][k];
            for (int from = t.left[k] & ~7; from <= t.right[k]; from += 8) {
                const int start = from < width - 8 ? from : width - 8;  // within the row
                const lanes column = steps + (double)start;
                const lanes x = column + 0.5;
                const lanes nearness = along * x + level;
                const bits drawn = __builtin_convertvector(
                    ((a * x + i >= d) & (b * x + j >= e)) & ((c * x + l >= f) & (nearness <= cut))
                        & ((column >= left) & (column <= right)),
                    bits);
                const lanes kept = least(most(nearness, farthest), nearest);
                const singles size = __builtin_convertvector(__builtin_elementwise_abs(kept), singles);
                bits key = __builtin_convertvector(__builtin_bit_cast(words, size), bits);
                key = flat ? 0x7F800000 - key : key;
                // Nothing drawn is 0, which is never above: a store that leaves pixels out would make the
                // next triangle, which reads them, wait.
                key = drawn ? (key << 32) | face : 0;
                bits* pixels = (bits*)(picture + (long long)row * width + start);
                const bits old = *pixels;
                *pixels = key > old ? key : old;
            }
        }
    }
}
"""
