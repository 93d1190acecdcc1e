"""What lights are made of: layers of an environment, a few numbers each until they are painted, and keys.

The grid is the 32 × 64 equirect map, flattened to (2048,) texels; directions in the camera frame. Here each
layer is painted by itself, readably; `ftb.scene.lights_painters` paint those of many lights at once.
"""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Tensor

from ftb.maths import envmap, sphere
from ftb.scene.lights_color import Triple, times

ENVIRONMENT_HEIGHT = 32
# A key light stands for sources up to this radius; larger ones are painted in the environment.
MAX_KEY_RADIUS = math.radians(15.0)
MIN_KEY_RADIUS = math.radians(0.2)
# Edges are softened over one texel, so that painted lights move smoothly.
EDGE = math.pi / ENVIRONMENT_HEIGHT
PROBES = 1 + 128


@dataclass(frozen=True, kw_only=True)
class KeyLight:
    """direction unit; irradiance facing it, linear; radius in radians. Plain numbers, as all draws."""

    direction: Triple
    irradiance: Triple
    radius: float


class Layer(ABC):
    """What adds to an environment: linear in its colours, so that a light can be weighted."""

    @abstractmethod
    def radiance(self) -> Tensor:
        """(2048, 3) painted, linear."""

    @abstractmethod
    def numbers(self) -> list[float]:
        """What the kernel reads, in its order."""

    @abstractmethod
    def weighted(self, weight: float) -> Self:
        """The same layer, with weight times its light."""


@dataclass(frozen=True, kw_only=True)
class Patch:
    """Where a gradient is lighter or darker: a disc around `direction` with an edge of `edge` radians, in
    which it is 1 + amount times as bright."""

    direction: Triple = (0.0, 0.0, 1.0)
    radius: float = 0.0
    amount: float = 0.0
    edge: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Gradient(Layer):
    """Radiance blended from `below` through `level` at the horizon to `above`, by the sine of the elevation
    over it, times that of the patch; up: unit."""

    below: Triple
    level: Triple
    above: Triple
    up: Triple = (0.0, 1.0, 0.0)
    patch: Patch = Patch()

    def radiance(self) -> Tensor:
        height = (grid().directions @ torch.tensor(self.up))[:, None]
        below, level, above = (torch.tensor(color) for color in (self.below, self.level, self.above))
        blended = level + height.clamp_min(0.0) * (above - level) + (-height).clamp_min(0.0) * (below - level)
        patch = self.patch
        inside = cap_coverage(torch.tensor(patch.direction), patch.radius, patch.edge)[:, None]
        return blended * (1.0 + patch.amount * inside)

    def numbers(self) -> list[float]:
        patch = self.patch
        shape = [*self.up, *patch.direction, patch.radius, patch.amount, patch.edge]
        return [*self.below, *self.level, *self.above, *shape]

    def weighted(self, weight: float) -> Self:
        below, level, above = (times(color, weight) for color in (self.below, self.level, self.above))
        return replace(self, below=below, level=level, above=above)


@dataclass(frozen=True, kw_only=True)
class Cap(Layer):
    """A disc of light around `direction`, never under a texel wide, that puts `irradiance` facing it."""

    direction: Triple
    irradiance: Triple
    radius: float

    def radiance(self) -> Tensor:
        direction = torch.tensor(self.direction)
        coverage = cap_coverage(direction, max(self.radius, EDGE))
        return scaled_to_irradiance(coverage, direction)[:, None] * torch.tensor(self.irradiance)

    def numbers(self) -> list[float]:
        return [*self.direction, *self.irradiance, self.radius]

    def weighted(self, weight: float) -> Self:
        return replace(self, irradiance=times(self.irradiance, weight))


@dataclass(frozen=True, kw_only=True)
class Panel(Layer):
    """A rectangle at unit distance, facing the subject, that puts about `irradiance` facing it.

    right: its horizontal edge, unit and square to `direction`; half sizes as tangents; rise: of its radiance
    with the height of a direction (1 at the horizon, 1 + rise at the top of the sphere).
    """

    direction: Triple
    irradiance: Triple
    right: Triple
    half_width: float
    half_height: float
    rise: float = 0.0

    def radiance(self) -> Tensor:
        direction, right = torch.tensor(self.direction), torch.tensor(self.right)
        coverage = panel_coverage(direction, right, self.half_width, self.half_height)
        light = scaled_to_irradiance(coverage, direction)[:, None] * torch.tensor(self.irradiance)
        return light * (1.0 + self.rise * grid().directions[:, 1:2])

    def numbers(self) -> list[float]:
        size = [self.half_width, self.half_height, self.rise]
        across = cross(self.direction, self.right)
        return [*self.direction, *self.irradiance, *self.right, *across, *size]

    def weighted(self, weight: float) -> Self:
        return replace(self, irradiance=times(self.irradiance, weight))


@dataclass(frozen=True, kw_only=True)
class Picture(Layer):
    """Radiance that is known already: planes (3, 2048), which are computed faster than texels of three."""

    planes: Tensor

    def radiance(self) -> Tensor:
        return self.planes.T

    def numbers(self) -> list[float]:
        return []

    def weighted(self, weight: float) -> Self:
        return replace(self, planes=self.planes * weight)


@dataclass(frozen=True, kw_only=True)
class LightParts:
    """What a kind of light makes before normalisation: layers of its environment and any number of keys."""

    layers: tuple[Layer, ...] = field(default=())
    keys: tuple[KeyLight, ...] = field(default=())

    def environment(self) -> Tensor:
        """(2048, 3) all layers, painted one by one."""
        return sum((layer.radiance() for layer in self.layers), torch.zeros_like(grid().directions))


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
    probes = torch.cat([facing, sphere.fibonacci_directions(PROBES - 1).to(torch.float64)])
    cosines = (probes @ directions.T).clamp_min(0.0)
    return Grid(
        directions=directions.float(),
        solid_angles=solid_angles.float(),
        irradiance_weights=(cosines * solid_angles).float(),
        probe_normals=probes.float(),
    )


def constant(color: Triple) -> Gradient:
    """The same radiance everywhere."""
    return Gradient(below=color, level=color, above=color)


def cross(first: Triple, second: Triple) -> Triple:
    """The cross product."""
    (a, b, c), (x, y, z) = first, second
    return b * z - c * y, c * x - a * z, a * y - b * x


def cap_coverage(direction: Tensor, radius: float, edge: float = EDGE) -> Tensor:
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
    inside = ((half_width - horizontal) / EDGE + 0.5).clamp(0.0, 1.0)
    inside = inside * ((half_height - vertical) / EDGE + 0.5).clamp(0.0, 1.0)
    return torch.where(depth > 0.05, inside, 0.0)


def scaled_to_irradiance(coverage: Tensor, direction: Tensor) -> Tensor:
    """(2048,) radiance in proportion to `coverage` that puts irradiance 1 on a surface facing `direction`."""
    constants = grid()
    cosines = (constants.directions @ direction).clamp_min(0.0)
    return coverage / (coverage * cosines * constants.solid_angles).sum().clamp_min(1e-6)


def area_light(direction: Triple, radius: float, irradiance: Triple) -> LightParts:
    """A disc light of any size: a key light up to 15°, else painted; it puts `irradiance` facing it."""
    if radius > MAX_KEY_RADIUS:
        return LightParts(layers=(Cap(direction=direction, irradiance=irradiance, radius=radius),))
    radius = max(radius, MIN_KEY_RADIUS)
    return LightParts(keys=(KeyLight(direction=direction, irradiance=irradiance, radius=radius),))


def joined(*parts: LightParts) -> LightParts:
    """The sum of several lights."""
    return LightParts(
        layers=tuple(layer for part in parts for layer in part.layers),
        keys=tuple(key for part in parts for key in part.keys),
    )


def facing_irradiance(parts: LightParts) -> Tensor:
    """(129, 3) unshadowed irradiance on the probe normals, the first of which is +Z."""
    irradiance = grid().irradiance_weights @ parts.environment()
    for key in parts.keys:
        cosines = (grid().probe_normals @ torch.tensor(key.direction)).clamp_min(0.0)
        irradiance = irradiance + cosines[:, None] * torch.tensor(key.irradiance)
    return irradiance
