"""The ball's reflection as a circular convolution: exact at any size, without a large matrix.

On a polar grid of normals, seen from the eye, the reflected light depends on the azimuth of the light
relative to that of the normal only. See `ball_transport`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from ftb.maths import sh
from ftb.render.ball_transport import (
    SH_GRID_HEIGHT,
    constant,
    disc_samples,
    half_grid,
    lobe_resolution,
    reflected_share,
    samples_along,
)
from ftb.scene.materials import BallMaterial

# The polar image of the ball is made this much finer before pixels are read from it.
_AZIMUTH_UPSAMPLING = 4
_RADIAL_UPSAMPLING = 4


@constant
def polar_kernel(material: BallMaterial, height: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(M, R, T): the convolution's kernel by azimuthal frequency, the light's polar angle last.

    R normals and M frequencies resolve the highlight, T polar angles of the light the map as well.
    """
    constants = half_grid(material, height)
    modes = lobe_resolution(material)
    theta = torch.linspace(0.0, 0.5 * math.pi, modes + 1, dtype=torch.float64)
    normals = torch.stack((theta.sin(), torch.zeros_like(theta), theta.cos()), dim=-1)
    # The kernel is even in azimuth: half the turn, in 2 modes steps, and its mirror image.
    azimuth = torch.linspace(0.0, math.pi, modes + 1, dtype=torch.float64)
    light_theta, phi = torch.meshgrid(2.0 * constants.polar, azimuth, indexing="ij")
    dirs = torch.stack(
        (light_theta.sin() * phi.cos(), light_theta.sin() * phi.sin(), light_theta.cos()), dim=-1
    ).float()
    # Per light direction, the sum over its azimuths is left to the transform's own scale.
    scale = (constants.weights * (constants.azimuths / (2.0 * modes))).float()[:, None]
    rows = []
    for some in normals.float().split(16):
        share = reflected_share(material, some[:, None, None], dirs)  # (16, T, modes + 1)
        even = torch.cat([share, share[..., 1:-1].flip(-1)], dim=-1)
        rows.append(torch.fft.rfft(even * scale).real[..., :modes])
    return torch.cat(rows).permute(2, 0, 1).contiguous().to(device, dtype)


def polar_ball(material: BallMaterial, height: int, size: int, radiance: Tensor) -> Tensor:
    """(..., P, C): reflected radiance of a ball's pixels from radiance (..., Q, C) on `half_grid`."""
    kernel = polar_kernel(material, height, radiance.device, radiance.dtype)
    modes, _, angles = kernel.shape
    lead, (count, channels) = radiance.shape[:-2], radiance.shape[-2:]
    azimuths = count // angles
    light = radiance.reshape(-1, angles, azimuths, channels)  # (B, T, A, C)
    spectrum = torch.fft.rfft(light, dim=2)[:, :, :modes] / azimuths
    spectrum = spectrum.permute(2, 1, 0, 3).flatten(2)  # (M, T, B · C)
    polar = torch.complex(kernel @ spectrum.real, kernel @ spectrum.imag)
    fine = _AZIMUTH_UPSAMPLING * 2 * modes
    ball = torch.fft.irfft(polar * fine, n=fine, dim=0)  # (8M, R, B · C)
    finer = _radial_interpolation(kernel.shape[1], ball.device, ball.dtype)
    ball = torch.einsum("ur,arc->cua", finer, ball)
    ball = torch.cat([ball, ball[..., :1]], dim=-1).unflatten(0, (-1, channels))  # (B, C, 4R, 8M + 1)
    where, share = _polar_pixels(size, samples_along(material, size), radiance.device, radiance.dtype)
    values = functional.grid_sample(
        ball, where.expand(len(ball), -1, -1, 2), mode="bilinear", align_corners=True
    )  # (B, C, P, n²)
    return (values * share).sum(dim=-1).transpose(1, 2).reshape(*lead, -1, channels)


@constant
def _radial_interpolation(count: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(4 (R − 1) + 1, R): cubic (Catmull-Rom) interpolation along the polar angle of the normal.

    Neighbours beyond the centre and the rim are extrapolated linearly.
    """
    fine = _RADIAL_UPSAMPLING * (count - 1) + 1
    position = torch.arange(fine, dtype=torch.float64) / _RADIAL_UPSAMPLING
    left = position.floor().clamp(max=count - 2)
    t = position - left
    weights = (
        (-0.5 * t + t**2 - 0.5 * t**3),
        (1.0 - 2.5 * t**2 + 1.5 * t**3),
        (0.5 * t + 2.0 * t**2 - 1.5 * t**3),
        (-0.5 * t**2 + 0.5 * t**3),
    )
    matrix = torch.zeros(fine, count + 2, dtype=torch.float64)
    for offset, weight in enumerate(weights):
        matrix[torch.arange(fine), left.long() + offset] += weight
    # Virtual neighbours beyond both ends lie on the line through the last two.
    matrix[:, 1] += 2.0 * matrix[:, 0]
    matrix[:, 2] -= matrix[:, 0]
    matrix[:, -2] += 2.0 * matrix[:, -1]
    matrix[:, -3] -= matrix[:, -1]
    return matrix[:, 1:-1].to(device, dtype)


@constant
def _polar_pixels(size: int, count: int, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """(1, P, n², 2): where the samples lie on the polar image, as `grid_sample` counts; shares (P, n²)."""
    samples = disc_samples(size, count, torch.device("cpu"), torch.float64)
    x, y, z = samples.normals.unbind(-1)
    angle = torch.remainder(torch.atan2(y, x), 2.0 * math.pi) / (2.0 * math.pi)
    theta = torch.acos(z.clamp(max=1.0)) / (0.5 * math.pi)
    where = torch.stack((angle, theta), dim=-1)[None] * 2.0 - 1.0
    return where.to(device, dtype), samples.share.to(device, dtype)


@constant
def sh_matrix(
    material: BallMaterial, size: int, order: int, device: torch.device, dtype: torch.dtype
) -> Tensor:
    """(P, K): radiance of each pixel on the disc from harmonics of radiance up to `order`."""
    light = half_grid(material, SH_GRID_HEIGHT).light_dirs
    basis = sh.evaluate(light, order).float()  # (Q, K)
    return polar_ball(material, SH_GRID_HEIGHT, size, basis).to(device, dtype)
