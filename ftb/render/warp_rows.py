"""Triangles drawn on the CPU, eight pixels of a row at a time; `warp_kernels.draw` is the readable twin.

The same pixels and the same keys to the bit: inside and nearness are asked of every pixel in the same words,
where the twin looks for the ends of each row first.
"""

from ftb.render.warp_kernels import LAST_FACE, Batch, draw, quotient, set_up
from ftb.render.warp_start import wp

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
