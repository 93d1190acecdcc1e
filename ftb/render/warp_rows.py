"""Triangles drawn and resolved on the CPU, eight pixels of a row at a time; `warp_kernels` has the twins.

The same pixels and the same keys to the bit: inside and nearness are asked of every pixel in the same words,
where the twin looks for the ends of each row first. A thread draws and resolves a whole picture, so that its
keys stay in the cache.
"""

from ftb.kernels.start import wp
from ftb.render.warp_kernels import LAST_FACE, Batch, draw, set_up
from ftb.render.warp_rows_draw import CHOOSE, FILL, SET_UP, WORDS

wp.set_module_options({"enable_backward": False})

LANES = 8


@wp.func_native(WORDS + CHOOSE + SET_UP + FILL)
def draw_image(
    s: Batch,
    view: wp.array(dtype=wp.vec3d),
    placed: wp.array(dtype=wp.vec3d),
    keys: wp.array(dtype=wp.int64),
    scratch: wp.array(dtype=wp.int32),
    rest: wp.array(dtype=wp.int32),
    image: int,
):
    """Draw a picture at least eight pixels wide into keys (H, W), which it clears; scratch: F + 8 numbers;
    rest (F + 1,): how many of its triangles are not anchored, and which."""
    ...


_RESOLVE = """
#pragma clang fp contract(off)
typedef double lanes __attribute__((ext_vector_type(8), aligned(8), may_alias));
typedef long long bits __attribute__((ext_vector_type(8), aligned(8), may_alias));
typedef float singles __attribute__((ext_vector_type(8), aligned(4), may_alias));
const lanes steps = {0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0};
const int width = s.frame.width, height = s.frame.height;
const bool flat = s.frame.orthographic;
const double unit = s.unit.data[image];
auto* marked = seen_vertices.data + (long long)image * s.count;
long long last = -1;
const double (*seen)[3] = (const double (*)[3])(view.data + (long long)image * s.count);
const long long (*faces)[3] = (const long long (*)[3])s.faces.data;
for (int place = 0; place < height * width; place += 8) {
    const int row = place / width, column = place - row * width;
    const double down = unit * (s.frame.half_height - (double)row - 0.5);
    const long long first = (long long)image * height * width + place;
    const bits key = *(const bits*)(keys.data + place);
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
    for (int lane = 0; lane < 8; ++lane) {  // neighbours mostly show the same
        if (asked[lane] == last)
            continue;
        last = asked[lane];
        for (int k = 0; k < 3; ++k)
            marked[faces[last][k]] = 1;
    }
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
def resolve_image(
    s: Batch,
    view: wp.array(dtype=wp.vec3d),
    keys: wp.array(dtype=wp.int64),
    pix_to_face: wp.array(dtype=wp.int64),
    bary_coords: wp.array(dtype=wp.vec3f),
    depth: wp.array(dtype=float),
    seen_vertices: wp.array(dtype=wp.uint8),
    image: int,
):
    """As `warp_kernels.resolve`, of the keys (H, W) of one picture, its width a multiple of eight; vertices
    (B, V) of the faces that show are marked."""
    ...


@wp.kernel
def raster_rows(
    s: Batch,
    view: wp.array(dtype=wp.vec3d),
    placed: wp.array(dtype=wp.vec3d),
    keys: wp.array(dtype=wp.int64),
    scratch: wp.array(dtype=wp.int32),
    rest: wp.array(dtype=wp.int32),
    pix_to_face: wp.array(dtype=wp.int64),
    bary_coords: wp.array(dtype=wp.vec3f),
    depth: wp.array(dtype=float),
    seen_vertices: wp.array(dtype=wp.uint8),
):
    """Draw and resolve a picture a thread, one after the other: they share keys, scratch and rest."""
    image = wp.tid()
    draw_image(s, view, placed, keys, scratch, rest, image)
    for k in range(rest[0]):
        f = rest[1 + k]
        drawing = set_up(s, view, placed, image, f)
        if drawing.box[2] >= 0:
            draw(s.frame, drawing.triangle, drawing.box, 0, LAST_FACE - wp.int64(f), keys)
    resolve_image(s, view, keys, pix_to_face, bary_coords, depth, seen_vertices, image)
