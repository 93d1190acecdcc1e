"""Kernels of the Warp rasterizer; `ftb.render.warp_backend` says what they do.

CUDA runs these; a CPU draws by those of `ftb.render.warp_rows`, to the same faces, and resolves to the same
barycentrics and depths but for rounding.
"""

from ftb.kernels.start import EXACT, wp
from ftb.render.warp_edges import (
    ANCHORED,
    HALF,
    INVALID,
    ONE,
    ZERO,
    Frame,
    Triangle,
    bounded,
    covered_span,
    inverse,
    place_vertex,
)
from ftb.render.warp_triangle import (
    barycentrics,
    box_of,
    box_of_clipped,
    centres_within,
    facing_area,
    farthest_depth,
    from_ray,
    ordered_bits,
    set_up_depth,
    set_up_edges,
)

wp.set_module_options(EXACT)

LAST_FACE = wp.constant(wp.int64(0x7FFFFFFF))
vec3l = wp.types.vector(length=3, dtype=wp.int64)


# Arrays are flat, launches one-dimensional, and the arrays that a kernel runs through stand among its
# arguments: only then does Warp compile a plain loop for the CPU, which halves the time of a pixel.
@wp.struct
class Batch:
    """B images of F faces and V vertices each."""

    frame: Frame
    count: int  # V
    faces: wp.array(dtype=vec3l)  # (F,)
    cam_from_world: wp.array(dtype=wp.mat44d)  # (B,)
    scale: wp.array(dtype=wp.float64)  # (B,) pixels a unit of the image plane
    near: wp.array(dtype=wp.float64)  # (B,)
    unit: wp.array(dtype=wp.float64)  # (B,) 1 / scale


@wp.func
def quotient(a: int, b: int) -> int:
    """Of numbers that are not negative, which spares the rounding towards −∞ of `//`."""
    return int(wp.uint32(a) // wp.uint32(b))


@wp.func
def put(
    s: Batch,
    v: wp.vec3f,
    b: int,
    view: wp.array(dtype=wp.vec3d),
    placed: wp.array(dtype=wp.vec3d),
    n: int,
):
    """Transform and place a vertex of image b."""
    seen = s.cam_from_world[b] * wp.vec4d(wp.float64(v[0]), wp.float64(v[1]), wp.float64(v[2]), ONE)
    at = wp.vec3d(seen[0], seen[1], -seen[2])
    view[n] = at
    placed[n] = place_vertex(s.frame, at, s.scale[b], s.near[b])


@wp.kernel
def place(
    s: Batch,
    vertices: wp.array(dtype=wp.vec3f),
    view: wp.array(dtype=wp.vec3d),
    placed: wp.array(dtype=wp.vec3d),
):
    """A vertex a thread: vertices (B·V or V,) to view and placed (B·V,)."""
    n = wp.tid()
    put(s, vertices[n % vertices.shape[0]], quotient(n, s.count), view, placed, n)


@wp.func
def draw(
    frame: Frame,
    t: Triangle,
    box: wp.vec4i,
    first_row: int,
    face_bits: wp.int64,
    keys: wp.array(dtype=wp.int64),
):
    """Enter every covered pixel centre of the box that is nearer than what its key holds."""
    per_a = wp.vec3d(inverse(t.a[0]), inverse(t.a[1]), inverse(t.a[2]))
    for i in range(box[1], box[3] + 1):
        y = wp.float64(i) + HALF
        row = t.b * y + t.c
        row_plane = t.plane[1] * y + t.plane[2]
        span = covered_span(t, row, per_a, box[0], box[2])
        x = wp.float64(span[0]) + HALF
        pixel = (first_row + i) * frame.width + span[0]
        end = (first_row + i) * frame.width + span[1]
        while pixel <= end:
            nearness = t.plane[0] * x + row_plane
            if nearness <= t.cut:
                key = ordered_bits(bounded(nearness, t.farthest, t.nearest)) | face_bits
                wp.atomic_max(keys, pixel, key)
            x += ONE
            pixel += 1


@wp.struct
class Drawing:
    """A triangle that may be seen, and the pixel centres around it: first column and row, last column and
    row; no column where nothing is to be drawn."""

    triangle: Triangle
    box: wp.vec4i


@wp.func
def set_up(
    s: Batch,
    view: wp.array(dtype=wp.vec3d),
    placed: wp.array(dtype=wp.vec3d),
    b: int,
    first: int,
    f: int,
):
    """Face f of image b, whose vertices begin at `first`."""
    drawing = Drawing()
    drawing.box = wp.vec4i(0, 0, -1, -1)
    corner = s.faces[f]
    if wp.min(corner) < wp.int64(0) or wp.max(corner) >= wp.int64(s.count):
        return drawing
    i = first + int(corner[0])
    j = first + int(corner[1])
    k = first + int(corner[2])
    p = placed[i]
    q = placed[j]
    r = placed[k]
    if p[2] * q[2] * r[2] == INVALID:
        return drawing
    anchored = p[2] + q[2] + r[2] == ANCHORED + ANCHORED + ANCHORED
    box = centres_within(s.frame, box_of(p, q, r))
    if anchored and (box[0] > box[2] or box[1] > box[3]):  # many are too small to reach a pixel centre
        return drawing
    seen = wp.matrix_from_rows(view[i], view[j], view[k])
    area = facing_area(s.frame, p, q, r, seen)
    if area == ZERO or (s.frame.cull and area < ZERO) or farthest_depth(seen) < s.near[b]:
        return drawing
    if not anchored:
        box = centres_within(s.frame, box_of_clipped(s.frame, seen, s.near[b], s.scale[b]))
    t = set_up_edges(s.frame, wp.matrix_from_rows(p, q, r), seen, -wp.sign(area))
    drawing.triangle = set_up_depth(s.frame, t, seen, s.scale[b], s.near[b])
    drawing.box = box
    return drawing


@wp.kernel
def raster(
    s: Batch,
    view: wp.array(dtype=wp.vec3d),
    placed: wp.array(dtype=wp.vec3d),
    keys: wp.array(dtype=wp.int64),
):
    """Draw one triangle a thread into keys (B·H·W,): nearness, then the face counted backwards; 0 empty."""
    n = wp.tid()
    b = quotient(n, s.faces.shape[0])
    f = n - b * s.faces.shape[0]
    drawing = set_up(s, view, placed, b, b * s.count, f)
    if drawing.box[2] >= 0:
        draw(
            s.frame,
            drawing.triangle,
            drawing.box,
            b * s.frame.height,
            LAST_FACE - wp.int64(f),
            keys,
        )


@wp.kernel
def resolve(
    s: Batch,
    view: wp.array(dtype=wp.vec3d),
    keys: wp.array(dtype=wp.int64),
    pix_to_face: wp.array(dtype=wp.int64),
    bary_coords: wp.array(dtype=wp.vec3f),
    depth: wp.array(dtype=float),
):
    """Which face won one pixel, its barycentrics and depth."""
    n = wp.tid()
    key = keys[n]
    if key == wp.int64(0):
        pix_to_face[n] = wp.int64(-1)
        bary_coords[n] = wp.vec3f(-1.0, -1.0, -1.0)
        depth[n] = -1.0
        return
    row = quotient(n, s.frame.width)
    b = quotient(row, s.frame.height)
    x = wp.float64(n - row * s.frame.width) + HALF - s.frame.half_width
    y = s.frame.half_height - wp.float64(row - b * s.frame.height) - HALF
    ray = s.unit[b] * wp.vec2d(x, y)
    f = LAST_FACE - (key & LAST_FACE)
    corner = s.faces[int(f)]
    u = view[b * s.count + int(corner[0])]
    v = view[b * s.count + int(corner[1])]
    w = view[b * s.count + int(corner[2])]
    bary = barycentrics(from_ray(s.frame, u, ray), from_ray(s.frame, v, ray), from_ray(s.frame, w, ray))
    pix_to_face[n] = f
    bary_coords[n] = wp.vec3f(wp.float32(bary[0]), wp.float32(bary[1]), wp.float32(bary[2]))
    depth[n] = wp.float32(bary[0] * u[2] + bary[1] * v[2] + bary[2] * w[2])
