"""The default rasterizer: NVIDIA Warp kernels, with the same faces on CPU and CUDA.

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

from ftb.kernels.start import building, wp
from ftb.kernels.starting import Packed, launch, packed
from ftb.render import warp_kernels, warp_rows
from ftb.render.base import Rasterizer
from ftb.render.warp_edges import Frame
from ftb.render.warp_rows_resolve import NUMBERS
from ftb.types import Camera, Fragments, Mesh

# By kind of device: what is compiled.
MODULES = {"cpu": (warp_kernels, warp_rows), "cuda": (warp_kernels,)}


class WarpRasterizer(Rasterizer):
    """Rasterizer in NVIDIA Warp. Which face a pixel shows is computed in float64 from float32 vertices;
    barycentrics and depth are float32, and differ between CPU and CUDA by its rounding.

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
        with building():
            for module in MODULES[torch.device(device).type]:  # compile now, not in the first frame
                wp.load_module(module, device=str(device))

    def _rasterize(self, mesh: Mesh, camera: Camera, size: tuple[int, int], cull: bool) -> Fragments:
        batch = max(mesh.vertices.shape[0], camera.near.shape[0])
        device = mesh.vertices.device
        fragments = Fragments(
            pix_to_face=torch.empty(batch, *size, dtype=torch.int64, device=device),
            bary_coords=torch.empty(batch, *size, 3, device=device),
            depth=torch.empty(batch, *size, device=device),
            seen=_nothing_seen(batch, mesh.vertices.shape[1], size) if device.type == "cpu" else None,
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


def _nothing_seen(batch: int, vertices: int, size: tuple[int, int]) -> Tensor | None:
    """To be marked (B, V); None for pictures that nobody marks."""
    drawn = size[1] % warp_rows.WIDTH == 0 and math.prod(size) % warp_rows.PIXELS == 0 and size[0] > 1
    return torch.zeros(batch, vertices, dtype=torch.uint8) if drawn else None


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
    half_width, device = frame.fields["half_width"], vertices.device
    s = packed(
        warp_kernels.Batch,
        frame=frame,
        count=vertices.shape[1],
        faces=faces.contiguous(),
        cam_from_world=camera.cam_from_world.contiguous(),
        scale=half_width / camera.half_width,
        near=camera.near.contiguous(),
        unit=camera.half_width / half_width,
    )
    DRAWERS[device.type](s, vertices.contiguous(), out)


def draw_by_triangles(s: Packed, vertices: Tensor, out: Fragments) -> None:
    """Place a vertex a thread, draw a triangle, then resolve a pixel."""
    device, keys = out.depth.device, torch.zeros_like(out.pix_to_face)
    placed_vertices = len(out.depth) * s.fields["count"]
    view, placed = torch.empty(2, placed_vertices, 3, dtype=torch.float64, device=device)
    launch(warp_kernels.place, len(view), [s, vertices, view, placed], device)
    launch(warp_kernels.raster, len(keys) * len(s.fields["faces"]), [s, view, placed, keys], device)
    inputs = [s, view, keys, out.pix_to_face, out.bary_coords, out.depth]
    launch(warp_kernels.resolve, keys.numel(), inputs, device)


def draw_by_pictures(s: Packed, vertices: Tensor, out: Fragments) -> None:
    """As `draw_by_triangles`, a picture a thread and several pixels at a time, where these divide it."""
    batch, height, width = out.depth.shape
    if out.seen is None:
        return draw_by_triangles(s, vertices, out)
    found = [out.pix_to_face, out.bary_coords, out.depth, out.seen]
    inputs = [s, vertices, _desk(s.fields["faces"], s.fields["count"], height * width), *found]
    launch(warp_rows.raster_rows, batch, inputs, out.depth.device)


def _desk(faces: Tensor, vertices: int, pixels: int) -> Packed:
    """Memory for one picture. Eight triangles or vertices are read at once: behind the last one, too."""
    count, more = len(faces), warp_rows.WIDTH
    corners = torch.zeros(count + more, 3, dtype=torch.int32)
    corners[:count] = faces
    scratch, rest = torch.empty(2, count + more, dtype=torch.int32)
    free_view, free_placed = torch.empty(2, vertices, 3, dtype=torch.float64)
    return packed(
        warp_rows.Desk,
        corners=corners,
        view=torch.empty(vertices + more, 4, dtype=torch.float64),
        placed=torch.empty(vertices + more, 4, dtype=torch.int32),
        keys=torch.empty(pixels, dtype=torch.int64),
        scratch=scratch,
        rest=rest,
        free_view=free_view,
        free_placed=free_placed,
        pixels=torch.empty(count + more, dtype=torch.int32),
        records=torch.empty(count + more, NUMBERS),
    )


# By kind of device.
DRAWERS = {"cpu": draw_by_pictures, "cuda": draw_by_triangles}
