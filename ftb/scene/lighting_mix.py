"""Light is linear: turned, blended, and drawn as one map. Camera frame, any leading dimensions (...)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import torch
from torch import Tensor

from ftb.maths import envmap, sh
from ftb.maths.sh_ringing import without_ringing
from ftb.maths.shapes import expect_shape
from ftb.types import Lighting

# Up to this height a map's harmonics are kept for the next map: 1 MB of order 2.
KEPT_HEIGHT = 128


def rotate(lighting: Lighting, rotation: Tensor) -> Lighting:
    """The light turned actively by `rotation` (..., 3, 3): what came from d comes from R d.

    Harmonics and key lights exactly; an environment map is resampled, and blurs a little. Raises ValueError
    for a matrix that mirrors or scales.
    """
    expect_shape(rotation, "... 3 3", name="rotation")
    square = rotation @ rotation.transpose(-1, -2)
    apart = (square - torch.eye(3).to(square)).abs().amax()
    # turned around, so that NaN is refused as well
    if not (float(apart) < 1e-3 and float(torch.linalg.det(rotation).min()) > 0.0):
        raise ValueError("rotation: expected orthonormal rows and determinant 1, got another matrix")
    rotation = rotation.to(lighting.sh_coeffs)
    environment = lighting.environment
    return replace(
        lighting,
        sh_coeffs=sh.rotate(lighting.sh_coeffs, rotation),
        key_dirs=lighting.key_dirs @ rotation.transpose(-1, -2),
        environment=None if environment is None else envmap.rotate(environment, rotation),
    )


def blend(lightings: Sequence[Lighting], weights: Sequence[float]) -> Lighting:
    """The sum Σ w · light of lights at one exposure, w ≥ 0: exact, since light is linear.

    Every light keeps its key lights, with w times their irradiance. The environment is a map where any of
    the lights has one, at the largest height among them.
    """
    if not lightings or len(lightings) != len(weights):
        raise ValueError(f"weights: expected one for each of {len(lightings)} lights, got {len(weights)}")
    for weight in weights:
        if not 0.0 <= weight < math.inf:
            raise ValueError(f"weights: expected numbers >= 0, got {weight}")
    pairs = list(zip(lightings, weights, strict=True))
    coefficients = max(light.sh_coeffs.shape[-2] for light in lightings)
    heights = [light.environment.shape[-3] for light in lightings if light.environment is not None]
    summed = sum(weight * _padded(light.sh_coeffs, coefficients) for light, weight in pairs)
    environment = None
    if heights:
        environment = sum(weight * to_envmap(light, max(heights), keys=False) for light, weight in pairs)
    return Lighting(
        sh_coeffs=torch.as_tensor(summed),
        key_dirs=torch.cat([light.key_dirs for light in lightings], dim=-2),
        key_irradiance=torch.cat([weight * light.key_irradiance for light, weight in pairs], dim=-2),
        key_angular_radius=torch.cat([light.key_angular_radius for light in lightings], dim=-1),
        environment=environment if environment is None else torch.as_tensor(environment),
    )


def _padded(sh_coeffs: Tensor, coefficients: int) -> Tensor:
    return torch.nn.functional.pad(sh_coeffs, (0, 0, 0, coefficients - sh_coeffs.shape[-2]))


def to_envmap(lighting: Lighting, height: int = 256, *, keys: bool = True) -> Tensor:
    """The light as one equirect map (..., H, 2H, 3) of radiance, with its key lights unless `keys` is off.

    Harmonics are shown `without_ringing`, flatter than they are where they go below 0. A key light is an
    even disc of its angular radius, or of one texel where that is larger, with exactly its irradiance.
    """
    if lighting.environment is not None:
        environment = envmap.resize(lighting.environment, height)
    else:
        basis = _kept_basis if height <= KEPT_HEIGHT else _basis
        shown = without_ringing(lighting.sh_coeffs)
        radiance = basis(height, sh.order_of(shown), shown.device, shown.dtype) @ shown
        environment = radiance.clamp_min(0.0).unflatten(-2, (height, 2 * height))
    if not keys or lighting.key_dirs.shape[-2] == 0:
        return environment
    dirs = envmap.directions(height).to(lighting.sh_coeffs)  # (H, 2H, 3)
    texel = torch.pi / height
    cosines = torch.einsum("hwc,...nc->...nhw", dirs, lighting.key_dirs).clamp(-1.0, 1.0)
    radius = lighting.key_angular_radius.clamp_min(texel)[..., None, None]
    inside = ((radius - cosines.arccos()) / texel + 0.5).clamp(0.0, 1.0)  # (..., N, H, 2H), soft by a texel
    received = (inside * cosines.clamp_min(0.0) * envmap.solid_angles(height).to(dirs)).sum((-2, -1))
    return environment + torch.einsum(
        "...nhw,...nc->...hwc", inside / received[..., None, None], lighting.key_irradiance
    )


def _basis(height: int, order: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(H · 2H, K): the harmonics at the texels of a map."""
    with torch.inference_mode(False), torch.no_grad():
        return sh.evaluate(envmap.directions(height).to(device, dtype).flatten(0, 1), order)


_kept_basis = lru_cache(maxsize=4)(_basis)
