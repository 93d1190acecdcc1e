"""Painting light on the small environment grid: caps, panels, gradients, and the sums over it.

The grid is the 32 × 64 equirect map, flattened to (2048,) texels; directions in the camera frame.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ftb.maths import envmap, sphere
from ftb.maths.color import luminance

ENVIRONMENT_HEIGHT = 32
# A key light stands for sources up to this radius; larger ones are painted in the environment.
MAX_KEY_RADIUS = math.radians(15.0)
MIN_KEY_RADIUS = math.radians(0.2)
# Edges are softened over one texel, so that painted lights move smoothly.
_EDGE = math.pi / ENVIRONMENT_HEIGHT
_PROBE_COUNT = 128
# Relative; far above the rounding of sums of 2048 numbers.
NEARLY = 1e-4


@dataclass(frozen=True, kw_only=True)
class KeyLight:
    """direction (3,) unit; irradiance (3,) facing it, linear; radius in radians."""

    direction: Tensor
    irradiance: Tensor
    radius: float


@dataclass(frozen=True, kw_only=True)
class LightParts:
    """What a kind of light makes before normalisation: environment (2048, 3) and any number of keys."""

    environment: Tensor
    keys: tuple[KeyLight, ...] = field(default=())


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Constants of the grid: directions (2048, 3), solid_angles (2048,), and probes of irradiance.

    irradiance_weights (P, 2048): radiance to the irradiance on `probe_normals` (P, 3), whose first is +Z.
    """

    directions: Tensor
    solid_angles: Tensor
    irradiance_weights: Tensor
    probe_normals: Tensor


@functools.lru_cache(maxsize=1)
def grid() -> Grid:
    """The constants, computed once in float64 and kept in float32."""
    directions = envmap.directions(ENVIRONMENT_HEIGHT, dtype=torch.float64).reshape(-1, 3)
    solid_angles = envmap.solid_angles(ENVIRONMENT_HEIGHT).to(torch.float64).reshape(-1)
    facing = torch.tensor([[0.0, 0.0, 1.0]], dtype=torch.float64)
    probes = torch.cat([facing, sphere.fibonacci_directions(_PROBE_COUNT).to(torch.float64)])
    cosines = (probes @ directions.T).clamp_min(0.0)
    return Grid(
        directions=directions.float(),
        solid_angles=solid_angles.float(),
        irradiance_weights=(cosines * solid_angles).float(),
        probe_normals=probes.float(),
    )


def constant(color: Tensor) -> Tensor:
    """(2048, 3) the same radiance (3,) everywhere."""
    return color.expand(grid().directions.shape[0], 3)


def gradient(up: Tensor, below: Tensor, level: Tensor, above: Tensor) -> Tensor:
    """(2048, 3) radiance blended from `below` through `level` at the horizon to `above`, each (3,)."""
    height = (grid().directions @ up)[:, None]
    return level + height.clamp_min(0.0) * (above - level) + (-height).clamp_min(0.0) * (below - level)


def cap_coverage(direction: Tensor, radius: float, edge: float = _EDGE) -> Tensor:
    """(2048,) share of each texel inside a disc around `direction`, with an edge of `edge` radians."""
    angles = torch.acos((grid().directions @ direction).clamp(-1.0, 1.0))
    return ((radius - angles) / edge + 0.5).clamp(0.0, 1.0)


def panel_coverage(direction: Tensor, right: Tensor, half_width: float, half_height: float) -> Tensor:
    """(2048,) share of each texel inside a rectangle at unit distance, facing the subject.

    `right` (3,) is its horizontal edge, unit and square to `direction`; half sizes as tangents.
    """
    across = torch.linalg.cross(direction, right)
    directions = grid().directions
    depth = directions @ direction
    scale = 1.0 / depth.clamp_min(0.05)
    horizontal, vertical = (directions @ right).abs() * scale, (directions @ across).abs() * scale
    inside = ((half_width - horizontal) / _EDGE + 0.5).clamp(0.0, 1.0)
    inside = inside * ((half_height - vertical) / _EDGE + 0.5).clamp(0.0, 1.0)
    return torch.where(depth > 0.05, inside, 0.0)


def scaled_to_irradiance(coverage: Tensor, direction: Tensor) -> Tensor:
    """(2048,) radiance in proportion to `coverage` that puts irradiance 1 on a surface facing `direction`."""
    constants = grid()
    cosines = (constants.directions @ direction).clamp_min(0.0)
    return coverage / (coverage * cosines * constants.solid_angles).sum().clamp_min(1e-6)


def painted_key(key: KeyLight) -> Tensor:
    """(2048, 3) the key light as a cap of radiance with the same irradiance; never under a texel wide."""
    coverage = cap_coverage(key.direction, max(key.radius, _EDGE))
    return scaled_to_irradiance(coverage, key.direction)[:, None] * key.irradiance


def area_light(direction: Tensor, radius: float, irradiance: Tensor) -> LightParts:
    """A disc light of any size: a key light up to 15°, else painted; it puts `irradiance` (3,) facing it."""
    key = KeyLight(direction=direction, irradiance=irradiance, radius=max(radius, MIN_KEY_RADIUS))
    if radius <= MAX_KEY_RADIUS:
        return LightParts(environment=torch.zeros_like(grid().directions), keys=(key,))
    return LightParts(environment=painted_key(key))


def joined(parts: list[LightParts], weights: list[float] | None = None) -> LightParts:
    """The weighted sum of several lights."""
    weights = [1.0] * len(parts) if weights is None else weights
    environment = sum(part.environment * weight for part, weight in zip(parts, weights, strict=True))
    keys = [
        KeyLight(direction=key.direction, irradiance=key.irradiance * weight, radius=key.radius)
        for part, weight in zip(parts, weights, strict=True)
        for key in part.keys
    ]
    return LightParts(environment=environment, keys=tuple(keys))


def facing_irradiance(parts: LightParts, probes: Tensor | None = None) -> Tensor:
    """(P, 3) unshadowed irradiance on the probe normals, the first of which is +Z, or on some of them by
    their numbers (P,)."""
    weights, normals = grid().irradiance_weights, grid().probe_normals
    if probes is not None:
        weights, normals = weights[probes], normals[probes]
    return _with_keys(weights @ parts.environment, parts, normals)


def forward_and_most(parts: LightParts) -> tuple[float, float]:
    """Luminance of the irradiance facing +Z, and of the largest on any probe normal.

    As `facing_irradiance` gives them, in a third of its time: three columns are multiplied much faster as
    rows, in another order of sums, which tells all but a few of the probes to be darker than the brightest.
    """
    columns = parts.environment.T.contiguous()  # (3, 2048)
    rough = luminance(_with_keys((columns @ grid().irradiance_weights.T).T, parts, grid().probe_normals))
    rough[0] = rough.max()
    probes = torch.nonzero(rough >= rough[0] * (1.0 - NEARLY))[:, 0]
    levels = luminance(facing_irradiance(parts, probes))
    return float(levels[0]), float(levels.max())


def _with_keys(irradiance: Tensor, parts: LightParts, normals: Tensor) -> Tensor:
    """Irradiance (P, 3) on normals (P, 3), with that of the key lights."""
    for key in parts.keys:
        cosines = (normals @ key.direction).clamp_min(0.0)
        irradiance = irradiance + cosines[:, None] * key.irradiance
    return irradiance
