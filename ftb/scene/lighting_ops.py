"""What every part asks of a `Lighting`: its total harmonics, its irradiance, its dominant direction.

Camera frame. A `Lighting` keeps the environment and the key lights apart; these functions join them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

from ftb.maths import brdf, color, sh
from ftb.maths.shapes import expect_shape
from ftb.types import Lighting


def total_sh(lighting: Lighting, order: int = 2) -> Tensor:
    """Radiance coefficients of environment and key lights together: (..., (order + 1)², 3).

    A key light is a point of light: its coefficients are Y(d) · irradiance, its angular radius does
    not matter at the orders used here. Environment bands above `order` are dropped, missing ones are 0.
    """
    expect_shape(lighting.sh_coeffs, "... K 3", name="lighting.sh_coeffs")
    wanted = (order + 1) ** 2
    environment = lighting.sh_coeffs[..., :wanted, :]
    missing = wanted - environment.shape[-2]
    if missing > 0:
        environment = torch.nn.functional.pad(environment, (0, 0, 0, missing))
    keys = sh.directional_light(lighting.key_dirs, lighting.key_irradiance, order)  # (..., N, K, 3)
    return environment + keys.sum(dim=-3)


def irradiance(lighting: Lighting, normals: Tensor) -> Tensor:
    """Unshadowed irradiance on `normals` (..., M, 3), unit: (..., M, 3).

    E(n) = E_environment(n) + Σ key_irradiance · max(n · d, 0). The environment is used to order 2,
    which holds more than 99 % of the energy of its irradiance (Ramamoorthi and Hanrahan 2001); the key
    lights keep their exact clamped cosine. Does not clamp: ringing may push it a little below 0.
    """
    expect_shape(normals, "... M 3", name="normals")
    environment = sh.irradiance_from_sh(lighting.sh_coeffs[..., :9, :], normals)
    cosines = (normals @ lighting.key_dirs.transpose(-1, -2)).clamp_min(0.0)  # (..., M, N)
    return environment + cosines @ lighting.key_irradiance


def irradiance_order2(lighting: Lighting, normals: Tensor) -> Tensor:
    """Irradiance of the order-2 `total_sh` on unit `normals` (..., M, 3): (..., M, 3).

    What `Pair.residual_linear` refers to. Of one key light it reaches 1.06 instead of 1 facing it, and
    0.06 instead of 0 facing away.
    """
    expect_shape(normals, "... M 3", name="normals")
    return sh.irradiance_from_sh(total_sh(lighting, order=2), normals)


def face_radiance(
    lighting: Lighting, normals: Tensor, albedo_linear: Tensor, visibility: Tensor | None
) -> Tensor:
    """Visible diffuse radiance visibility · albedo/π · E₂(n) of images (B, h, w, 3), the same shape.

    Adding `residual_linear` gives the photograph before its camera. `visibility` is (B, h, w),
    or None for 1 everywhere.
    """
    dims = expect_shape(normals, "B h w 3", name="normals")
    expect_shape(albedo_linear, "B h w 3", name="albedo_linear", dims=dims)
    incoming = irradiance_order2(lighting, normals.flatten(1, 2)).unflatten(1, normals.shape[1:3])
    if visibility is None:
        return brdf.lambert(albedo_linear) * incoming
    expect_shape(visibility, "B h w", name="visibility", dims=dims)
    return visibility[..., None] * brdf.lambert(albedo_linear) * incoming


def angle_deg(first: Tensor, second: Tensor) -> Tensor:
    """Angle in degrees (...) between vectors (..., 3) of any length, exact near 0 and 180 (Kahan 2006).

    atan2(‖a × b‖, a · b): the arc cosine loses half of its digits at both ends. 0 for a zero vector.
    """
    across = torch.linalg.vector_norm(torch.linalg.cross(first, second, dim=-1), dim=-1)
    return torch.rad2deg(torch.atan2(across, (first * second).sum(dim=-1)))


def dominant(lighting: Lighting) -> tuple[Tensor, Tensor]:
    """Dominant direction (..., 3), unit, and directionality (...), of the light as a whole.

    The l = 1 vector of the luminance of `total_sh`, and ‖l1‖ / (√3 · l0): 1 for one distant light,
    0 for none.
    """
    return sh.dominant_direction(total_sh(lighting, order=1))


def scaled(lighting: Lighting, gains: Tensor) -> Lighting:
    """Light times gains (B,): environment, harmonics and key lights alike."""
    environment = lighting.environment
    return dataclasses.replace(
        lighting,
        sh_coeffs=lighting.sh_coeffs * gains[:, None, None],
        key_irradiance=lighting.key_irradiance * gains[:, None, None],
        environment=None if environment is None else environment * gains[:, None, None, None],
    )


def scale_lighting(lighting: Lighting, gains: Tensor) -> Lighting:
    """Light times gains (S, 3)."""
    return map_colours(
        lighting, lambda values: values * gains.reshape(len(gains), *[1] * (values.dim() - 2), 3)
    )


def map_colours(lighting: Lighting, function: Callable[[Tensor], Tensor]) -> Lighting:
    """Apply a linear colour function to every (S, ..., 3) colour of S lightings."""
    return dataclasses.replace(
        lighting,
        sh_coeffs=function(lighting.sh_coeffs),
        key_irradiance=function(lighting.key_irradiance),
        environment=None if lighting.environment is None else function(lighting.environment),
    )


def grey_mixer(grey: Tensor) -> Callable[[Tensor], Tensor]:
    """A function that takes the colour out of (S, ..., 3) where grey (S,) is 1: a grey photograph says
    nothing of the light's colour, so its light is grey by definition."""

    def mixed(values: Tensor, share: Tensor) -> Tensor:
        share = share.reshape(len(share), *[1] * (values.dim() - 1))
        return torch.lerp(values, color.luminance(values)[..., None].expand_as(values), share)

    if grey.device.type != "cpu":  # to ask which are grey would wait for the device
        return lambda values: mixed(values, grey)
    rows = grey.nonzero()[:, 0]

    def mix(values: Tensor) -> Tensor:
        return values.index_copy(0, rows, mixed(values[rows], grey[rows])) if len(rows) else values

    return mix
