"""How a ball reflects an environment: constants of geometry, view and material, computed once.

The ball is seen orthographically along −Z, so every point has the same eye direction v = +Z, and the
half vector h = (v + ω)/|v + ω| maps the hemisphere about +Z one to one on all light directions ω. On a
polar grid of h the integral over light becomes

    L(n) = ∫ L(ω(h)) f(n, v, ω(h)) max(n·ω, 0) dω,   dω = 4 (v·h) dh

whose kernel is smooth at every n, highlights at the rim included, and depends on the azimuths of n and
of h only through their difference: a circular convolution, done by FFT. Small balls under small maps use
the same integral written out as one matrix.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ftb.maths import brdf, envmap, sphere
from ftb.scene.materials import BallMaterial

# A map of this height resolves harmonics of order 4 many times over.
SH_GRID_HEIGHT = 32


@dataclass(frozen=True, kw_only=True)
class HalfGrid:
    """Quadrature over light directions: T polar angles of the half vector × A azimuths.

    polar (T,) angles of h in (0, π/2), Gauss-Legendre; weights (T,) solid angle of ω per point;
    light_dirs (T · A, 3).
    """

    polar: Tensor
    weights: Tensor
    light_dirs: Tensor
    azimuths: int


def lobe_resolution(material: BallMaterial) -> int:
    """Points over a right angle that resolve a highlight, whose half width is about 0.64 alpha."""
    return max(96, math.ceil(9.6 / material.alpha))


def half_grid(material: BallMaterial, height: int) -> HalfGrid:
    """A grid fine enough for the highlight of `material` and for a map of `height` rows; float64."""
    count = max(lobe_resolution(material), 4 * height)  # four points a texel
    nodes, weights = np.polynomial.legendre.leggauss(count)
    polar = torch.from_numpy(0.25 * math.pi * (nodes + 1.0))
    azimuths = 2 * count
    step = 2.0 * math.pi / azimuths
    # dω = sin(2 θ_h) · 2 dθ_h dφ
    solid_angles = torch.from_numpy(weights) * (0.25 * math.pi) * 2.0 * torch.sin(2.0 * polar) * step
    azimuth = torch.arange(azimuths, dtype=torch.float64) * step
    theta, phi = torch.meshgrid(2.0 * polar, azimuth, indexing="ij")
    dirs = torch.stack((theta.sin() * phi.cos(), theta.sin() * phi.sin(), theta.cos()), dim=-1)
    return HalfGrid(polar=polar, weights=solid_angles, light_dirs=dirs.reshape(-1, 3), azimuths=azimuths)


def reflected_share(material: BallMaterial, normals: Tensor, light_dirs: Tensor) -> Tensor:
    """f(n, v, ω) max(n·ω, 0) for v = +Z, shapes (..., 3) broadcast: (...)."""
    normals, light_dirs = torch.broadcast_tensors(normals, light_dirs)
    cosines = (normals * light_dirs).sum(dim=-1).clamp_min(0.0)
    if material.f0 is None:
        return brdf.lambert(torch.full_like(cosines, material.albedo)) * cosines
    view_dirs = normals.new_tensor([0.0, 0.0, 1.0]).expand_as(normals)
    base = normals.new_tensor([material.albedo])
    value = brdf.gltf_dielectric(normals, view_dirs, light_dirs, base, material.alpha, material.f0)
    return value[..., 0] * cosines


@dataclass(frozen=True, kw_only=True)
class Taps:
    """Bilinear lookups of Q directions in a flattened map: indices (4, Q) int64, weights (4, Q)."""

    indices: Tensor
    weights: Tensor


def bilinear_taps(dirs: Tensor, height: int) -> Taps:
    """The lookups that `envmap.sample` makes for directions (Q, 3) in a map of `height` rows."""
    row, column = envmap.pixel_from_direction(dirs, height)
    row, column = row - 0.5, column - 0.5
    top, left = torch.floor(row), torch.floor(column)
    down, right = row - top, column - left
    indices, weights = [], []
    for step_down, row_weight in ((0, 1.0 - down), (1, down)):
        rows = top.long() + step_down
        # Over a pole the neighbour is the same row half a turn on.
        across = ((rows < 0) | (rows >= height)).long() * height
        rows = rows.clamp(0, height - 1)
        for step_right, column_weight in ((0, 1.0 - right), (1, right)):
            columns = (left.long() + step_right + across) % (2 * height)
            indices.append(rows * (2 * height) + columns)
            weights.append(row_weight * column_weight)
    return Taps(indices=torch.stack(indices), weights=torch.stack(weights))


def looked_up(texels: Tensor, taps: Taps) -> Tensor:
    """Radiance (..., Q, C) along the directions of `taps`, of texels (..., H · 2H, C)."""
    pairs = zip(taps.indices, taps.weights, strict=True)
    return sum(texels[..., index, :] * weight[:, None] for index, weight in pairs)


def constant(function: Callable[..., Any]) -> Callable[..., Any]:
    """Cache a constant's computation, out of reach of autograd and of inference mode.

    Threads that ask for it at once wait for the first, rather than all compute it. Constants may ask for
    others, never in a circle.
    """
    computing = threading.RLock()

    @functools.lru_cache(maxsize=8)
    def computed(*args: Any) -> Any:
        with torch.inference_mode(False), torch.no_grad():
            return function(*args)

    @functools.wraps(function)
    def cached(*args: Any) -> Any:
        with computing:
            return computed(*args)

    return cached


@dataclass(frozen=True, kw_only=True)
class DiscSamples:
    """Points on the ball that the P pixels of its disc show, n² a pixel.

    normals (P, n², 3) unit; share (P, n²) of the pixel, 0 for samples outside the disc, rows sum to 1;
    numbers (P,) of the pixels in the flattened square: those whose centre is on the disc.
    """

    normals: Tensor
    share: Tensor
    numbers: Tensor


def samples_along(material: BallMaterial, size: int) -> int:
    """Samples along a pixel's side: enough for a highlight, and for a mirror's compression at the rim."""
    if material.alpha == 0.0:
        return 4 if size <= 256 else 2
    return min(math.ceil(16.0 / (size * material.alpha)), 4)


@constant
def disc_samples(size: int, count: int, device: torch.device, dtype: torch.dtype) -> DiscSamples:
    """`count`² points a pixel, evenly spaced; one is the pixel's centre."""
    _, mask = sphere.ball_normals(size, dtype=torch.float64)
    numbers = mask.flatten().nonzero()[:, 0]
    step = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    down, right = torch.meshgrid(step, step, indexing="ij")
    x = 2.0 * ((numbers % size)[:, None] + right.flatten()) / size - 1.0
    y = 1.0 - 2.0 * (torch.div(numbers, size, rounding_mode="floor")[:, None] + down.flatten()) / size
    square = x * x + y * y
    share = (square < 1.0).to(torch.float64)
    # Samples outside are not used, but must not make NaN.
    z = torch.sqrt((1.0 - square).clamp_min(1e-6))
    normals = functional.normalize(torch.stack((x, y, z), dim=-1), dim=-1)
    return DiscSamples(
        normals=normals.to(device, dtype),
        share=(share / share.sum(dim=1, keepdim=True)).to(device, dtype),
        numbers=numbers.to(device),
    )


def quarter_matrix(material: BallMaterial, size: int, height: int) -> Tensor:
    """(h, h, H, 2H): radiance of the pixels of the ball's upper right quarter from the texels of a map of
    `height` rows; h = ⌈size/2⌉, 0 outside the disc. Computed in slices."""
    samples = disc_samples(size, samples_along(material, size), torch.device("cpu"), torch.float32)
    rows, columns = torch.div(samples.numbers, size, rounding_mode="floor"), samples.numbers % size
    half = (size + 1) // 2
    corner = (rows < half) & (columns >= size - half)
    quarter = torch.zeros(half, half, 2 * height * height)
    quarter[rows[corner], columns[corner] - (size - half)] = _matrix_rows(
        material, height, samples.normals[corner], samples.share[corner]
    )
    return quarter.unflatten(-1, (height, 2 * height))


@constant
def environment_matrix(
    material: BallMaterial, size: int, height: int, device: torch.device, dtype: torch.dtype
) -> Tensor:
    """(P, H · 2H): radiance of each pixel on the disc from the texels of a map of `height` rows; that of the
    other quarters are mirror images. The readable twin of `ball_folded`."""
    numbers = disc_samples(size, 1, torch.device("cpu"), torch.float32).numbers
    half = (size + 1) // 2
    quarter = quarter_matrix(material, size, height)
    right = torch.cat([quarter, quarter.flip(0, 2)[size % 2 :]])  # below: y → −y
    whole = torch.cat([right.flip(1, 3)[:, : size - half], right], dim=1)  # left: x → −x
    return whole.reshape(size * size, -1)[numbers].to(device, dtype)


def _matrix_rows(material: BallMaterial, height: int, normals: Tensor, share: Tensor) -> Tensor:
    """(P, H · 2H) from the samples (P, n², 3) of some pixels and their shares (P, n²)."""
    constants = half_grid(material, height)
    dirs = constants.light_dirs.float()
    weights = constants.weights.repeat_interleave(constants.azimuths).float()
    taps = bilinear_taps(constants.light_dirs, height)
    rows = []
    slices = max(1, 32 // normals.shape[1])
    for some, part in zip(normals.split(slices), share.split(slices), strict=True):
        reflected = reflected_share(material, some[:, :, None], dirs)  # (p, n², Q)
        reflected = (reflected * part[..., None]).sum(dim=1) * weights  # (p, Q)
        row = torch.zeros(2 * height * height, len(some))
        for index, weight in zip(taps.indices, taps.weights.float(), strict=True):
            row.index_add_(0, index, (reflected * weight).T)
        rows.append(row.T)
    return without_small_texels(torch.cat(rows).unflatten(-1, (height, 2 * height))).flatten(-2)


def without_small_texels(maps: Tensor) -> Tensor:
    """Maps (..., H, 2H) whose rows near the poles are averaged along the row over the width of a texel.

    Texels crowd at the poles, where a grid about another axis would miss most of them. A circular mean
    over an odd number of texels: keeps each row's sum, is its own transpose.
    """
    factors = _row_filter(maps.shape[-2], maps.device, maps.dtype)
    return torch.fft.irfft(torch.fft.rfft(maps) * factors, n=maps.shape[-1])


@constant
def _row_filter(height: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(H, H + 1): by row and frequency, the transform of a mean over 2 k + 1 texels, at most 1/sin θ wide."""
    theta = (torch.arange(height, dtype=torch.float64) + 0.5) * (math.pi / height)
    reach = ((1.0 / theta.sin() - 1.0) / 2.0).floor()[:, None, None]  # k
    offset = torch.arange(height, dtype=torch.float64)[:, None]
    frequency = torch.arange(height + 1, dtype=torch.float64)
    waves = torch.cos(offset * frequency * (math.pi / height)) * (2.0 - (offset == 0.0).double())
    factors = torch.where(offset <= reach, waves, 0.0).sum(dim=1) / (2.0 * reach[:, 0] + 1.0)
    return factors.to(device, dtype)


@constant
def grid_dirs(material: BallMaterial, height: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(Q, 3): the light directions of `half_grid`."""
    return half_grid(material, height).light_dirs.to(device, dtype)


@constant
def grid_taps(material: BallMaterial, height: int, device: torch.device, dtype: torch.dtype) -> Taps:
    """Lookups of the light directions of `half_grid` in a map of `height` rows."""
    taps = bilinear_taps(half_grid(material, height).light_dirs, height)
    return Taps(indices=taps.indices.to(device), weights=taps.weights.to(device, dtype))
