"""A head's skin as a pyramid of ever coarser textures, so that small pictures do not sparkle."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from ftb.maths.shapes import expect_shape
from ftb.types import Mesh, TensorData

LEAST_SIZE = 16  # texels along the coarsest level
LEAST_AREA = 1.0e-12


@dataclass(frozen=True, kw_only=True)
class Pyramid(TensorData):
    """texels (N, 5): albedo, roughness and F0 of all levels, finest first; starts (levels,) int32 of each
    level in them; size: texels along the finest."""

    texels: Tensor
    starts: Tensor
    size: int


def pyramid(albedo_linear: Tensor, material: Tensor) -> Pyramid:
    """Levels (T, T), (T/2, T/2), ... of textures (T, T, 3) and (T, T, 2), each the mean of the finer one
    over 2 × 2 texels (Williams 1983), as long as T is even."""
    size = expect_shape(albedo_linear, "T T 3", name="albedo_linear")["T"]
    expect_shape(material, "T T 2", name="material", dims={"T": size})
    level = torch.cat([albedo_linear.float(), material.float()], dim=-1)  # (T, T, 5)
    levels, starts = [level], [0]
    while level.shape[0] % 2 == 0 and level.shape[0] // 2 >= LEAST_SIZE:
        rows = (level[0::2] + level[1::2]).unflatten(1, (-1, 2))
        level = 0.25 * (rows[:, :, 0] + rows[:, :, 1])
        starts.append(starts[-1] + levels[-1].shape[0] ** 2)
        levels.append(level)
    texels = torch.cat([level.reshape(-1, 5) for level in levels])
    return Pyramid(texels=texels, starts=_on_device(tuple(starts), str(texels.device)), size=size)


@lru_cache(maxsize=16)
def _on_device(numbers: tuple[int, ...], device: str) -> Tensor:
    return torch.tensor(numbers, dtype=torch.int32, device=device)


def facets(mesh: Mesh, size: int) -> Tensor:
    """Unit normal of each face of one shape, and how many texels of a texture of `size` × `size` it has a
    metre: (F, 4)."""
    numbers = mesh.faces.flatten()
    corners = mesh.vertices[0].float().index_select(0, numbers).view(-1, 3, 3)  # (F, 3, 3)
    normals = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = normals.norm(dim=-1, keepdim=True).clamp_min(LEAST_AREA)
    if mesh.uvs is None:
        return torch.cat([normals / area, torch.zeros_like(area)], dim=-1)
    places = mesh.uvs.float().index_select(0, numbers).view(-1, 3, 2)
    u, v = places[:, 1] - places[:, 0], places[:, 2] - places[:, 0]
    covered = (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]).abs()[:, None]
    return torch.cat([normals / area, size * (covered / area).sqrt()], dim=-1)
