"""The default rasterizer: NVIDIA Warp kernels, the same on CPU and CUDA.

Three passes: place vertices on the pixel plane, draw triangles into a buffer of (nearness, face) keys,
resolve the keys to barycentrics and depth. What makes it watertight: vertices snap to a sub-pixel
grid, of steps as fine as edge functions stay exact in float64 (2⁻¹⁵ pixel at 256²), and a pixel centre
on an edge counts as if moved infinitesimally to the right and down, which gives it to exactly one
side. Triangles that reach behind the near plane get the same edge functions in homogeneous form (Olano
and Greer 1997), so that nothing is cut into new triangles.
"""

import itertools
import math
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from ftb.render.base import Rasterizer
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
from ftb.render.warp_launch import Packed, launch, packed
from ftb.render.warp_start import wp
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
from ftb.types import Camera, Fragments, Mesh

wp.set_module_options({"enable_backward": False})

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


@wp.kernel
def place(
    s: Batch,
    vertices: wp.array(dtype=wp.vec3f),
    view: wp.array(dtype=wp.vec3d),
    placed: wp.array(dtype=wp.vec3d),
):
    """Transform and place one vertex a thread: vertices (B·V or V,) to view and placed (B·V,)."""
    n = wp.tid()
    b = quotient(n, s.count)
    v = vertices[n % vertices.shape[0]]
    seen = s.cam_from_world[b] * wp.vec4d(wp.float64(v[0]), wp.float64(v[1]), wp.float64(v[2]), ONE)
    at = wp.vec3d(seen[0], seen[1], -seen[2])
    view[n] = at
    placed[n] = place_vertex(s.frame, at, s.scale[b], s.near[b])


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
    corner = s.faces[f]
    if wp.min(corner) < wp.int64(0) or wp.max(corner) >= wp.int64(s.count):
        return
    i = b * s.count + int(corner[0])
    j = b * s.count + int(corner[1])
    k = b * s.count + int(corner[2])
    p = placed[i]
    q = placed[j]
    r = placed[k]
    if p[2] * q[2] * r[2] == INVALID:
        return
    anchored = p[2] + q[2] + r[2] == ANCHORED + ANCHORED + ANCHORED
    box = centres_within(s.frame, box_of(p, q, r))
    if anchored and (box[0] > box[2] or box[1] > box[3]):  # many are too small to reach a pixel centre
        return
    seen = wp.matrix_from_rows(view[i], view[j], view[k])
    area = facing_area(s.frame, p, q, r, seen)
    if area == ZERO or (s.frame.cull and area < ZERO) or farthest_depth(seen) < s.near[b]:
        return
    if not anchored:
        box = centres_within(s.frame, box_of_clipped(s.frame, seen, s.near[b], s.scale[b]))
    t = set_up_edges(s.frame, wp.matrix_from_rows(p, q, r), seen, -wp.sign(area))
    t = set_up_depth(s.frame, t, seen, s.scale[b], s.near[b])
    draw(s.frame, t, box, b * s.frame.height, LAST_FACE - wp.int64(f), keys)


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
        device = mesh.vertices.device
        fragments = Fragments(
            pix_to_face=torch.empty(batch, *size, dtype=torch.int64, device=device),
            bary_coords=torch.empty(batch, *size, 3, device=device),
            depth=torch.empty(batch, *size, device=device),
        )
        frame = _frame(size, camera.orthographic, cull)
        camera = camera.map(lambda t: t.detach().expand(batch, *t.shape[1:]).to(torch.float64))
        vertices = mesh.vertices.detach().to(torch.float32)
        work = []
        for part in _slices(batch, self.threads if device.type == "cpu" else 1):
            shapes = vertices if vertices.shape[0] == 1 else vertices[part]
            work.append((frame, shapes, mesh.faces, camera[part], fragments[part]))
        if len(work) == 1:
            _draw_batch(*work[0])
        elif work:
            with ThreadPoolExecutor(len(work)) as pool:
                list(pool.map(lambda item: _draw_batch(*item), work))
        return fragments


def _slices(batch: int, parts: int) -> list[slice]:
    ends = [batch * i // parts for i in range(parts + 1)]
    return [slice(low, high) for low, high in itertools.pairwise(ends) if low < high]


def _frame(size: tuple[int, int], orthographic: bool, cull: bool) -> Packed:
    """Chooses the finest grid on which edge functions are exact.

    Anchored coordinates lie within 2.5 sizes of the corner and 4 of each other, so that in the worst
    case a·x + b·y + c is below 36 size² steps², of which float64 holds 2⁵³.
    """
    return packed(
        Frame,
        height=size[0],
        width=size[1],
        half_height=size[0] / 2,
        half_width=size[1] / 2,
        orthographic=orthographic,
        cull=cull,
        grid=2.0 ** math.floor((53 - math.log2(36 * max(size) ** 2)) / 2),
        guard=2.0 * max(size),
    )


def _draw_batch(frame: Packed, vertices: Tensor, faces: Tensor, camera: Camera, out: Fragments) -> None:
    """Rasterize B images into `out`; vertices (B|1, V, 3)."""
    batch, device = out.depth.shape[0], vertices.device
    half_width, count = frame.fields["half_width"], vertices.shape[1]
    s = packed(
        Batch,
        frame=frame,
        count=count,
        faces=faces.contiguous(),
        cam_from_world=camera.cam_from_world.contiguous(),
        scale=half_width / camera.half_width,
        near=camera.near.contiguous(),
        unit=camera.half_width / half_width,
    )
    view, placed = torch.empty(2, batch * count, 3, dtype=torch.float64, device=device)
    keys = torch.zeros_like(out.pix_to_face)
    launch(place, batch * count, [s, vertices.contiguous(), view, placed], device)
    launch(raster, batch * len(faces), [s, view, placed, keys], device)
    launch(resolve, keys.numel(), [s, view, keys, out.pix_to_face, out.bary_coords, out.depth], device)
