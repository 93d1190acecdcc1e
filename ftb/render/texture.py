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
from ftb.types import Mesh, TensorData

LEAST_SIZE = 16  # texels along the coarsest level


@dataclass(frozen=True, kw_only=True)
class Pyramid(TensorData):
    """texels (N, 5): albedo, roughness and F0 of all levels, finest first; starts (levels,) int32 of each
    level in them; size: texels along the finest."""

    texels: Tensor
    starts: Tensor
    size: int


def pyramid(albedo_linear: Tensor, material: Tensor) -> Pyramid:
    """Levels (T, T), (T/2, T/2), ... of textures (T, T, 3) and (T, T, 2), each the mean of the finer one
    over 2 × 2 texels (Williams 1983), as long as T is even. A single texel becomes four."""
    size = expect_shape(albedo_linear, "T T 3", name="albedo_linear")["T"]
    expect_shape(material, "T T 2", name="material", dims={"T": size})
    if size == 1:  # a bilinear lookup reads four
        size, albedo_linear, material = 2, albedo_linear.expand(2, 2, 3), material.expand(2, 2, 2)
    sides, starts = [size], [0]
    while sides[-1] % 2 == 0 and sides[-1] // 2 >= LEAST_SIZE:
        starts.append(starts[-1] + sides[-1] ** 2)
        sides.append(sides[-1] // 2)
    device = albedo_linear.device
    count = starts[-1] + sides[-1] ** 2
    # Sixteen pixels at a time read a little beyond a texel: memory behind the last one has to be ours, too.
    texels = torch.empty(5 * count + SPARE, device=device)[: 5 * count].view(count, 5)
    inputs = [floats(albedo_linear), floats(material), texels]
    launch(texture_kernel.interleave, size * size, inputs, device)
    for finer, start, side in zip(starts, starts[1:], sides[1:], strict=False):
        HALVERS[device.type](texels, finer, start, side)
    return Pyramid(texels=texels, starts=_on_device(tuple(starts), str(device)), size=size)


def _halve_texels(texels: Tensor, finer: int, start: int, side: int) -> None:
    """Fill the level of `side` × `side` texels at `start` from the one at `finer`, a texel a thread."""
    launch(texture_kernel.halve, side * side, [texels, finer, start, side], texels.device)


def _halve_rows(texels: Tensor, finer: int, start: int, side: int) -> None:
    """As `_halve_texels`, a row a thread."""
    launch(texture_rows.halve_rows, side, [texels, finer, start, side], texels.device)


# By kind of device.
HALVERS: dict[str, Callable[[Tensor, int, int, int], None]] = {"cpu": _halve_rows, "cuda": _halve_texels}


@lru_cache(maxsize=16)
def _on_device(numbers: tuple[int, ...], device: str) -> Tensor:
    return torch.tensor(numbers, dtype=torch.int32, device=device)


def facets(mesh: Mesh, size: int) -> Tensor:
    """Unit normal of each face of one shape, and how many texels of a texture of `size` × `size` it has a
    metre: (F, 4)."""
    faces = mesh.faces.to(torch.int32).contiguous()
    uvs = mesh.vertices.new_zeros(0, 2) if mesh.uvs is None else mesh.uvs
    expect_shape(uvs, "V 2", name="mesh.uvs")
    found = torch.empty(len(faces), 4, device=faces.device)
    inputs = [faces, floats(mesh.vertices[0]), floats(uvs), float(size), found]
    launch(texture_kernel.facet, len(faces), inputs, faces.device)
    return found
