"""Real spherical harmonics of radiance: evaluation, projection, rotation, irradiance.

Orthonormal, without Condon-Shortley phase, index l² + l + m, so order 1 is 0.282095 · 1 and
0.488603 · (y, z, x) (the order of three.js's `LightProbe`). K = (order + 1)² coefficients. They are of
*radiance*: the factors π, 2π/3, π/4 of irradiance enter only here, in `irradiance_coeffs`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ftb.maths import envmap
from ftb.maths.color import luminance
from ftb.maths.rotation import normalize
from ftb.maths.shapes import expect_shape


def coefficient_count(order: int) -> int:
    """K = (order + 1)²: order 2 has 9 coefficients, order 4 has 25."""
    return (order + 1) ** 2


def order_of(sh_coeffs: Tensor) -> int:
    """The order of coefficients (..., K, 3); raises ValueError when K is not a square."""
    expect_shape(sh_coeffs, "... K 3", name="sh_coeffs")
    order = math.isqrt(sh_coeffs.shape[-2]) - 1
    if order < 0 or coefficient_count(order) != sh_coeffs.shape[-2]:
        shape = tuple(sh_coeffs.shape)
        raise ValueError(f"sh_coeffs: expected (..., K, 3) with K = 1, 4, 9, 16, 25, ..., got {shape}")
    return order


def evaluate(dirs: Tensor, order: int) -> Tensor:
    """The basis functions Y (..., K) at unit directions (..., 3).

    Polynomials up to order 4 (as Sloan 2008, appendix A2, without the phase), a recurrence above.
    Y₀₀ = 0.282095 everywhere; at +Y, Y₁₋₁ = 0.488603.
    """
    expect_shape(dirs, "... 3", name="dirs")
    if order < 0:
        raise ValueError(f"order: expected 0 or more, got {order}")
    if order >= len(_BANDS):
        return evaluate_recurrence(dirs, order)
    x, y, z = dirs.unbind(-1)
    return torch.stack([value for band in _BANDS[: order + 1] for value in band(x, y, z)], dim=-1)


def evaluate_recurrence(dirs: Tensor, order: int) -> Tensor:
    """As `evaluate`, for any order, by recurrence: its twin below order 5.

    Y_l,±m = √2 Q_lm(z) · (Re, Im)(x + iy)^m with normalised Q_lm = N_lm P_lm(z) / sin^m θ, which is
    stable to high orders (Holmes & Featherstone 2002, eq. 11-13, with the phase left out).
    """
    x, y, z = dirs.unbind(-1)
    values: list[Tensor] = [torch.empty(0)] * coefficient_count(order)
    cosine, sine = torch.ones_like(z), torch.zeros_like(z)  # Re and Im of (x + iy)^m
    diagonal = math.sqrt(1 / (4 * math.pi))  # Q_mm
    for m in range(order + 1):
        before, current = torch.zeros_like(z), torch.full_like(z, diagonal)
        for degree in range(m, order + 1):
            middle = degree * degree + degree
            if m == 0:
                values[middle] = current
            else:
                values[middle + m] = math.sqrt(2) * current * cosine
                values[middle - m] = math.sqrt(2) * current * sine
            up = degree + 1
            scale = math.sqrt((4 * up * up - 1) / (up * up - m * m))
            back = math.sqrt((degree * degree - m * m) / (4 * degree * degree - 1)) if degree > m else 0.0
            before, current = current, scale * (z * current - back * before)
        diagonal *= math.sqrt((2 * m + 3) / (2 * m + 2))
        cosine, sine = x * cosine - y * sine, x * sine + y * cosine
    return torch.stack(values, dim=-1)


def radiance_from_sh(sh_coeffs: Tensor, dirs: Tensor) -> Tensor:
    """Radiance (..., M, 3) from unit directions (..., M, 3), of coefficients (..., K, 3).

    Leading dimensions broadcast. A truncated series can go below 0 beside a bright light: it is not
    clamped here.
    """
    order = order_of(sh_coeffs)
    expect_shape(dirs, "... M 3", name="dirs")
    return evaluate(dirs, order) @ sh_coeffs


def irradiance_coeffs(sh_coeffs: Tensor) -> Tensor:
    """SH coefficients (..., K, 3) of irradiance, from those of radiance (..., K, 3): times A_l.

    A_l is π, 2π/3, π/4, 0, −π/24, 0, ... : 0 for odd l > 1, else
    2π (−1)^(l/2−1) / ((l + 2)(l − 1)) · l! / (2^l (l/2)!²) (Ramamoorthi & Hanrahan 2001, eq. 7-9).
    """
    order = order_of(sh_coeffs)
    factors = [_cosine_factor(degree) for degree in range(order + 1) for _ in range(2 * degree + 1)]
    return sh_coeffs * sh_coeffs.new_tensor(factors)[:, None]


def irradiance_from_sh(sh_coeffs: Tensor, normals: Tensor) -> Tensor:
    """Irradiance E(n) = ∫ L(ω) max(n·ω, 0) dω (..., M, 3) at unit normals (..., M, 3).

    `sh_coeffs` (..., K, 3) are of radiance; leading dimensions broadcast. L = 1 gives E = π.
    """
    return radiance_from_sh(irradiance_coeffs(sh_coeffs), normals)


def directional_light(dirs: Tensor, irradiance: Tensor, order: int) -> Tensor:
    """Coefficients (..., K, 3) of distant lights: Y(d) · irradiance.

    `dirs` (..., 3) unit, towards the light; `irradiance` (..., 3) on a surface that faces it: the
    radiance is a delta of that integral.
    """
    expect_shape(irradiance, "... 3", name="irradiance")
    return evaluate(dirs, order)[..., None] * irradiance[..., None, :]


def project_environment(environment: Tensor, order: int) -> Tensor:
    """Coefficients (..., K, 3) of an equirect radiance map (..., H, 2H, 3).

    c = Σ L ∫ Y dω over the texels, each of constant radiance, the integral by Gauss-Legendre quadrature
    within the texel: a white map has c₀₀ = √(4π) = 3.544908 and no other coefficient, and no energy is
    lost. A map that samples a smooth function at the texel centres comes out slightly blurred (by
    (l/H)² · 0.4 or so: 0.6 % of the order 4 at H = 32).
    """
    height = expect_shape(environment, "... H 2H 3", name="environment")["H"]
    weights = _texel_integrals(height, order, environment.dtype, environment.device)  # (K, H · 2H)
    return weights @ environment.flatten(-3, -2)


def environment_projection(height: int, order: int) -> Tensor:
    """The matrix (K, H · 2H) of `project_environment`, float32: ∫ Y dω over each texel."""
    return _texel_integrals(height, order, torch.float32, torch.device("cpu"))


def rotate(sh_coeffs: Tensor, rotation: Tensor) -> Tensor:
    """Coefficients (..., K, 3) of light (..., K, 3) turned actively by `rotation` (..., 3, 3).

    new(d) = old(Rᵀ d), at any order: the turned function is sampled and projected back by a quadrature
    that is exact for it (Gauss-Legendre in z, even spacing in azimuth). Leading dimensions broadcast.
    """
    order = order_of(sh_coeffs)
    expect_shape(rotation, "... 3 3", name="rotation")
    dirs, analysis = _exact_quadrature(order, sh_coeffs.dtype, sh_coeffs.device)  # (M, 3), (K, M)
    return analysis @ radiance_from_sh(sh_coeffs, dirs @ rotation)


def dominant_direction(sh_coeffs: Tensor) -> tuple[Tensor, Tensor]:
    """The direction (..., 3) most light comes from, and how directional it is (...).

    The l = 1 vector (x, y, z) of the luminance of `sh_coeffs` (..., K, 3), K ≥ 4, and its length over
    √3 · l0: 1 for one distant light, 0 for none or for even light (a series that goes below 0 can
    exceed 1). Without a direction the answer is +Z, with directionality 0.
    """
    if order_of(sh_coeffs) < 1:
        raise ValueError(f"sh_coeffs: expected (..., K, 3) with K ≥ 4, got {tuple(sh_coeffs.shape)}")
    level, y, z, x = luminance(sh_coeffs[..., :4, :]).unbind(-1)
    vector = torch.stack((x, y, z), dim=-1)
    direction = normalize(vector)
    none = (vector == 0).all(-1)
    # +Z is added only where normalize gave 0.
    direction = direction + none[..., None] * vector.new_tensor([0.0, 0.0, 1.0])
    length = (vector * direction).sum(-1)
    lit = level > 0
    return direction, torch.where(lit, length / (math.sqrt(3) * torch.where(lit, level, 1)), 0)


def _cosine_factor(degree: int) -> float:
    """A_l of `irradiance_coeffs`."""
    if degree % 2:
        return 2 * math.pi / 3 if degree == 1 else 0.0
    half = degree // 2
    sign = -1 if half % 2 == 0 else 1
    central = math.comb(degree, half) / 2**degree
    return 2 * math.pi * sign / ((degree + 2) * (degree - 1)) * central


def _band_0(x: Tensor, y: Tensor, z: Tensor) -> list[Tensor]:
    return [torch.full_like(z, 0.5 * math.sqrt(1 / math.pi))]


def _band_1(x: Tensor, y: Tensor, z: Tensor) -> list[Tensor]:
    c = math.sqrt(3 / (4 * math.pi))
    return [c * y, c * z, c * x]


def _band_2(x: Tensor, y: Tensor, z: Tensor) -> list[Tensor]:
    c = 0.5 * math.sqrt(15 / math.pi)
    c0 = 0.25 * math.sqrt(5 / math.pi)
    return [c * x * y, c * y * z, c0 * (3 * z * z - 1), c * x * z, 0.5 * c * (x * x - y * y)]


def _band_3(x: Tensor, y: Tensor, z: Tensor) -> list[Tensor]:
    c3 = 0.25 * math.sqrt(35 / (2 * math.pi))
    c2 = 0.25 * math.sqrt(105 / math.pi)
    c1 = 0.25 * math.sqrt(21 / (2 * math.pi))
    c0 = 0.25 * math.sqrt(7 / math.pi)
    zz = z * z
    a = c1 * (5 * zz - 1)
    values = [c3 * y * (3 * x * x - y * y), 2 * c2 * x * y * z, a * y, c0 * z * (5 * zz - 3)]
    return [*values, a * x, c2 * z * (x * x - y * y), c3 * x * (x * x - 3 * y * y)]


def _band_4(x: Tensor, y: Tensor, z: Tensor) -> list[Tensor]:
    c4 = 3 / 16 * math.sqrt(35 / math.pi)
    c3 = 3 / 4 * math.sqrt(35 / (2 * math.pi))
    c2 = 3 / 8 * math.sqrt(5 / math.pi)
    c1 = 3 / 4 * math.sqrt(5 / (2 * math.pi))
    c0 = 3 / 16 * math.sqrt(1 / math.pi)
    xx, yy, zz = x * x, y * y, z * z
    xy, difference = x * y, xx - yy
    a, b = c1 * z * (7 * zz - 3), c2 * (7 * zz - 1)
    values = [4 * c4 * xy * difference, c3 * y * z * (3 * xx - yy), 2 * b * xy, a * y]
    values += [c0 * (zz * (35 * zz - 30) + 3)]
    values += [a * x, b * difference, c3 * x * z * (xx - 3 * yy)]
    return [*values, c4 * (difference * difference - 4 * xy * xy)]


_BANDS: tuple[Callable[[Tensor, Tensor, Tensor], list[Tensor]], ...] = (
    _band_0, _band_1, _band_2, _band_3, _band_4,
)  # fmt: skip


@lru_cache(maxsize=64)
def _texel_integrals(height: int, order: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """∫ Y dω over each texel of an equirect map: (K, H · 2H)."""
    # Cached constants must not become inference tensors, which autograd refuses later.
    with torch.inference_mode(False), torch.no_grad():
        # Points a texel and axis: 3 integrate orders below 9 of it to rounding, wide texels take more.
        nodes, weights = np.polynomial.legendre.leggauss(3 + math.ceil(4 * (order + 1) / height))
        nodes, weights = torch.from_numpy(nodes) / 2, torch.from_numpy(weights) / 2
        rows = torch.arange(height, dtype=torch.float64) + 0.5
        columns = torch.arange(2 * height, dtype=torch.float64) + 0.5
        total = torch.zeros(height, 2 * height, coefficient_count(order), dtype=torch.float64)
        for down, row_weight in zip(nodes, weights, strict=True):
            sines = torch.sin((rows + down) * (math.pi / height))[:, None, None]  # (H, 1, 1)
            for along, column_weight in zip(nodes, weights, strict=True):
                dirs = envmap.direction_from_pixel(rows[:, None] + down, columns + along, height)
                total += row_weight * column_weight * sines * evaluate(dirs, order)
        # Within rounding of the Gauss weights; then exactly the texels' own solid angles.
        areas = envmap.solid_angles(height, dtype=torch.float64)
        total *= (areas * math.sqrt(1 / (4 * math.pi)) / total[..., 0])[..., None]
        return total.flatten(0, 1).T.contiguous().to(device=device, dtype=dtype)


@lru_cache(maxsize=64)
def _exact_quadrature(order: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Directions (M, 3) and the matrix (K, M) that projects samples of a function of this order."""
    with torch.inference_mode(False), torch.no_grad():
        nodes, weights = np.polynomial.legendre.leggauss(order + 1)
        count = 2 * order + 2
        z = torch.from_numpy(nodes)[:, None].expand(order + 1, count)
        azimuth = (torch.arange(count, dtype=torch.float64) * (2 * math.pi / count)).expand(order + 1, count)
        sine = torch.sqrt(1 - z * z)
        dirs = torch.stack((sine * torch.cos(azimuth), sine * torch.sin(azimuth), z), dim=-1).flatten(0, 1)
        areas = torch.from_numpy(weights).repeat_interleave(count) * (2 * math.pi / count)  # (M,)
        analysis = evaluate(dirs, order).T * areas
        return dirs.to(device=device, dtype=dtype), analysis.to(device=device, dtype=dtype)
