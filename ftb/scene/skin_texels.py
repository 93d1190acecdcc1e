"""How a skin lies in memory: the five numbers of a texel side by side, so that one read gets all."""

from __future__ import annotations

import torch
from torch import Tensor

# Numbers that may be read behind the last texel's: eight are at once.
SPARE = 3


def empty_texels(heads: int, size: int, device: torch.device | None = None) -> Tensor:
    """(H, T, T, 5) to be filled with albedo, roughness and F0; SPARE numbers more are behind its end."""
    count = 5 * heads * size * size
    return torch.empty(count + SPARE, device=device)[:count].view(heads, size, size, 5)


def woven(albedo_linear: Tensor, material: Tensor) -> Tensor:
    """(H, T, T, 5) of textures (H, T, T, 3) and (H, T, T, 2), as of `empty_texels`; without a copy where they
    are the two parts of such a one."""
    heads, size = albedo_linear.shape[:2]
    shape, strides = (heads, size, size, 5), (5 * size * size, 5 * size, 5, 1)
    known, first = albedo_linear.untyped_storage(), albedo_linear.storage_offset()
    parts_of_one = (
        known.data_ptr() == material.untyped_storage().data_ptr()
        and material.storage_offset() == first + 3
        and albedo_linear.stride() == material.stride() == strides
        and albedo_linear.dtype == material.dtype == torch.float32
    )
    if parts_of_one and (first + 5 * heads * size * size + SPARE) * 4 <= known.nbytes():
        return albedo_linear.detach().as_strided(shape, strides)
    texels = empty_texels(heads, size, albedo_linear.device)
    texels[..., :3], texels[..., 3:] = albedo_linear, material
    return texels
