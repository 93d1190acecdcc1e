"""The default rasterizer: NVIDIA Warp kernels, with the same pixels on CPU and CUDA.

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
from ftb.types import Camera, Fragments, Mesh

# By kind of device: what is compiled.
MODULES = {"cpu": (warp_kernels, warp_rows), "cuda": (warp_kernels,)}


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
    return None if size[1] % warp_rows.LANES else torch.zeros(batch, vertices, dtype=torch.uint8)


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
        warp_kernels.Batch,
        frame=frame,
        count=count,
        faces=faces.contiguous(),
        cam_from_world=camera.cam_from_world.contiguous(),
        scale=half_width / camera.half_width,
        near=camera.near.contiguous(),
        unit=camera.half_width / half_width,
    )
    # Four numbers of a vertex are read at once: memory behind the last one has to be ours, too.
    view, placed = torch.empty(2, batch * count + 1, 3, dtype=torch.float64, device=device)[:, :-1]
    launch(warp_kernels.place, batch * count, [s, vertices.contiguous(), view, placed], device)
    DRAWERS[device.type](s, view, placed, out)


def draw_by_triangles(s: Packed, view: Tensor, placed: Tensor, out: Fragments) -> None:
    """Draw a triangle a thread, then resolve a pixel a thread."""
    device, keys = out.depth.device, torch.zeros_like(out.pix_to_face)
    launch(warp_kernels.raster, len(keys) * len(s.fields["faces"]), [s, view, placed, keys], device)
    inputs = [s, view, keys, out.pix_to_face, out.bary_coords, out.depth]
    launch(warp_kernels.resolve, keys.numel(), inputs, device)


def draw_by_pictures(s: Packed, view: Tensor, placed: Tensor, out: Fragments) -> None:
    """As `draw_by_triangles`, a picture a thread and eight pixels at a time, where these divide its width."""
    batch, height, width = out.depth.shape
    if out.seen is None:
        return draw_by_triangles(s, view, placed, out)
    faces = len(s.fields["faces"])
    keys = torch.empty(height * width, dtype=torch.int64)
    scratch, rest = torch.empty(2, faces + warp_rows.LANES, dtype=torch.int32)
    found = [out.pix_to_face, out.bary_coords, out.depth, out.seen]
    inputs = [s, view, placed, keys, scratch, rest, *found]
    launch(warp_rows.raster_rows, batch, inputs, out.depth.device)


# By kind of device.
DRAWERS = {"cpu": draw_by_pictures, "cuda": draw_by_triangles}
