"""Triangles drawn and resolved on the CPU, eight pixels of a row at a time; `warp_kernels` has the twins.

The same pixels and the same keys to the bit: inside and nearness are asked of every pixel in the same words,
where the twin looks for the ends of each row first.
"""

from ftb.kernels.start import wp
from ftb.render.warp_kernels import LAST_FACE, Batch, draw, quotient, set_up, vec3l

wp.set_module_options({"enable_backward": False})

LANES = wp.constant(8)

# Products and sums stay apart, as in the twin.
_DRAW = """
#pragma clang fp contract(off)
typedef double lanes __attribute__((ext_vector_type(8), aligned(8), may_alias));
typedef long long bits __attribute__((ext_vector_type(8), aligned(8), may_alias));
typedef float singles __attribute__((ext_vector_type(8)));
typedef int words __attribute__((ext_vector_type(8)));
const lanes steps = {0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0};
const double left = box[0], right = box[2];
for (int row = box[1]; row <= box[3]; ++row) {
    const double y = row + 0.5;
    const double e = b[0] * y + c[0], f = b[1] * y + c[1], g = b[2] * y + c[2];
    const double level = plane[1] * y + plane[2];
    for (int first = box[0]; first <= box[2]; first += 8) {
        const int start = first < width - 8 ? first : width - 8;  // within the row
        const lanes column = steps + (double)start;
        const lanes x = column + 0.5;
        const lanes nearness = plane[0] * x + level;
        const bits drawn = __builtin_convertvector(
            (a[0] * x + e >= least[0]) & (a[1] * x + f >= least[1]) & (a[2] * x + g >= least[2])
                & (column >= left) & (column <= right) & (nearness <= cut),
            bits);
        lanes kept = nearness > farthest ? nearness : farthest;
        kept = kept < nearest ? kept : nearest;
        const singles size = __builtin_convertvector(__builtin_elementwise_abs(kept), singles);
        bits key = __builtin_convertvector(__builtin_bit_cast(words, size), bits);
        key = __builtin_convertvector(kept < 0.0, bits) ? 0x7F800000 - key : key;
        key = (key << 32) | face;
        bits* pixels = (bits*)(keys.data + (long long)(first_row + row) * width + start);
        const bits old = *pixels;
        *pixels = (drawn & (key > old)) ? key : old;
    }
}
"""


@wp.func_native(_DRAW)
def draw_rows(
    keys: wp.array(dtype=wp.int64),
    first_row: int,
    width: int,
    box: wp.vec4i,
    a: wp.vec3d,
    b: wp.vec3d,
    c: wp.vec3d,
    least: wp.vec3d,
    plane: wp.vec3d,
    farthest: wp.float64,
    nearest: wp.float64,
    cut: wp.float64,
    face: wp.int64,
):
    """As `draw`, in pictures at least eight pixels wide."""
    ...


@wp.kernel
def raster_rows(
    s: Batch,
    view: wp.array(dtype=wp.vec3d),
    placed: wp.array(dtype=wp.vec3d),
    keys: wp.array(dtype=wp.int64),
):
    """As `warp_kernels.raster`, one thread after the other."""
    n = wp.tid()
    image = quotient(n, s.faces.shape[0])
    f = n - image * s.faces.shape[0]
    drawing = set_up(s, view, placed, image, f)
    if drawing.box[2] < 0:
        return
    t = drawing.triangle
    first_row = image * s.frame.height
    face = LAST_FACE - wp.int64(f)
    if s.frame.width < LANES:
        draw(s.frame, t, drawing.box, first_row, face, keys)
        return
    draw_rows(
        keys,
        first_row,
        s.frame.width,
        drawing.box,
        t.a,
        t.b,
        t.c,
        t.floor,
        t.plane,
        t.farthest,
        t.nearest,
        t.cut,
        face,
    )


_RESOLVE = """
#pragma clang fp contract(off)
typedef double lanes __attribute__((ext_vector_type(8), aligned(8), may_alias));
typedef long long bits __attribute__((ext_vector_type(8), aligned(8), may_alias));
typedef float singles __attribute__((ext_vector_type(8), aligned(4), may_alias));
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
    return;
}
const bits face = empty ? -1 : LAST_FACE - (key & LAST_FACE);
lanes x[3], y[3], z[3];
for (int lane = 0; lane < 8; ++lane) {
    // where nothing is, any face will do
    const long long* corner = (const long long*)(faces.data + (face[lane] < 0 ? 0 : face[lane]));
    for (int k = 0; k < 3; ++k) {
        const double* at = (const double*)(view.data + vertex + corner[k]);
        x[k][lane] = at[0];
        y[k][lane] = at[1];
        z[k][lane] = at[2];
    }
}
const lanes steps = {0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0};
const lanes along = unit * (steps + (double)column + 0.5 - half_width);
const double down = unit * (half_height - (double)row - 0.5);
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
*shown = face;
*far = __builtin_convertvector(empty ? (lanes)-1.0 : reach, singles);
for (int k = 0; k < 3; ++k) {
    const singles part = __builtin_convertvector(empty ? (lanes)-1.0 : share[k], singles);
    for (int lane = 0; lane < 8; ++lane)
        shares[3 * lane + k] = part[lane];
}
""".replace("LAST_FACE", "0x7FFFFFFFLL")


@wp.func_native(_RESOLVE)
def resolve_row(
    keys: wp.array(dtype=wp.int64),
    first: int,
    faces: wp.array(dtype=vec3l),
    view: wp.array(dtype=wp.vec3d),
    vertex: int,
    column: int,
    row: int,
    unit: wp.float64,
    half_width: wp.float64,
    half_height: wp.float64,
    flat: bool,
    pix_to_face: wp.array(dtype=wp.int64),
    bary_coords: wp.array(dtype=wp.vec3f),
    depth: wp.array(dtype=float),
):
    """Eight neighbouring pixels from pixel `first` on, at `column` of `row` of a picture."""
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
    """As `warp_kernels.resolve`, for eight pixels a thread: the pictures' width is a multiple of that."""
    first = wp.tid() * LANES
    row = quotient(first, s.frame.width)
    image = quotient(row, s.frame.height)
    resolve_row(
        keys,
        first,
        s.faces,
        view,
        image * s.count,
        first - row * s.frame.width,
        row - image * s.frame.height,
        s.unit[image],
        s.frame.half_width,
        s.frame.half_height,
        s.frame.orthographic,
        pix_to_face,
        bary_coords,
        depth,
    )
