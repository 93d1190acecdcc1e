"""The differentiable physics between lighting and picture: diffuse face and diffuse ball.

Everything here is float32 or float64, camera frame, scene-linear, channel-last.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.maths import brdf, sh, sphere
from ftb.maths.shapes import expect_shape
from ftb.scene import lighting_ops
from ftb.types import Lighting

# base colour of the gray and the matte reference ball
BALL_ALBEDO = 0.18


def irradiance_image(lighting: Lighting, normals: Tensor) -> Tensor:
    """Unshadowed irradiance (B, h, w, 3) of environment and exact key lights on unit normals (B, h, w, 3)."""
    dims = expect_shape(normals, "B h w 3", name="normals")
    flat = lighting_ops.irradiance(lighting, normals.flatten(1, 2))
    return flat.unflatten(1, (dims["h"], dims["w"]))


def diffuse_radiance(albedo_linear: Tensor, irradiance: Tensor) -> Tensor:
    """Lambert: albedo/π · E, both (..., 3)."""
    return brdf.lambert(albedo_linear) * irradiance


def diffuse_ball(lighting: Lighting, normals: Tensor, disc: Tensor) -> Tensor:
    """The Lambert part of the gray ball (B, S, S, 3), 0 outside `disc` (S, S), on its normals (S, S, 3)."""
    batch = lighting.sh_coeffs.shape[0]
    irradiance = irradiance_image(lighting, normals.expand(batch, *normals.shape))
    albedo = torch.full_like(irradiance, BALL_ALBEDO)
    return diffuse_radiance(albedo, irradiance) * disc[..., None]


def ball_geometry(size: int) -> tuple[Tensor, Tensor]:
    """Normals (S, S, 3), +Z outside the disc, and disc (S, S) as 0 or 1, float32."""
    normals, disc = sphere.ball_normals(size)
    disc = disc.to(torch.float32)
    outside = torch.tensor([0.0, 0.0, 1.0]) * (1.0 - disc[..., None])
    return normals.to(torch.float32) * disc[..., None] + outside, disc


def light_level(lighting: Lighting) -> Tensor:
    """Mean radiance of the whole sphere, key lights included, and of the channels: (B, 1, 1, 1).

    A positive scale of the light: constant radiance 1 gives 1, as does irradiance/π averaged over all
    normals.
    """
    l0 = lighting_ops.total_sh(lighting, order=0)  # (B, 1, 3)
    anywhere = l0.new_tensor([[0.0, 0.0, 1.0]])
    return sh.radiance_from_sh(l0, anywhere).mean(dim=-1)[..., None, None]


def smooth_positive(value: Tensor, knee: float = 0.004) -> Tensor:
    """(x + √(x² + knee²)) / 2: x where x is large, above 0 everywhere, with a gradient below 0 too.

    knee: linear radiance; at 0 the answer is knee/2, half a step of an 8-bit picture in the dark.
    """
    # the hypotenuse loses its last digits far below 0: the second form is exact there
    root = torch.sqrt(value.square() + knee * knee)
    below = knee * knee / (2.0 * (root - value.clamp_max(0.0)))
    return torch.where(value > 0, 0.5 * (value + root), below)
