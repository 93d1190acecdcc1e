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
from ftb.scene.lights_color import black_body_linear, triple
from ftb.scene.lights_color import level as level_of
from ftb.scene.lights_config import LightConfig
from ftb.scene.lights_draws import Draws
from ftb.scene.lights_paint import (
    ENVIRONMENT_HEIGHT,
    MAX_KEY_RADIUS,
    MIN_KEY_RADIUS,
    KeyLight,
    LightParts,
    Picture,
    grid,
)

# Key lights are looked for in a map of this height.
SEARCH_HEIGHT = 64
MAX_LIFTED = 2
# A region is worth its own shadows from this share of the irradiance at its own direction.
MIN_SHARE = 0.15
# A region reaches as far as its radiance stays above a share of its peak: the lowest of these with which
# it is still compact, so that a small lamp takes its halo along and a lamp before a bright wall does not.
_REGION_LEVELS = (0.05, 0.1, 0.25, 0.5)
# No region covers more than a disc of this radius, halo included.
_MAX_REGION_RADIUS = math.radians(20.0)
# Two lifted lights closer than this are one light and its leftovers.
_MIN_APART = 2.0 * math.sin(0.5 * math.radians(10.0))  # between the tips of unit directions


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A prepared map: what remains (32, 64, 3) of it, and the key lights lifted out."""

    residual: Tensor
    keys: tuple[KeyLight, ...]


def prepare_environment(environment: Tensor) -> Environment:
    """Lift up to two key lights out of an equirect map (H, 2H, 3) and keep the rest at 32 × 64."""
    expect_shape(environment, "H 2H 3", name="environment")
    residual = envmap.resize(environment.float().cpu(), SEARCH_HEIGHT)
    keys: list[KeyLight] = []
    for _ in range(MAX_LIFTED):
        key, rest = lift_brightest(residual)
        if key is None or any(math.dist(key.direction, k.direction) < _MIN_APART for k in keys):
            break
        keys.append(key)
        residual = rest
    return Environment(residual=envmap.resize(residual, ENVIRONMENT_HEIGHT), keys=tuple(keys))


def lift_brightest(environment: Tensor) -> tuple[KeyLight | None, Tensor]:
    """The brightest compact region of a map (H, 2H, 3) as a key light, and the map without it.

    The region grows from the brightest texel over its neighbours. Its light above the level of its
    surroundings becomes a key light at its centroid; that level stays in the map. Energy Σ L dΩ is kept:
    what leaves the map is in the key. None where no region is both smaller than 15° and above 15 % of the
    irradiance at its own direction.
    """
    height = expect_shape(environment, "H 2H 3", name="environment")["H"]
    solid_angles = envmap.solid_angles(height)
    levels = luminance(environment)
    largest = math.tau * (1.0 - math.cos(_MAX_REGION_RADIUS))  # steradian
    for share in _REGION_LEVELS:
        region = _dilated(_grown(levels, share))  # with the texels that its edge runs through
        if float(solid_angles[region].sum()) > largest:
            continue
        surround = _dilated(_dilated(region)) & ~region
        level = environment[surround].median(dim=0).values
        excess = torch.where(region[..., None], (environment - level).clamp_min(0.0), 0.0)
        key = _disc_of(excess * solid_angles[..., None])
        if key is None:
            continue
        cosines = (envmap.directions(height) @ torch.tensor(key.direction)).clamp_min(0.0)
        total = float((levels * cosines * solid_angles).sum())
        if level_of(key.irradiance) >= MIN_SHARE * total:
            return key, environment - excess
    return None, environment


def _disc_of(flux: Tensor) -> KeyLight | None:
    """The disc light with the flux (H, 2H, 3) of a map's texels, its centroid and its second moment.

    None where that disc is larger than a key light may be. Over a uniform disc of radius r the mean
    squared angle to its centre is r²/2.
    """
    directions = envmap.directions(flux.shape[0])
    weight = luminance(flux)
    centroid = (weight[..., None] * directions).sum(dim=(0, 1))
    if float(centroid.norm()) <= 1e-8:
        return None
    direction = centroid / centroid.norm()
    squares = 2.0 - 2.0 * (directions @ direction)  # squared angle, for small ones
    radius = math.sqrt(max(2.0 * float((weight * squares).sum() / weight.sum()), 0.0))
    if radius > MAX_KEY_RADIUS:
        return None
    # A source within one texel could be any smaller size.
    radius = max(radius, MIN_KEY_RADIUS, 0.25 * math.pi / flux.shape[0])
    # A source of finite size puts flux times its mean cosine on a surface that faces it.
    irradiance = flux.sum(dim=(0, 1)) * 0.5 * (1.0 + math.cos(radius))
    return KeyLight(direction=triple(direction), irradiance=triple(irradiance), radius=radius)


def _grown(levels: Tensor, share: float) -> Tensor:
    """(H, 2H) bool: texels joined to the brightest one through texels above a share of its level."""
    eligible = levels >= share * levels.max()
    peak = int(levels.argmax())
    region = torch.zeros_like(eligible)
    region[peak // levels.shape[1], peak % levels.shape[1]] = True
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
    shift = draws.normal(0.5)
    tint = triple(1.0 + config.tint * (torch.tensor(tint) - 1.0 + shift))
    turn = rotation.from_yaw_pitch_roll(torch.tensor(0.0), torch.tensor(pitch), torch.tensor(roll))
    turn = turn @ rotation.from_yaw_pitch_roll(torch.tensor(yaw), torch.tensor(0.0), torch.tensor(0.0))
    residual = envmap.sample(environment.residual, grid().directions @ turn)  # rows dᵀ R = (Rᵀ d)ᵀ
    keys = tuple(
        KeyLight(
            direction=triple(turn @ torch.tensor(key.direction)),
            irradiance=tuple(a * b for a, b in zip(key.irradiance, tint, strict=True)),
            radius=key.radius,
        )
        for key in environment.keys
    )
    return LightParts(layers=(Picture(planes=(residual * torch.tensor(tint)).T),), keys=keys)
