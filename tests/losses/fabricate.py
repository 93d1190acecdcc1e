"""Small made-up batches: bumpy ellipsoids under known light, consistent with `Pair`'s definitions."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ftb.maths import color, sphere
from ftb.scene import lighting_ops
from ftb.types import Lighting, Pair, Prediction


def lighting(batch: int, seed: int = 0, keys: int = 2) -> Lighting:
    """Light from above and in front: environment of order 4, `keys` key lights, the last one dim."""
    generator = torch.Generator().manual_seed(seed)
    sh_coeffs = 0.1 * torch.randn(batch, 25, 3, generator=generator)
    sh_coeffs[:, 0] = 1.0 + torch.rand(batch, 3, generator=generator)
    toward = torch.randn(batch, keys, 3, generator=generator) + torch.tensor([0.0, 0.3, 0.8])
    strength = torch.linspace(2.0, 0.2, keys)[:, None]
    return Lighting(
        sh_coeffs=sh_coeffs,
        key_dirs=functional.normalize(toward, dim=-1),
        key_irradiance=strength * (0.5 + torch.rand(batch, keys, 3, generator=generator)),
        key_angular_radius=torch.full((batch, keys), 0.05),
    )


def pair(batch: int = 4, size: int = 64, ball_size: int = 32, seed: int = 0) -> Pair:
    """A batch whose photograph is exactly what its parts make, without noise."""
    generator = torch.Generator().manual_seed(seed)
    light = lighting(batch, seed)
    normals, mask = _head(batch, size, generator)
    tone = 0.1 + 0.5 * torch.rand(batch, 1, 1, 1, generator=generator)
    albedo = tone * torch.tensor([1.0, 0.75, 0.6]) * mask[..., None].expand(batch, size, size, 3)
    visibility = torch.where(normals[..., 0] > 0.5, 0.3, 1.0) * mask + (1.0 - mask)
    residual = 0.05 * normals[..., 2:].clamp_min(0.0).pow(20).expand(batch, size, size, 3)
    radiance = lighting_ops.face_radiance(light, normals, albedo, visibility) * mask[..., None] + residual
    ball_normals, _ = sphere.ball_normals(ball_size)
    flat = lighting_ops.irradiance(light, ball_normals.flatten(0, 1).expand(batch, -1, 3))
    ball = 0.18 / torch.pi * flat.unflatten(1, (ball_size, ball_size)) * ball_normals.any(-1)[..., None]
    return Pair(
        photo_srgb=color.srgb_from_linear(radiance).clamp(0.0, 1.0),
        mask=mask,
        normals=normals,
        albedo_linear=albedo,
        visibility=visibility,
        residual_linear=residual,
        ball_linear=ball,
        lighting=light,
        index=torch.arange(batch),
    )


def perfect(truth: Pair) -> Prediction:
    """The answer that makes no error, at the photograph's own resolution."""
    return Prediction(
        lighting=truth.lighting,
        ball_linear=truth.ball_linear,
        direction_error_deg=torch.zeros(truth.index.shape[0]),
        normals=truth.normals,
        albedo_linear=truth.albedo_linear,
        visibility=truth.visibility,
        residual_linear=truth.residual_linear,
    )


def _head(batch: int, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Normals (B, S, S, 3) and mask (B, S, S) of ellipsoids of random width and place."""
    along = (2.0 * torch.arange(size) + 1.0) / size - 1.0
    y, x = torch.meshgrid(-along, along, indexing="ij")
    place = 0.2 * torch.rand(batch, 2, 1, 1, generator=generator) - 0.1
    width = 0.5 + 0.3 * torch.rand(batch, 1, 1, generator=generator)
    u, v = (x - place[:, 0]) / width, (y - place[:, 1]) / 0.85
    depth = (1.0 - u * u - v * v).clamp_min(0.0).sqrt()
    mask = (depth > 0).to(torch.float32)
    normals = functional.normalize(torch.stack([u / width, v / 0.85, depth / 0.7], dim=-1), dim=-1)
    return normals * mask[..., None], mask
