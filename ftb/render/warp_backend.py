"""The default rasterizer: NVIDIA Warp kernels, the same on CPU and CUDA.

Three passes: place vertices on the pixel plane, draw triangles into a buffer of (nearness, face) keys,
resolve the keys to barycentrics and depth. What makes it watertight: vertices snap to a sub-pixel
grid so fine that their edge functions are exact in float64, and a pixel centre on an edge is taken
as lying infinitesimally to its right and below it, which gives it to exactly one side. Triangles
that reach behind the near plane get the same edge functions in homogeneous form (Olano and Greer
1997), so that nothing is cut into new triangles.
"""

import itertools
import math
from concurrent.futures import ThreadPoolExecutor

import torch
import warp as wp
from torch import Tensor

from ftb.render.base import Rasterizer
from ftb.types import Camera, Fragments, Mesh

wp.config.log_level = wp.LOG_WARNING
wp.set_module_options({"enable_backward": False})

HALF = wp.constant(wp.float64(0.5))
ZERO = wp.constant(wp.float64(0.0))
ONE = wp.constant(wp.float64(1.0))
# Less than any edge function that is not zero: "at least this" means "positive".
POSITIVE = wp.constant(wp.float64(1e-300))
# Directions towards a vertex off the grid are rounded to this many steps, so that they stay exact too.
DIRECTION_STEPS = wp.constant(wp.float64(2.0**24))
INFINITY = wp.constant(wp.float64(math.inf))
INFINITY_BITS = wp.constant(wp.int64(0x7F800000))
LAST_FACE = wp.constant(wp.int64(0x7FFFFFFF))

INVALID, FREE, ANCHORED = 0.0, 1.0, 2.0
INVALID_ = wp.constant(wp.float64(INVALID))
FREE_ = wp.constant(wp.float64(FREE))
ANCHORED_ = wp.constant(wp.float64(ANCHORED))


@wp.struct
class Scene:
    """Everything the kernels read and write, for B images."""

    vertices: wp.array2d(dtype=wp.vec3f)
    faces: wp.array2d(dtype=wp.int64)
    cam_from_world: wp.array(dtype=wp.mat44f)
    half_width: wp.array(dtype=float)
    near: wp.array(dtype=float)
    height: int
    width: int
    orthographic: int
    cull: int
    grid: wp.float64  # steps a pixel
    guard: wp.float64  # pixels from the image's centre within which edge functions are exact
    view: wp.array2d(dtype=wp.vec3d)  # x right, y up, depth
    placed: wp.array2d(dtype=wp.vec3d)  # pixel x, y, kind: see `place`
    keys: wp.array2d(dtype=wp.int64)  # nearness bits, then face counted backwards; 0 empty
    pix_to_face: wp.array2d(dtype=wp.int64)
    bary_coords: wp.array2d(dtype=wp.vec3f)
    depth: wp.array2d(dtype=float)


@wp.struct
class Triangle:
    """One triangle, ready to be drawn: inside where aᵢ·x + bᵢ·y + cᵢ ≥ floorᵢ for i = 0, 1, 2."""

    a: wp.vec3d
    b: wp.vec3d
    c: wp.vec3d
    floor: wp.vec3d
    plane: wp.vec3d  # nearness as a function of (x, y, 1): 1/depth for a pinhole, −depth if orthographic
    farthest: wp.float64  # bounds of nearness within the triangle
    nearest: wp.float64
    cut: wp.float64  # what is nearer than this is clipped


@wp.func
def pixels_per_unit(s: Scene, b: int) -> wp.float64:
    return wp.float64(s.width) * HALF / wp.float64(s.half_width[wp.min(b, s.half_width.shape[0] - 1)])


@wp.func
def near_plane(s: Scene, b: int) -> wp.float64:
    return wp.float64(s.near[wp.min(b, s.near.shape[0] - 1)])


@wp.func
def project(s: Scene, v: wp.vec3d, scale: wp.float64) -> wp.vec2d:
    """Pixel position of a point in view, which has depth > 0 if the camera is a pinhole."""
    shrink = scale
    if s.orthographic == 0:
        shrink = scale / v[2]
    return wp.vec2d(
        wp.float64(s.width) * HALF + shrink * v[0], wp.float64(s.height) * HALF - shrink * v[1]
    )


@wp.kernel
def place(s: Scene):
    """Vertices in view and on the pixel plane.

    ANCHORED: (x, y) snapped to the grid. FREE (behind the near plane or far outside the image):
    homogeneous (x·w, y·w), where w is the depth for a pinhole and 1 otherwise. INVALID: not finite.
    """
    b, i = wp.tid()
    v = s.vertices[wp.min(b, s.vertices.shape[0] - 1), i]
    m = s.cam_from_world[wp.min(b, s.cam_from_world.shape[0] - 1)]
    x = wp.vec4d(wp.float64(v[0]), wp.float64(v[1]), wp.float64(v[2]), ONE)
    seen = wp.vec3d(ZERO, ZERO, ZERO)
    for r in range(3):
        row = wp.vec4d(wp.float64(m[r, 0]), wp.float64(m[r, 1]), wp.float64(m[r, 2]), wp.float64(m[r, 3]))
        seen[r] = wp.dot(row, x)
    seen[2] = -seen[2]
    scale = pixels_per_unit(s, b)
    half = wp.vec2d(wp.float64(s.width) * HALF, wp.float64(s.height) * HALF)
    kind = FREE_
    at = wp.vec2d(half[0] * seen[2] + scale * seen[0], half[1] * seen[2] - scale * seen[1])
    if s.orthographic != 0 or seen[2] >= near_plane(s, b):
        point = project(s, seen, scale)
        if wp.abs(point[0] - half[0]) < s.guard and wp.abs(point[1] - half[1]) < s.guard:
            at = wp.vec2d(wp.rint(point[0] * s.grid) / s.grid, wp.rint(point[1] * s.grid) / s.grid)
            kind = ANCHORED_
        elif s.orthographic != 0:
            at = point
    if not wp.isfinite(seen[0] + seen[1] + seen[2] + at[0] + at[1]):
        kind = INVALID_
    s.view[b, i] = seen
    s.placed[b, i] = wp.vec3d(at[0], at[1], kind)


@wp.func
def towards(p: wp.vec3d, q: wp.vec3d, weight: wp.float64) -> wp.vec2d:
    """Direction from an anchored vertex to a free one of homogeneous weight, rounded."""
    d = wp.vec2d(q[0] - p[0] * weight, q[1] - p[1] * weight)
    longest = wp.max(wp.abs(d[0]), wp.abs(d[1]))
    if longest == ZERO:
        return d
    step = DIRECTION_STEPS / longest
    return wp.vec2d(wp.rint(d[0] * step), wp.rint(d[1] * step))


@wp.func
def edge(p: wp.vec3d, q: wp.vec3d, weight_p: wp.float64, weight_q: wp.float64) -> wp.vec3d:
    """(a, b, c) of det(pixel, p, q) = a·x + b·y + c up to a positive factor; exactly −edge(q, p)."""
    if p[2] == FREE_ and q[2] == FREE_:
        ordered = p[0] < q[0] or (p[0] == q[0] and p[1] < q[1])
        u = wp.where(ordered, wp.vec3d(p[0], p[1], weight_p), wp.vec3d(q[0], q[1], weight_q))
        v = wp.where(ordered, wp.vec3d(q[0], q[1], weight_q), wp.vec3d(p[0], p[1], weight_p))
        return wp.where(ordered, ONE, -ONE) * wp.cross(u, v)
    anchor = p
    d = wp.vec2d(q[0] - p[0], q[1] - p[1])
    if p[2] == FREE_:
        anchor = q
        d = -towards(q, p, weight_p)
    elif q[2] == FREE_:
        d = towards(p, q, weight_q)
    return wp.vec3d(-d[1], d[0], anchor[0] * d[1] - anchor[1] * d[0])


@wp.func
def floors(a: wp.float64, b: wp.float64) -> wp.float64:
    """Least inside value of an edge: a centre upon it counts as if moved right and, less, down."""
    return wp.where(a > ZERO or (a == ZERO and b > ZERO), ZERO, POSITIVE)


@wp.func
def set_up_edges(p: wp.vec3d, q: wp.vec3d, r: wp.vec3d, weights: wp.vec3d, sign: wp.float64) -> Triangle:
    """Edge functions opposite the placed corners p, q, r, positive inside."""
    e = sign * edge(q, r, weights[1], weights[2])
    f = sign * edge(r, p, weights[2], weights[0])
    g = sign * edge(p, q, weights[0], weights[1])
    t = Triangle()
    t.a = wp.vec3d(e[0], f[0], g[0])
    t.b = wp.vec3d(e[1], f[1], g[1])
    t.c = wp.vec3d(e[2], f[2], g[2])
    t.floor = wp.vec3d(floors(e[0], e[1]), floors(f[0], f[1]), floors(g[0], g[1]))
    return t


@wp.func
def nearness_plane(s: Scene, normal: wp.vec3d, v: wp.vec3d, scale: wp.float64) -> wp.vec3d:
    """Coefficients of nearness over (pixel x, pixel y, 1), for the plane through v (in view)."""
    offset = wp.dot(normal, v)
    over = wp.where(s.orthographic != 0, normal[2], offset)
    if wp.abs(over) < POSITIVE:  # seen edge on: any value does, the caller bounds it
        return wp.vec3d(ZERO, ZERO, ZERO)
    # normal · (x, y, depth) = offset, where pixel x = width/2 + scale · x (/ depth for a pinhole)
    slope_x = normal[0] / (over * scale)
    slope_y = -normal[1] / (over * scale)
    at_centre = wp.where(s.orthographic != 0, -offset, normal[2]) / over
    half_x = wp.float64(s.width) * HALF
    half_y = wp.float64(s.height) * HALF
    return wp.vec3d(slope_x, slope_y, at_centre - slope_x * half_x - slope_y * half_y)


@wp.func
def bounds(s: Scene, seen: wp.mat33d, near: wp.float64, scale: wp.float64) -> wp.vec4d:
    """Least x, least y, greatest x, greatest y of a clipped triangle (rows of `seen`), in pixels."""
    low = wp.vec2d(wp.float64(1e30), wp.float64(1e30))
    high = -low
    for k in range(3):
        v = seen[k]
        w = seen[(k + 1) % 3]
        if s.orthographic != 0 or v[2] >= near:
            p = project(s, v, scale)
            low = wp.min(low, p)
            high = wp.max(high, p)
        if (v[2] >= near) != (w[2] >= near):
            cut = v + (near - v[2]) / (w[2] - v[2]) * (w - v)
            p = project(s, wp.vec3d(cut[0], cut[1], near), scale)
            low = wp.min(low, p)
            high = wp.max(high, p)
    return wp.vec4d(low[0] - ONE, low[1] - ONE, high[0] + ONE, high[1] + ONE)


@wp.func
def ordered_bits(nearness: wp.float64) -> wp.int64:
    """Nearness as a positive integer that orders alike, in the upper half of a key."""
    bits = wp.int64(wp.cast(wp.float32(wp.abs(nearness)), wp.uint32))
    if nearness < ZERO:
        bits = INFINITY_BITS - bits
    return bits << wp.int64(32)


@wp.func
def draw(s: Scene, t: Triangle, box: wp.vec4d, b: int, face_bits: wp.int64):
    """Enter every covered pixel centre of the box that is nearer than what its key holds."""
    first_x = int(wp.clamp(wp.ceil(box[0] - HALF), ZERO, wp.float64(s.width)))
    first_y = int(wp.clamp(wp.ceil(box[1] - HALF), ZERO, wp.float64(s.height)))
    last_x = int(wp.clamp(wp.floor(box[2] - HALF), -ONE, wp.float64(s.width - 1)))
    last_y = int(wp.clamp(wp.floor(box[3] - HALF), -ONE, wp.float64(s.height - 1)))
    for i in range(first_y, last_y + 1):
        y = wp.float64(i) + HALF
        row = t.b * y + t.c
        row_plane = t.plane[1] * y + t.plane[2]
        for j in range(first_x, last_x + 1):
            x = wp.float64(j) + HALF
            if t.a[0] * x + row[0] >= t.floor[0]:
                if t.a[1] * x + row[1] >= t.floor[1]:
                    if t.a[2] * x + row[2] >= t.floor[2]:
                        nearness = t.plane[0] * x + row_plane
                        if nearness <= t.cut:
                            nearness = wp.clamp(nearness, t.farthest, t.nearest)
                            wp.atomic_max(s.keys, b, i * s.width + j, ordered_bits(nearness) | face_bits)


@wp.func
def nearness_of(s: Scene, depth: wp.float64) -> wp.float64:
    return wp.where(s.orthographic != 0, -depth, ONE / depth)


@wp.func
def misses_centres(s: Scene, box: wp.vec4d) -> bool:
    """Whether a box of pixel positions contains no pixel centre of the image."""
    return (
        wp.ceil(box[0] - HALF) > wp.floor(box[2] - HALF)
        or wp.ceil(box[1] - HALF) > wp.floor(box[3] - HALF)
        or box[2] < HALF
        or box[3] < HALF
        or box[0] > wp.float64(s.width)
        or box[1] > wp.float64(s.height)
    )


@wp.func
def is_corner(s: Scene, b: int, i: int) -> bool:
    return i >= 0 and i < s.placed.shape[1] and s.placed[b, i][2] != INVALID_


@wp.kernel
def raster(s: Scene):
    """Draw one triangle a thread."""
    b, f = wp.tid()
    i = int(s.faces[f, 0])
    j = int(s.faces[f, 1])
    k = int(s.faces[f, 2])
    if not (is_corner(s, b, i) and is_corner(s, b, j) and is_corner(s, b, k)):
        return
    p = s.placed[b, i]
    q = s.placed[b, j]
    r = s.placed[b, k]
    near = near_plane(s, b)
    all_anchored = p[2] == ANCHORED_ and q[2] == ANCHORED_ and r[2] == ANCHORED_
    area = (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])  # y is down: < 0 faces the camera
    box = wp.vec4d(
        wp.min(wp.min(p[0], q[0]), r[0]),
        wp.min(wp.min(p[1], q[1]), r[1]),
        wp.max(wp.max(p[0], q[0]), r[0]),
        wp.max(wp.max(p[1], q[1]), r[1]),
    )
    if all_anchored and (misses_centres(s, box) or area == ZERO or (s.cull != 0 and area > ZERO)):
        return
    u = s.view[b, i]
    v = s.view[b, j]
    w = s.view[b, k]
    nearest = wp.min(wp.min(u[2], v[2]), w[2])
    farthest = wp.max(wp.max(u[2], v[2]), w[2])
    if farthest < near:
        return
    scale = pixels_per_unit(s, b)
    normal = wp.cross(v - u, w - u)
    weights = wp.vec3d(ONE, ONE, ONE)
    if not all_anchored:
        box = bounds(s, wp.matrix_from_rows(u, v, w), near, scale)
        if s.orthographic == 0:
            area = -wp.dot(normal, u)
            weights = wp.vec3d(u[2], v[2], w[2])
        if area == ZERO or (s.cull != 0 and area > ZERO):
            return
    t = set_up_edges(p, q, r, weights, wp.sign(area))
    t.plane = nearness_plane(s, normal, u, scale)
    t.cut = INFINITY
    if nearest < near:
        t.cut = nearness_of(s, near)
    t.farthest = nearness_of(s, farthest)
    t.nearest = nearness_of(s, wp.max(nearest, near))
    draw(s, t, box, b, LAST_FACE - wp.int64(f))


@wp.func
def offset(s: Scene, corner: wp.vec3d, ray: wp.vec2d) -> wp.vec2d:
    """From a pixel's ray to a corner, at the corner's depth."""
    reach = wp.where(s.orthographic != 0, ONE, corner[2])
    return wp.vec2d(corner[0] - ray[0] * reach, corner[1] - ray[1] * reach)


@wp.func
def cross2(a: wp.vec2d, b: wp.vec2d) -> wp.float64:
    return a[0] * b[1] - a[1] * b[0]


@wp.func
def barycentrics(u: wp.vec2d, v: wp.vec2d, w: wp.vec2d) -> wp.vec3d:
    """Perspective-correct, from the corners' offsets; kept within the triangle, which snapping may leave."""
    areas = wp.vec3d(cross2(v, w), cross2(w, u), cross2(u, v))
    inside = wp.sign(areas[0] + areas[1] + areas[2]) * areas
    kept = wp.vec3d(wp.max(inside[0], ZERO), wp.max(inside[1], ZERO), wp.max(inside[2], ZERO))
    total = kept[0] + kept[1] + kept[2]
    if total < POSITIVE:  # seen edge on
        return wp.vec3d(ONE, ONE, ONE) / wp.float64(3.0)
    return kept / total


@wp.kernel
def resolve(s: Scene):
    """Which face won each pixel, its barycentrics and depth."""
    b, i, j = wp.tid()
    pixel = i * s.width + j
    key = s.keys[b, pixel]
    if key == wp.int64(0):
        s.pix_to_face[b, pixel] = wp.int64(-1)
        s.bary_coords[b, pixel] = wp.vec3f(-1.0, -1.0, -1.0)
        s.depth[b, pixel] = -1.0
        return
    f = LAST_FACE - (key & LAST_FACE)
    u = s.view[b, int(s.faces[f, 0])]
    v = s.view[b, int(s.faces[f, 1])]
    w = s.view[b, int(s.faces[f, 2])]
    unit = ONE / pixels_per_unit(s, b)
    ray = wp.vec2d(
        (wp.float64(j) + HALF - wp.float64(s.width) * HALF) * unit,
        (wp.float64(s.height) * HALF - wp.float64(i) - HALF) * unit,
    )
    bary = barycentrics(offset(s, u, ray), offset(s, v, ray), offset(s, w, ray))
    s.pix_to_face[b, pixel] = f
    s.bary_coords[b, pixel] = wp.vec3f(float(bary[0]), float(bary[1]), float(bary[2]))
    s.depth[b, pixel] = float(bary[0] * u[2] + bary[1] * v[2] + bary[2] * w[2])


class WarpRasterizer(Rasterizer):
    """Rasterizer in NVIDIA Warp. Computes in float64 from float32 vertices; fragments are float32.

    threads: CPU threads that share a batch, one slice of it each. Results are bitwise the same for
    every number of threads and every split of a batch.
    """

    name = "warp"

    def __init__(self, device: torch.device | str = "cpu", threads: int = 1) -> None:
        if threads < 1:
            raise ValueError(f"threads: expected at least 1, got {threads}")
        if torch.device(device).type == "cuda" and not wp.is_cuda_available():
            raise ValueError("renderer 'warp': no CUDA device, or this warp-lang was built without CUDA")
        self.threads = threads
        wp.load_module(__name__, device=str(device))  # compile now, not in the first frame

    def _rasterize(self, mesh: Mesh, camera: Camera, size: tuple[int, int], cull: bool) -> Fragments:
        batch = max(mesh.vertices.shape[0], camera.near.shape[0])
        height, width = size
        device = mesh.vertices.device
        fragments = Fragments(
            pix_to_face=torch.empty(batch, height, width, dtype=torch.int64, device=device),
            bary_coords=torch.empty(batch, height, width, 3, device=device),
            depth=torch.empty(batch, height, width, device=device),
        )
        slices = _slices(batch, self.threads if device.type == "cpu" else 1)
        faces = mesh.faces.contiguous()
        work = [(_part(mesh.vertices, s), faces, _part_camera(camera, s), fragments[s], cull) for s in slices]
        if len(work) == 1:
            _draw_batch(*work[0])
        else:
            with ThreadPoolExecutor(len(work)) as pool:
                list(pool.map(lambda item: _draw_batch(*item), work))
        return fragments


def _slices(batch: int, parts: int) -> list[slice]:
    ends = [batch * i // parts for i in range(parts + 1)]
    slices = [slice(low, high) for low, high in itertools.pairwise(ends) if low < high]
    return slices or [slice(0, 0)]


def _part(tensor: Tensor, part: slice) -> Tensor:
    """The part of a batch; a batch of one is shared by all parts."""
    return tensor if tensor.shape[0] == 1 else tensor[part]


def _part_camera(camera: Camera, part: slice) -> Camera:
    return camera.map(lambda tensor: _part(tensor, part))


def _draw_batch(vertices: Tensor, faces: Tensor, camera: Camera, out: Fragments, cull: bool) -> None:
    """Rasterize into `out`."""
    batch, height, width = out.depth.shape
    size = (height, width)
    if batch == 0:
        return
    device = vertices.device
    s = Scene()
    s.vertices = _warp(vertices.to(torch.float32), wp.vec3f)
    s.faces = _warp(faces, wp.int64)
    s.cam_from_world = _warp(camera.cam_from_world.to(torch.float32), wp.mat44f)
    s.half_width = _warp(camera.half_width.to(torch.float32), wp.float32)
    s.near = _warp(camera.near.to(torch.float32), wp.float32)
    s.height, s.width, s.orthographic, s.cull = height, width, int(camera.orthographic), int(cull)
    s.grid, s.guard = _grid(max(size))
    corners = (batch, vertices.shape[1], 3)
    s.view = _warp(torch.empty(corners, dtype=torch.float64, device=device), wp.vec3d)
    s.placed = _warp(torch.empty(corners, dtype=torch.float64, device=device), wp.vec3d)
    s.keys = _warp(torch.zeros(batch, height * width, dtype=torch.int64, device=device), wp.int64)
    s.pix_to_face = _warp(out.pix_to_face.flatten(1), wp.int64)
    s.bary_coords = _warp(out.bary_coords.flatten(1, 2), wp.vec3f)
    s.depth = _warp(out.depth.flatten(1), wp.float32)
    where = wp.device_from_torch(device)
    for kernel, dim in ((place, corners[:2]), (raster, (batch, len(faces))), (resolve, (batch, *size))):
        wp.launch(kernel, dim=dim, inputs=[s], device=where)


def _grid(size: int) -> tuple[float, float]:
    """Steps a pixel, and the distance from the centre in pixels, for which edge functions are exact.

    Coordinates lie within 2.5 sizes, differences within 4, so that a·x + b·y + c stays below 36
    size² steps²: float64 holds 2^53 of them.
    """
    steps = 2.0 ** math.floor((53 - math.log2(36 * size * size)) / 2)
    return steps, 2.0 * size


def _warp(tensor: Tensor, dtype: type) -> wp.array:
    return wp.from_torch(tensor.detach().contiguous(), dtype=dtype)
