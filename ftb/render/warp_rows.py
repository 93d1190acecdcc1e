"""Triangles drawn and resolved on the CPU, eight pixels of a row at a time; `warp_kernels` has the twins.

The same pixels and the same keys to the bit: inside and nearness are asked of every pixel in the same words,
where the twin looks for the ends of each row first. A thread draws a whole picture, or resolves a row of it:
Warp copies all arguments for each, which is more than most triangles cost.
"""

from ftb.kernels.start import wp
from ftb.render.warp_kernels import LAST_FACE, Batch, draw, set_up

wp.set_module_options({"enable_backward": False})

LANES = wp.constant(8)

# Products and sums stay apart, as in the twin. What is known of eight triangles lies in columns of eight.
_WORDS = """
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
long long* picture = (long long*)keys.data + (long long)image * height * width;
"""

# Which triangles may show: of those anchored, that reach a pixel centre and face the camera; the numbers of
# those that are not anchored are put aside, for `raster_rest`.
_CHOOSE = """
int chosen = 0, others = 0;
int *shown = scratch.data, *aside = rest.data + (long long)image * (faces + 1);
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
_SET_UP = """
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

_FILL = """
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
_DRAW = _WORDS + _CHOOSE + _SET_UP + _FILL


@wp.func_native(_DRAW)
def draw_image(
    s: Batch,
    view: wp.array(dtype=wp.vec3d),
    placed: wp.array(dtype=wp.vec3d),
    keys: wp.array(dtype=wp.int64),
    scratch: wp.array(dtype=wp.int32),
    rest: wp.array(dtype=wp.int32),
    image: int,
):
    """Draw a picture at least eight pixels wide; scratch: F + 8 numbers; rest (B, F + 1): how many of its
    triangles are not anchored, and which."""
    ...


@wp.kernel
def raster_rows(
    s: Batch,
    view: wp.array(dtype=wp.vec3d),
    placed: wp.array(dtype=wp.vec3d),
    keys: wp.array(dtype=wp.int64),
    scratch: wp.array(dtype=wp.int32),
    rest: wp.array(dtype=wp.int32),
):
    """As `warp_kernels.raster`, but for what is put aside: a picture a thread, one after the other."""
    draw_image(s, view, placed, keys, scratch, rest, wp.tid())


@wp.kernel
def raster_rest(
    s: Batch,
    view: wp.array(dtype=wp.vec3d),
    placed: wp.array(dtype=wp.vec3d),
    keys: wp.array(dtype=wp.int64),
    rest: wp.array(dtype=wp.int32),
):
    """As `warp_kernels.raster`, for what `raster_rows` put aside; a picture a thread."""
    image = wp.tid()
    first = image * (s.faces.shape[0] + 1)
    for k in range(rest[first]):
        f = rest[first + 1 + k]
        drawing = set_up(s, view, placed, image, f)
        if drawing.box[2] >= 0:
            face = LAST_FACE - wp.int64(f)
            draw(s.frame, drawing.triangle, drawing.box, image * s.frame.height, face, keys)


_RESOLVE = """
#pragma clang fp contract(off)
typedef double lanes __attribute__((ext_vector_type(8), aligned(8), may_alias));
typedef long long bits __attribute__((ext_vector_type(8), aligned(8), may_alias));
typedef float singles __attribute__((ext_vector_type(8), aligned(4), may_alias));
const lanes steps = {0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0};
const int width = s.frame.width, height = s.frame.height, image = line / height, row = line - image * height;
const bool flat = s.frame.orthographic;
const double unit = s.unit.data[image], down = unit * (s.frame.half_height - (double)row - 0.5);
const double (*seen)[3] = (const double (*)[3])(view.data + (long long)image * s.count);
const long long (*faces)[3] = (const long long (*)[3])s.faces.data;
for (int column = 0; column < width; column += 8) {
    const long long first = (long long)line * width + column;
    const bits key = *(const bits*)(keys.data + first);
    const bits empty = __builtin_convertvector(key == 0, bits);
    bits* shown = (bits*)(pix_to_face.data + first);
    singles* far = (singles*)(depth.data + first);
    float* shares = (float*)(bary_coords.data + first);
    if (__builtin_reduce_and(empty)) {
        *shown = -1;
        *far = -1.0f;
        for (int k = 0; k < 3; ++k)
            ((singles*)shares)[k] = -1.0f;
        continue;
    }
    const bits face = empty ? -1 : 0x7FFFFFFFLL - (key & 0x7FFFFFFFLL);
    *shown = face;
    // where nothing is, any face will do
    alignas(64) long long asked[8];
    *(bits*)asked = empty ? __builtin_reduce_max(face) : face;
    asm volatile("" ::: "memory");
    lanes x[3], y[3], z[3];
    _Pragma("clang loop unroll(full)") for (int lane = 0; lane < 8; ++lane) {
        const long long* corner = faces[asked[lane]];
        _Pragma("clang loop unroll(full)") for (int k = 0; k < 3; ++k) {
            const double* at = seen[corner[k]];
            x[k][lane] = at[0];
            y[k][lane] = at[1];
            z[k][lane] = at[2];
        }
    }
    const lanes along = unit * (steps + (double)column + 0.5 - s.frame.half_width);
    for (int k = 0; k < 3; ++k) {  // from the pixel's ray to the corner
        x[k] = flat ? x[k] - along : x[k] - along * z[k];
        y[k] = flat ? y[k] - down : y[k] - down * z[k];
    }
    lanes area[3];
    for (int k = 0; k < 3; ++k) {
        const int next = (k + 1) % 3, last = (k + 2) % 3;
        area[k] = x[next] * y[last] - y[next] * x[last];
    }
    const lanes whole = area[0] + area[1] + area[2];
    const lanes sign = whole < 0.0 ? (lanes)-1.0 : (lanes)1.0;
    for (int k = 0; k < 3; ++k) {
        area[k] = sign * area[k];
        area[k] = area[k] > 0.0 ? area[k] : 0.0;
    }
    const lanes total = area[0] + area[1] + area[2];
    const lanes per_total = 1.0 / (total < 1e-300 ? 1.0 : total);
    lanes share[3];
    for (int k = 0; k < 3; ++k)
        share[k] = total < 1e-300 ? 1.0 / 3.0 : per_total * area[k];
    const lanes reach = share[0] * z[0] + share[1] * z[1] + share[2] * z[2];
    *far = __builtin_convertvector(empty ? (lanes)-1.0 : reach, singles);
    for (int k = 0; k < 3; ++k) {
        const singles part = __builtin_convertvector(empty ? (lanes)-1.0 : share[k], singles);
        for (int lane = 0; lane < 8; ++lane)
            shares[3 * lane + k] = part[lane];
    }
}
"""


@wp.func_native(_RESOLVE)
def resolve_row(
    s: Batch,
    view: wp.array(dtype=wp.vec3d),
    keys: wp.array(dtype=wp.int64),
    pix_to_face: wp.array(dtype=wp.int64),
    bary_coords: wp.array(dtype=wp.vec3f),
    depth: wp.array(dtype=float),
    line: int,
):
    """Row number `line` of all pictures' rows."""
    ...


@wp.kernel
def resolve_rows(
    s: Batch,
    view: wp.array(dtype=wp.vec3d),
    keys: wp.array(dtype=wp.int64),
    pix_to_face: wp.array(dtype=wp.int64),
    bary_coords: wp.array(dtype=wp.vec3f),
    depth: wp.array(dtype=float),
):
    """As `warp_kernels.resolve`, a row a thread: the pictures' width is a multiple of eight."""
    resolve_row(s, view, keys, pix_to_face, bary_coords, depth, wp.tid())
