"""A head's skin as a pyramid of ever coarser textures, so that small pictures do not sparkle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from ftb.kernels.starting import floats, launch
from ftb.maths.shapes import expect_shape
from ftb.render import texture_kernel, texture_rows
from ftb.render.skin_rows import SPARE
from ftb.types import TensorData

LEAST_SIZE = 16  # texels along the coarsest level


@dataclass(frozen=True, kw_only=True)
class Pyramid(TensorData):
    """texels (B · N, 5): albedo, roughness and F0 of all levels, finest first, head after head; starts
    (levels,) int32 of each level in those of a head; size: texels along the finest."""

    texels: Tensor
    starts: Tensor
    size: int


def pyramid(albedo_linear: Tensor, material: Tensor) -> Pyramid:
    """Levels (T, T), (T/2, T/2), ... of textures (B, T, T, 3) and (B, T, T, 2), or of one head without B.

    Each is the mean of the finer one over 2 × 2 texels (Williams 1983), as long as T is even. A single texel
    becomes four.
    """
    if albedo_linear.dim() == 3:
        albedo_linear, material = albedo_linear[None], material[None]
    dims = expect_shape(albedo_linear, "B T T 3", name="albedo_linear")
    expect_shape(material, "B T T 2", name="material", dims=dims)
    heads, size = dims["B"], dims["T"]
    if size == 1:  # a bilinear lookup reads four
        size = 2
        albedo_linear, material = (each.expand(heads, 2, 2, -1) for each in (albedo_linear, material))
    sides, starts = [size], [0]
    while sides[-1] % 2 == 0 and sides[-1] // 2 >= LEAST_SIZE:
        starts.append(starts[-1] + sides[-1] ** 2)
        sides.append(sides[-1] // 2)
    device = albedo_linear.device
    count = heads * (starts[-1] + sides[-1] ** 2)
    # Sixteen pixels at a time read a little beyond a texel: memory behind the last one has to be ours, too.
    texels = torch.empty(5 * count + SPARE, device=device)[: 5 * count].view(count, 5)
    found = Pyramid(texels=texels, starts=_on_device(tuple(starts), str(device)), size=size)
    FILLERS[device.type](floats(albedo_linear), floats(material), found)
    return found


def _fill_by_texels(albedo_linear: Tensor, material: Tensor, to: Pyramid) -> None:
    """Fill level after level, a texel a thread."""
    heads, count = len(albedo_linear), len(to.texels) // len(albedo_linear)
    inputs = [albedo_linear, material, to.size**2, count, to.texels]
    launch(texture_kernel.interleave, heads * to.size**2, inputs, to.texels.device)
    start, side = 0, to.size
    for _ in range(len(to.starts) - 1):
        finer, start, side = start, start + side**2, side // 2
        launch(
            texture_kernel.halve, heads * side**2, [to.texels, count, finer, start, side], to.texels.device
        )


def _fill_by_heads(albedo_linear: Tensor, material: Tensor, to: Pyramid) -> None:
    """As `_fill_by_texels`, a head a thread."""
    heads = len(albedo_linear)
    inputs = [to.size, albedo_linear, material, to.starts, len(to.texels) // heads, to.texels]
    launch(texture_rows.fill_pyramids, heads, inputs, to.texels.device)


# By kind of device.
FILLERS: dict[str, Callable[[Tensor, Tensor, Pyramid], None]] = {
    "cpu": _fill_by_heads,
    "cuda": _fill_by_texels,
}


@lru_cache(maxsize=16)
def _on_device(numbers: tuple[int, ...], device: str) -> Tensor:
    return torch.tensor(numbers, dtype=torch.int32, device=device)
