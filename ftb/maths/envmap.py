"""Equirect environment maps (..., H, 2H, 3) of scene-linear radiance in the camera frame.

Oriented as OpenEXR's latlong. With u = (j + ½) / W from the left and v = (i + ½) / H from the top:

    θ = π v,  φ = π − 2π u,  d = (sin θ sin φ, cos θ, sin θ cos φ)

    (u, v) = (½, ½) is +Z, towards the camera      (0, ½) and (1, ½) are −Z
    (¼, ½) is +X, image right                      (¾, ½) is −X
    v = 0 is +Y, up                                v = 1 is −Y

Pixel coordinates (row, column) are continuous with texel centres at +½: (0.5, 0.5) is the first centre.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from ftb.maths.shapes import expect_shape


def directions(height: int, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> Tensor:
    """Unit directions (H, 2H, 3) of the texel centres."""
    _check_height(height)
    rows = torch.arange(height, dtype=torch.float64) + 0.5
    columns = torch.arange(2 * height, dtype=torch.float64) + 0.5
    return direction_from_pixel(rows[:, None], columns, height).to(device=device, dtype=dtype)


def direction_from_pixel(row: Tensor, column: Tensor, height: int) -> Tensor:
    """Unit directions (..., 3) at continuous pixel coordinates (...) of a map of this height.

    In a map of height 2: (1, 2) → (0, 0, 1), (1, 1) → (1, 0, 0), (0, any) → (0, 1, 0).
    """
    theta = row * (math.pi / height)
    phi = math.pi - column * (math.pi / height)
    sine = torch.sin(theta)
    x, y, z = torch.broadcast_tensors(sine * torch.sin(phi), torch.cos(theta), sine * torch.cos(phi))
    return torch.stack((x, y, z), dim=-1)


def pixel_from_direction(dirs: Tensor, height: int) -> tuple[Tensor, Tensor]:
    """Continuous (row, column), each (...), in [0, H] and [0, 2H], of directions (..., 3) of any length.

    The inverse of `direction_from_pixel`. At the poles the column is that of +Z, and gradients are
    finite (0).
    """
    expect_shape(dirs, "... 3", name="dirs")
    _check_height(height)
    x, y, z = dirs.unbind(-1)
    square = x * x + z * z
    pole = square == 0
    # atan2(√(x² + z²), y) is accurate at the poles, where acos(y) is not.
    across = torch.where(pole, 0, torch.sqrt(torch.where(pole, 1, square)))
    theta = torch.atan2(across, torch.where(pole & (y == 0), 1, y))
    phi = torch.atan2(torch.where(pole, 0, x), torch.where(pole, 1, z))
    return theta * (height / math.pi), (math.pi - phi) * (height / math.pi)


def solid_angles(
    height: int, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> Tensor:
    """Solid angle (H, 2H) of each texel, in steradians: exact areas, which add up to 4π.

    (cos θ_top − cos θ_bottom) · 2π / W. At height 2 every texel has π/2.
    """
    _check_height(height)
    bands = _band_heights(torch.arange(height + 1, dtype=torch.float64) / height)
    return (bands * (math.pi / height))[:, None].expand(height, 2 * height).to(device=device, dtype=dtype)


def sample(environment: Tensor, dirs: Tensor) -> Tensor:
    """Radiance (B..., ..., 3) of a map (B..., H, 2H, 3) along directions (B..., ..., 3), bilinear.

    The map's leading dimensions B... are the first ones of `dirs` (size 1 broadcasts). Columns wrap
    around; above the topmost row of centres the neighbour is the same row on the other side of the pole.
    """
    height = expect_shape(environment, "... H 2H 3", name="environment")["H"]
    batch = environment.ndim - 3
    lead = dirs.shape[:batch]
    fits = len(lead) == batch and dirs.ndim > batch and dirs.shape[-1] == 3
    if not fits or any(a != b and 1 not in (a, b) for a, b in zip(environment.shape, lead, strict=False)):
        want = ", ".join([*map(str, environment.shape[:batch]), "...", "3"])
        raise ValueError(f"dirs: expected ({want}) for this environment, got {tuple(dirs.shape)}")
    lead = torch.broadcast_shapes(environment.shape[:batch], lead)
    query = dirs.shape[batch:-1]
    texels = environment.expand(*lead, *environment.shape[batch:]).reshape(-1, 2 * height * height, 3)
    row, column = pixel_from_direction(dirs.expand(*lead, *query, 3).reshape(len(texels), -1, 3), height)
    row, column = row - 0.5, column - 0.5  # (B, M), whole numbers at texel centres
    top, left = torch.floor(row.detach()), torch.floor(column.detach())
    down, right = (row - top)[..., None], (column - left)[..., None]
    # Clamped only for a direction of NaN, which must come out as NaN and not as an index error.
    top, left = top.long().clamp(-1, height - 1), left.long()
    upper = _fetch(texels, top, left, height) * (1 - right) + _fetch(texels, top, left + 1, height) * right
    top = top + 1
    lower = _fetch(texels, top, left, height) * (1 - right) + _fetch(texels, top, left + 1, height) * right
    return (upper * (1 - down) + lower * down).reshape(*lead, *query, 3)


def rotate(environment: Tensor, rotation: Tensor) -> Tensor:
    """The map (..., H, 2H, 3) of light turned actively by `rotation` (..., 3, 3): new(d) = old(Rᵀ d).

    Resampled bilinearly, so other turns than about Y by whole texels blur a little; those are a roll of
    the columns to the left (about +Y, +Z goes to +X, which is left of it in the map).
    """
    height = expect_shape(environment, "... H 2H 3", name="environment")["H"]
    expect_shape(rotation, "... 3 3", name="rotation")
    dirs = directions(height, environment.device, environment.dtype)
    lead = torch.broadcast_shapes(environment.shape[:-3], rotation.shape[:-2])
    turned = dirs.flatten(0, 1) @ rotation  # (..., H · 2H, 3), rows dᵀ R = (Rᵀ d)ᵀ
    turned = turned.unflatten(-2, (height, 2 * height)).expand(*lead, height, 2 * height, 3)
    return sample(environment.expand(*lead, *environment.shape[-3:]), turned)


def resize(environment: Tensor, height: int) -> Tensor:
    """The map (..., H, 2H, 3) at another height (..., height, 2 · height, 3), area-weighted.

    Each new texel is the mean radiance over its area on the sphere, so Σ L dΩ is kept for any ratio.
    Enlarging repeats texels; for a smooth enlargement, `sample` it at `directions(height)`.
    """
    old = expect_shape(environment, "... H 2H 3", name="environment")["H"]
    _check_height(height)
    if old == height:
        return environment
    down = _kept_overlap(old, height, True, environment.dtype, environment.device)  # (height, H)
    along = _kept_overlap(2 * old, 2 * height, False, environment.dtype, environment.device)  # (2 height, 2H)
    # Rows first, then columns: contracted together they would meet in a tensor of height · H · 2H.
    rows = torch.einsum("ri,...ijk->...rjk", down, environment)
    return torch.einsum("cj,...rjk->...rck", along, rows)


def _check_height(height: int) -> None:
    if height < 1:
        raise ValueError(f"height: expected 1 or more texel rows, got {height}")


def _band_heights(edges: Tensor) -> Tensor:
    """cos θ_top − cos θ_bottom between edges v in [0, 1], without the cancellation at the poles."""
    middle, half = (edges[1:] + edges[:-1]) * (math.pi / 2), (edges[1:] - edges[:-1]) * (math.pi / 2)
    return 2 * torch.sin(middle) * torch.sin(half)


def _fetch(texels: Tensor, row: Tensor, column: Tensor, height: int) -> Tensor:
    """Texels (B, M, 3) of flat maps (B, H · 2H, 3) at whole rows −1..H and any whole columns (B, M)."""
    beyond = (row < 0) | (row >= height)
    # Over the pole: the same row, half a turn on.
    row = torch.where(row < 0, -1 - row, torch.where(row >= height, 2 * height - 1 - row, row))
    column = (column + beyond * height) % (2 * height)
    return texels.gather(1, (row * (2 * height) + column)[..., None].expand(-1, -1, 3))


@lru_cache(maxsize=16)
def _kept_overlap(old: int, new: int, polar: bool, dtype: torch.dtype, device: torch.device) -> Tensor:
    # Cached constants must not become inference tensors, which autograd refuses later.
    with torch.inference_mode(False), torch.no_grad():
        return _overlap(old, new, polar=polar).to(device=device, dtype=dtype)


def _overlap(old: int, new: int, *, polar: bool) -> Tensor:
    """Weights (new, old), float64: the share of each old cell in each new cell, rows add up to 1.

    Cells divide [0, 1] evenly; `polar` measures them by area on the sphere, else by length.
    """
    starts, ends = torch.arange(new, dtype=torch.float64)[:, None] * old, torch.arange(1, old + 1) * new
    # In whole units of 1 / (old · new), so that cells that only touch share nothing.
    low = torch.maximum(starts, ends - new)
    high = torch.maximum(torch.minimum(starts + old, ends.double()), low)
    middle, half = (high + low) / (2 * old * new), (high - low) / (2 * old * new)
    share = torch.sin(math.pi * middle) * torch.sin(math.pi * half) if polar else half
    return share / share.sum(dim=1, keepdim=True)
