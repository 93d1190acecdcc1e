"""Triangles drawn and resolved on the CPU, eight or sixteen pixels at a time; `warp_kernels` has the twins.

The same faces and the same keys to the bit: inside and nearness are asked of every pixel in the same words,
where the twin looks for the ends of each row first. A thread draws and resolves a whole picture, so that its
keys stay in the cache.
"""

from ftb.kernels.lanes import LANES, TURN_EIGHT
from ftb.kernels.start import EXACT, wp
from ftb.render.warp_kernels import LAST_FACE, Batch, draw, put, set_up
from ftb.render.warp_rows_draw import CHOOSE, FILL, PICTURE, PLACE, SET_UP, WORDS
from ftb.render.warp_rows_resolve import REMEMBERED, RESOLVED, SHOWN

wp.set_module_options(EXACT)

WIDTH = 8  # of pictures, or a multiple
PIXELS = 16  # or a multiple


@wp.struct
class Desk:
    """What a picture needs of memory while it is drawn, and leaves to the next one.

    corners (F + 8, 3): numbers of vertices, 0 behind the last face; view, placed (V + 8,): of vertices, as
    `PICTURE` has them; keys (H, W); scratch: F + 8 numbers; rest (F + 1,): how many triangles are put aside,
    and which; free_view, free_placed (V,): of vertices, as the twin has them, where some are; pixels (F + 8,)
    and records (F + 8, 16): of faces that show, as `SHOWN` and `REMEMBERED` have them.
    """

    corners: wp.array(dtype=wp.vec3i)
    view: wp.array(dtype=wp.vec4d)
    placed: wp.array(dtype=wp.vec4i)
    keys: wp.array(dtype=wp.int64)
    scratch: wp.array(dtype=wp.int32)
    rest: wp.array(dtype=wp.int32)
    free_view: wp.array(dtype=wp.vec3d)
    free_placed: wp.array(dtype=wp.vec3d)
    pixels: wp.array(dtype=wp.int32)
    records: wp.array(dtype=float)


@wp.func_native(WORDS + PICTURE + PLACE + CHOOSE + SET_UP + FILL)
def draw_image(s: Batch, vertices: wp.array(dtype=wp.vec3f), desk: Desk, image: int):
    """Place the vertices of a picture at least eight pixels wide, and draw what is anchored into its keys,
    which are cleared."""
    ...


@wp.func_native("".join([WORDS, "typedef singles eight;", TURN_EIGHT, SHOWN, REMEMBERED]))
def remember_faces(s: Batch, desk: Desk, seen_vertices: wp.array(dtype=wp.uint8), image: int):
    """Set up what pixels will ask of the faces that show, and mark their vertices (B, V)."""
    ...


@wp.func_native(LANES + RESOLVED)
def resolve_image(
    s: Batch,
    desk: Desk,
    pix_to_face: wp.array(dtype=wp.int64),
    bary_coords: wp.array(dtype=wp.vec3f),
    depth: wp.array(dtype=float),
    image: int,
):
    """As `warp_kernels.resolve`, of the keys of one picture: its width a multiple of eight, its pixels of
    sixteen."""
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
    # Each start of `put` copies its arguments: where few triangles are put aside, their corners only.
    corners = 3 * desk.rest[0]
    placed = wp.min(corners, s.count)
    for k in range(placed):
        vertex = k
        if corners < s.count:
            vertex = desk.corners[desk.rest[1 + k / 3]][k % 3]
        v = vertices[(image * s.count + vertex) % vertices.shape[0]]
        put(s, v, image, desk.free_view, desk.free_placed, vertex)
    for k in range(desk.rest[0]):
        f = desk.rest[1 + k]
        drawing = set_up(s, desk.free_view, desk.free_placed, image, 0, f)
        if drawing.box[2] >= 0:
            draw(s.frame, drawing.triangle, drawing.box, 0, LAST_FACE - wp.int64(f), desk.keys)
    remember_faces(s, desk, seen_vertices, image)
    resolve_image(s, desk, pix_to_face, bary_coords, depth, image)
