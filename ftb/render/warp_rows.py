"""Triangles drawn and resolved on the CPU, eight pixels of a row at a time; `warp_kernels` has the twins.

The same pixels and the same keys to the bit: inside and nearness are asked of every pixel in the same words,
where the twin looks for the ends of each row first. A thread draws and resolves a whole picture, so that its
keys stay in the cache.
"""

from ftb.kernels.start import wp
from ftb.render.warp_kernels import LAST_FACE, Batch, draw, put, set_up
from ftb.render.warp_rows_draw import CHOOSE, FILL, PICTURE, PLACE, SET_UP, WORDS

wp.set_module_options({"enable_backward": False})

LANES = 8


@wp.struct
class Desk:
    """What a picture needs of memory while it is drawn, and leaves to the next one.

    corners (F + 8, 3): numbers of vertices, 0 behind the last face; view, placed (V + 8,): of vertices, as
    `PICTURE` has them; keys (H, W); scratch: F + 8 numbers; rest (F + 1,): how many triangles are put aside,
    and which; free_view, free_placed (V,): of vertices, as the twin has them, where some are.
    """

    corners: wp.array(dtype=wp.vec3i)
    view: wp.array(dtype=wp.vec4d)
    placed: wp.array(dtype=wp.vec4i)
    keys: wp.array(dtype=wp.int64)
    scratch: wp.array(dtype=wp.int32)
    rest: wp.array(dtype=wp.int32)
    free_view: wp.array(dtype=wp.vec3d)
    free_placed: wp.array(dtype=wp.vec3d)


@wp.func_native(WORDS + PICTURE + PLACE + CHOOSE + SET_UP + FILL)
def draw_image(s: Batch, vertices: wp.array(dtype=wp.vec3f), desk: Desk, image: int):
    """Place the vertices of a picture at least eight pixels wide, and draw what is anchored into its keys,
    which are cleared."""
    ...


_RESOLVE = """
const int width = s.frame.width, height = s.frame.height;
const bool flat = s.frame.orthographic;
const double unit = s.unit.data[image];
auto* marked = seen_vertices.data + (long long)image * s.count;
const View* seen = (const View*)desk.view.data;
const int* corners_of = (const int*)desk.corners.data;
for (int place = 0; place < height * width; place += 8) {
    const int row = place / width, column = place - row * width;
    const double down = unit * (s.frame.half_height - (double)row - 0.5);
    const long long first = (long long)image * height * width + place;
    const bits key = *(const bits*)(desk.keys.data + place);
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
    alignas(64) int asked[8], number[24];
    *(words*)asked = __builtin_convertvector(empty ? __builtin_reduce_max(face) : face, words);
    asm volatile("" : : "r"(asked) : "memory");
    EACH for (int lane = 0; lane < 8; ++lane)
        EACH for (int k = 0; k < 3; ++k) {
            number[8 * k + lane] = corners_of[3 * asked[lane] + k];
            marked[number[8 * k + lane]] = 1;
        }
    asm volatile("" : : "r"(number) : "memory");
    lanes corner[3][3], x[3], y[3], z[3];
    EACH for (int k = 0; k < 3; ++k) {
        views_of(corner[k], seen, number + 8 * k, 1);
        x[k] = corner[k][0];
        y[k] = corner[k][1];
        z[k] = corner[k][2];
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
        const singles part_of = __builtin_convertvector(empty ? (lanes)-1.0 : share[k], singles);
        for (int lane = 0; lane < 8; ++lane)
            shares[3 * lane + k] = part_of[lane];
    }
}
"""


@wp.func_native(WORDS + _RESOLVE)
def resolve_image(
    s: Batch,
    desk: Desk,
    pix_to_face: wp.array(dtype=wp.int64),
    bary_coords: wp.array(dtype=wp.vec3f),
    depth: wp.array(dtype=float),
    seen_vertices: wp.array(dtype=wp.uint8),
    image: int,
):
    """As `warp_kernels.resolve`, of the keys of one picture, its width a multiple of eight; vertices (B, V)
    of the faces that show are marked."""
    ...


@wp.kernel
def raster_rows(
    s: Batch,
    vertices: wp.array(dtype=wp.vec3f),
    desk: Desk,
    pix_to_face: wp.array(dtype=wp.int64),
    bary_coords: wp.array(dtype=wp.vec3f),
    depth: wp.array(dtype=float),
    seen_vertices: wp.array(dtype=wp.uint8),
):
    """Draw and resolve a picture a thread, one after the other."""
    image = wp.tid()
    draw_image(s, vertices, desk, image)
    if desk.rest[0] > 0:
        for vertex in range(s.count):
            v = vertices[(image * s.count + vertex) % vertices.shape[0]]
            put(s, v, image, desk.free_view, desk.free_placed, vertex)
    for k in range(desk.rest[0]):
        f = desk.rest[1 + k]
        drawing = set_up(s, desk.free_view, desk.free_placed, image, 0, f)
        if drawing.box[2] >= 0:
            draw(s.frame, drawing.triangle, drawing.box, 0, LAST_FACE - wp.int64(f), desk.keys)
    resolve_image(s, desk, pix_to_face, bary_coords, depth, seen_vertices, image)
