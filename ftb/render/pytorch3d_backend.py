"""PyTorch3D's rasterizer behind our contract, for comparison and for who has it installed already.

Its view frame has +X left and +Z into the scene: ours times diag(−1, 1, −1). Its NDC span [−1, 1] over
the shorter side, and its face numbers count through the whole batch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ftb.render.base import Rasterizer, empty_fragments, view_vertices
from ftb.types import Camera, Fragments, Mesh, concatenate

# Depths closer to 0 are moved here: they are clipped anyway, and must not divide by 0 before.
LEAST_DEPTH = 1e-8


class PyTorch3DRasterizer(Rasterizer):
    """`rasterize_meshes` of PyTorch3D, one face a pixel, no blur. threads is accepted and not used.

    Not watertight: its inside test is strict, so that pixel centres on a shared edge are missed.
    """

    name = "pytorch3d"

    def __init__(self, device: torch.device | str = "cpu", threads: int = 1) -> None:
        del device, threads  # follows its inputs
        from pytorch3d.renderer.mesh.rasterize_meshes import rasterize_meshes
        from pytorch3d.structures import Meshes

        self._meshes: Any = Meshes
        self._rasterize_meshes: Any = rasterize_meshes

    def _rasterize(self, mesh: Mesh, camera: Camera, size: tuple[int, int], cull: bool) -> Fragments:
        batch = max(mesh.vertices.shape[0], camera.near.shape[0])
        camera = camera.map(lambda t: t.expand(batch, *t.shape[1:]).float())
        seen = view_vertices(mesh.vertices.float().expand(batch, -1, -1), camera)
        nears = camera.near.tolist()
        if len(set(nears)) <= 1:
            return self._draw(seen, mesh.faces, camera, size, cull)
        # It takes one clipping depth for all of a batch.
        parts = [self._draw(seen[b : b + 1], mesh.faces, camera[b : b + 1], size, cull) for b in range(batch)]
        return concatenate(parts)

    def _draw(
        self, seen: Tensor, faces: Tensor, camera: Camera, size: tuple[int, int], cull: bool
    ) -> Fragments:
        """seen (B, V, 3) in view, cameras of one `near`."""
        batch, count = seen.shape[0], faces.shape[0]
        if batch * count * seen.shape[1] == 0:
            return empty_fragments(seen, (batch, *size))
        # PyTorch3D lets a vertex that is not finite cover everything: its faces shrink to a point instead.
        finite = seen.isfinite().all(-1)  # (B, V)
        whole = finite[:, faces].all(-1, keepdim=True)  # (B, F, 1)
        seen = torch.where(finite[..., None], seen, 0.0)
        meshes = self._meshes(
            verts=_ndc(seen, camera, size), faces=torch.where(whole, faces, faces[:, :1]).contiguous()
        )
        face, depth, bary, _ = self._rasterize_meshes(
            meshes,
            image_size=size,
            blur_radius=0.0,
            faces_per_pixel=1,
            perspective_correct=not camera.orthographic,
            clip_barycentric_coords=False,
            cull_backfaces=cull,
            z_clip_value=float(camera.near[0]),
        )
        first = torch.arange(batch, device=seen.device)[:, None, None] * count
        face = torch.where(face[..., 0] >= 0, face[..., 0] - first, -1)
        return Fragments(pix_to_face=face, bary_coords=bary[..., 0, :], depth=depth[..., 0])


def _ndc(seen: Tensor, camera: Camera, size: tuple[int, int]) -> Tensor:
    """Positions in view (x right, y up, depth) in PyTorch3D's NDC (x left, y up, depth)."""
    depth = seen[..., 2:]
    depth = torch.where(depth.abs() < LEAST_DEPTH, LEAST_DEPTH, depth)
    plane = seen[..., :2] if camera.orthographic else seen[..., :2] / depth
    per_unit = size[1] / min(size) / camera.half_width[:, None, None]
    x, y = (plane * per_unit).unbind(-1)
    return torch.stack((-x, y, seen[..., 2]), dim=-1)
