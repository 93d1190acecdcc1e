"""Points on the sphere, on the disc, and the reference ball's geometry."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))


def fibonacci_directions(
    count: int, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> Tensor:
    """Unit directions (count, 3) spread evenly over the sphere, each standing for 4π/count steradians.

    A golden-angle spiral around +Y, from +Y down, with y = 1 − (2i + 1)/count (Swinbank & Purser 2006).
    """
    step = torch.arange(count, dtype=torch.float64)
    y = 1 - (2 * step + 1) / count
    return _spiral(y, step).to(device=device, dtype=dtype)


def disc_samples(
    count: int, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> Tensor:
    """Points (count, 2) spread evenly over the unit disc, each standing for π/count of its area.

    r = √((i + ½)/count) along a golden-angle spiral (Vogel 1979).
    """
    step = torch.arange(count, dtype=torch.float64)
    radius = torch.sqrt((step + 0.5) / count)
    angle = step * _GOLDEN_ANGLE
    points = torch.stack((radius * torch.cos(angle), radius * torch.sin(angle)), dim=-1)
    return points.to(device=device, dtype=dtype)


def cosine_directions(
    count: int, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> Tensor:
    """Unit directions (count, 3) over the hemisphere about +Z with density cos θ/π.

    Irradiance is π times their mean radiance. The disc's points lifted to the sphere (Malley 1988).
    """
    x, y = disc_samples(count, dtype=torch.float64).unbind(-1)
    lifted = torch.stack((x, y, torch.sqrt(1 - x * x - y * y)), dim=-1)
    return lifted.to(device=device, dtype=dtype)


def cap_directions(
    count: int, angle: float, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> Tensor:
    """Unit directions (count, 3) spread evenly over the cap of `angle` radians about +Z: one area light."""
    step = torch.arange(count, dtype=torch.float64)
    # 1 − cos θ of each ring, without the cancellation of small caps.
    depth = (2 * step + 1) / count * math.sin(angle / 2) ** 2
    radius = torch.sqrt(depth * (2 - depth))
    turn = step * _GOLDEN_ANGLE
    points = torch.stack((radius * torch.cos(turn), radius * torch.sin(turn), 1 - depth), dim=-1)
    return points.to(device=device, dtype=dtype)


def frame_about(dirs: Tensor) -> Tensor:
    """Rotations (..., 3, 3) that take +Z to the unit directions (..., 3); columns are the frame's axes.

    Smooth except at −Z, and defined everywhere (Duff et al. 2017, listing 3). `frame @ sample` turns
    samples about +Z, such as `cosine_directions`, to be about a normal.
    """
    x, y, z = dirs.unbind(-1)
    sign = torch.where(z < 0, -1.0, 1.0).to(dirs)
    a = -1 / (sign + z)
    b = x * y * a
    first = torch.stack((1 + sign * x * x * a, sign * b, -sign * x), dim=-1)
    second = torch.stack((b, sign + y * y * a, -y), dim=-1)
    return torch.stack((first, second, dirs), dim=-1)


def ball_normals(
    size: int, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor]:
    """Normals (S, S, 3) and mask (S, S) bool of the reference ball at the pixel centres.

    The unit sphere seen orthographically along −Z, filling the square: n = (x, y, √(1 − x² − y²)) with
    row 0 at the top; 0 outside the disc. Size 1: (0, 0, 1).
    """
    _check_size(size)
    along = (2 * torch.arange(size, dtype=torch.float64) + 1) / size - 1
    y, x = torch.meshgrid(-along, along, indexing="ij")
    square = 1 - x * x - y * y
    mask = square >= 0
    normals = torch.stack((x, y, torch.sqrt(square.clamp(min=0))), dim=-1) * mask[..., None]
    return normals.to(device=device, dtype=dtype), mask.to(device)


def ball_coverage(
    size: int, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> Tensor:
    """Share (S, S) of each pixel's area within the ball's disc: its antialiased alpha, exact.

    They add up to π/4 · S². Size 1: 0.785398; size 2: 0.785398 four times.
    """
    _check_size(size)
    edges = 2 * torch.arange(size + 1, dtype=torch.float64) / size - 1
    corners = _quadrant_area(edges[:, None], edges[None, :])
    pixels = corners[1:, 1:] - corners[:-1, 1:] - corners[1:, :-1] + corners[:-1, :-1]
    return (pixels * (size / 2) ** 2).clamp(0, 1).to(device=device, dtype=dtype)


def _check_size(size: int) -> None:
    if size < 1:
        raise ValueError(f"size: expected 1 pixel or more, got {size}")


def _spiral(y: Tensor, step: Tensor) -> Tensor:
    """Unit directions (N, 3) at heights y (N,), a golden angle apart."""
    radius = torch.sqrt(1 - y * y)
    angle = step * _GOLDEN_ANGLE
    return torch.stack((radius * torch.sin(angle), y, radius * torch.cos(angle)), dim=-1)


def _quadrant_area(x: Tensor, y: Tensor) -> Tensor:
    """Area of the unit disc within the rectangle from the origin to (x, y); odd in x and in y."""
    sign = torch.sign(x) * torch.sign(y)
    x, y = x.abs(), y.abs()
    inside = x * x + y * y <= 1
    start = torch.sqrt((1 - y * y).clamp(min=0))  # left of it the rectangle's top is within the disc
    under = _arc_integral(x) - _arc_integral(start) + start * y
    return sign * torch.where(inside, x * y, under)


def _arc_integral(x: Tensor) -> Tensor:
    """∫₀ˣ √(1 − t²) dt."""
    return 0.5 * (x * torch.sqrt((1 - x * x).clamp(min=0)) + torch.asin(x.clamp(-1, 1)))
