"""A head's skin as a pyramid of ever coarser textures, so that small pictures do not sparkle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from ftb.kernels.starting import launch
from ftb.maths.shapes import expect_shape
from ftb.render import texture_kernel, texture_rows
from ftb.scene.skin_texels import SPARE, woven
from ftb.types import TensorData

LEAST_SIZE = 16  # texels along the coarsest level
# Pixels of pictures so wide, a share of the texture, ask little of coarser levels; to make this little for so
# many pictures takes less time than whole levels. Of larger textures the coarsest take thousands of texels.
LATE_SHARE, LATE_PICTURES, LATE_TEXELS = 0.3, 3, 512


@dataclass(frozen=True, kw_only=True)
class Pyramid(TensorData):
    """finest (B · T², 5): albedo, roughness and F0, head after head; coarser (B · N, 5): of other levels that
    are `made`; starts (levels,) int32: where each of those begins in a head's; size: T."""

    finest: Tensor
    coarser: Tensor
    starts: Tensor
    size: int
    made: int


def pyramid(albedo_linear: Tensor, material: Tensor, *, late: bool = False) -> Pyramid:
    """Levels (T, T), (T/2, T/2), ... of textures (B, T, T, 3) and (B, T, T, 2), or of one head without B.

    Each is the mean of the finer one over 2 × 2 texels (Williams 1983), as long as T is even. A single texel
    becomes four. late: leave coarser levels out, as `made_late` says.
    """
    if albedo_linear.dim() == 3:
        albedo_linear, material = albedo_linear[None], material[None]
    dims = expect_shape(albedo_linear, "B T T 3", name="albedo_linear")
    expect_shape(material, "B T T 2", name="material", dims=dims)
    heads, size = dims["B"], dims["T"]
    if size == 1:  # a bilinear lookup reads four
        size = 2
        albedo_linear, material = (each.expand(heads, 2, 2, -1) for each in (albedo_linear, material))
    sides, starts, end = [size], [0], 0
    while sides[-1] % 2 == 0 and sides[-1] // 2 >= LEAST_SIZE:
        starts.append(end)
        sides.append(sides[-1] // 2)
        end += sides[-1] ** 2
    device = albedo_linear.device
    count = 0 if late else 5 * heads * end
    found = Pyramid(
        finest=woven(albedo_linear, material).view(-1, 5),
        coarser=torch.empty(count + SPARE, device=device)[:count].view(-1, 5),
        starts=_on_device(tuple(starts), str(device)),
        size=size,
        made=1 if late else len(starts),
    )
    if found.made > 1:
        FILLERS[device.type](found, heads)
    return found


def made_late(albedo_linear: Tensor, pictures: int, size: int) -> bool:
    """Whether the CPU's kernel should make what pixels ask of coarser levels as it goes, of textures (..., T,
    T, 3), for so many pictures of a head, `size` pixels wide: to the bit what would lie in memory."""
    texels = albedo_linear.shape[-2]
    wide = size >= LATE_SHARE * texels and texels <= LATE_TEXELS
    return albedo_linear.is_cpu and wide and pictures <= LATE_PICTURES


def _fill_by_texels(to: Pyramid, heads: int) -> None:
    """Fill level after level, a texel a thread."""
    finer, side, start = (to.finest, to.size**2, 0), to.size, 0
    for _ in range(len(to.starts) - 1):
        side //= 2
        inputs = [*finer, to.coarser, len(to.coarser) // heads, start, side]
        launch(texture_kernel.halve, heads * side**2, inputs, to.coarser.device)
        finer, start = (to.coarser, len(to.coarser) // heads, start), start + side**2


def _fill_by_heads(to: Pyramid, heads: int) -> None:
    """As `_fill_by_texels`, a head a thread."""
    inputs = [to.size, to.finest, to.starts, len(to.coarser) // heads, to.coarser]
    launch(texture_rows.fill_pyramids, heads, inputs, to.coarser.device)


# By kind of device.
FILLERS: dict[str, Callable[[Pyramid, int], None]] = {"cpu": _fill_by_heads, "cuda": _fill_by_texels}


@lru_cache(maxsize=16)
def _on_device(numbers: tuple[int, ...], device: str) -> Tensor:
    return torch.tensor(numbers, dtype=torch.int32, device=device)
