"""Light of HDR environments: compact bright regions become key lights, the rest turns and is coloured.

What depends on the map alone is done once, by `prepare_environment`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ftb.maths import envmap, rotation
from ftb.maths.color import luminance
from ftb.maths.shapes import expect_shape
from ftb.scene.lights_color import black_body_linear
from ftb.scene.lights_config import LightConfig
from ftb.scene.lights_draws import Draws
from ftb.scene.lights_paint import (
    ENVIRONMENT_HEIGHT,
    MAX_KEY_RADIUS,
    MIN_KEY_RADIUS,
    KeyLight,
    LightParts,
    grid,
)

# Key lights are looked for in a map of this height.
SEARCH_HEIGHT = 64
MAX_LIFTED = 2
# A region is worth its own shadows from this share of the irradiance at its own direction.
MIN_SHARE = 0.15
# A region reaches as far as its radiance stays above this share of its peak.
_REGION_LEVEL = 0.25


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A prepared map: what remains (32, 64, 3) of it, and the key lights lifted out."""

    residual: Tensor
    keys: tuple[KeyLight, ...]


def prepare_environment(environment: Tensor) -> Environment:
    """Lift up to two key lights out of an equirect map (H, 2H, 3) and keep the rest at 32 × 64."""
    expect_shape(environment, "H 2H 3", name="environment")
    residual = envmap.resize(environment.float().cpu(), SEARCH_HEIGHT)
    keys = []
    for _ in range(MAX_LIFTED):
        key, residual = lift_brightest(residual)
        if key is None:
            break
        keys.append(key)
    return Environment(residual=envmap.resize(residual, ENVIRONMENT_HEIGHT), keys=tuple(keys))


def lift_brightest(environment: Tensor) -> tuple[KeyLight | None, Tensor]:
    """The brightest compact region of a map (H, 2H, 3) as a key light, and the map without it.

    The region grows from the brightest texel over neighbours above a quarter of the peak. Its light above
    the level of its surroundings becomes a key light at its centroid whose radius gives the region's
    solid angle; the level stays in the map. Energy Σ L dΩ is kept: what leaves the map is in the key.
    None where no region is both smaller than 15° and above 15 % of the irradiance at its own direction.
    """
    height = expect_shape(environment, "H 2H 3", name="environment")["H"]
    directions, solid_angles = envmap.directions(height), envmap.solid_angles(height)
    levels = luminance(environment)
    region = _grown(levels)
    surround = _dilated(_dilated(region)) & ~region
    if not bool(surround.any()):
        return None, environment
    level = environment[surround].median(dim=0).values
    excess = torch.where(region[..., None], (environment - level).clamp_min(0.0), 0.0)
    power = (excess * solid_angles[..., None]).sum(dim=(0, 1))  # (3,) flux = irradiance of a small source
    weight = luminance(excess) * solid_angles
    centroid = (weight[..., None] * directions).sum(dim=(0, 1))
    radius = math.acos(max(1.0 - float(solid_angles[region].sum()) / math.tau, -1.0))
    if float(centroid.norm()) <= 0.0 or radius > MAX_KEY_RADIUS:
        return None, environment
    direction = centroid / centroid.norm()
    cosines = (directions @ direction).clamp_min(0.0)
    # The cap's mean cosine: a source of finite size puts a little less irradiance than flux on a surface.
    irradiance = power * 0.5 * (1.0 + math.cos(radius))
    total = float((levels * cosines * solid_angles).sum())
    if float(luminance(irradiance)) < MIN_SHARE * total:
        return None, environment
    key = KeyLight(direction=direction, irradiance=irradiance, radius=max(radius, MIN_KEY_RADIUS))
    return key, environment - excess


def _grown(levels: Tensor) -> Tensor:
    """(H, 2H) bool: texels joined to the brightest one through texels above a share of its level."""
    eligible = levels >= _REGION_LEVEL * levels.max()
    region = torch.zeros_like(eligible)
    region.view(-1)[levels.argmax()] = True
    for _ in range(levels.shape[0]):
        grown = _dilated(region) & eligible
        if torch.equal(grown, region):
            break
        region = grown
    return region


def _dilated(mask: Tensor) -> Tensor:
    """The mask (H, 2H) and its eight neighbours, wrapped around in azimuth and over the poles."""
    half = mask.shape[1] // 2
    rows = torch.cat([mask[:1].roll(half, dims=1), mask, mask[-1:].roll(half, dims=1)])
    tall = rows[:-2] | rows[1:-1] | rows[2:]
    return tall.roll(1, dims=1) | tall | tall.roll(-1, dims=1)


def hdri(draws: Draws, environments: list[Environment], config: LightConfig) -> LightParts:
    """A prepared map, turned about the vertical by any angle and tilted a little, with a tint."""
    environment = environments[draws.index([1.0] * len(environments))]
    tilt = math.radians(config.tilt_deg)
    yaw, pitch, roll = draws.uniform(-math.pi, math.pi), draws.normal(tilt), draws.normal(0.5 * tilt)
    tint = black_body_linear(draws.uniform(4000.0, 11000.0))
    tint = 1.0 + config.tint * (tint - 1.0 + draws.normal(0.5))
    turn = rotation.from_yaw_pitch_roll(torch.tensor(0.0), torch.tensor(pitch), torch.tensor(roll))
    turn = turn @ rotation.from_yaw_pitch_roll(torch.tensor(yaw), torch.tensor(0.0), torch.tensor(0.0))
    residual = envmap.sample(environment.residual, grid().directions @ turn)  # rows dᵀ R = (Rᵀ d)ᵀ
    keys = tuple(
        KeyLight(direction=turn @ key.direction, irradiance=key.irradiance * tint, radius=key.radius)
        for key in environment.keys
    )
    return LightParts(environment=residual * tint, keys=keys)
