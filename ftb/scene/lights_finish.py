"""From drawn lights to `Lighting`s: brought to one scale, two key slots filled, painted, projected on SH."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ftb.kernels.starting import launch
from ftb.maths import sh
from ftb.maths.color import luminance
from ftb.scene import lights_kernel as kernel
from ftb.scene.lights_color import level, times
from ftb.scene.lights_paint import (
    ENVIRONMENT_HEIGHT,
    Cap,
    Gradient,
    KeyLight,
    Layer,
    LightParts,
    Panel,
    Picture,
    facing_irradiance,
    grid,
    joined,
)
from ftb.types import Lighting

KEY_LIGHTS = 2
SH_ORDER = 4
PAINTERS: dict[type[Layer], int] = {
    Gradient: kernel.GRADIENT,
    Cap: kernel.CAP,
    Panel: kernel.PANEL,
    Picture: kernel.PICTURE,
}
ABSENT = (0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0)  # a key light from +Z


@dataclass(frozen=True, kw_only=True)
class DrawnLight:
    """The parts of one light, each of which counts by its share when at the common scale."""

    parts: tuple[LightParts, ...]
    shares: tuple[float, ...] = (1.0,)


def finished(lights: Sequence[DrawnLight]) -> Lighting:
    """S lights, as of `sample_lighting`; each has the same bits whatever the others are."""
    parts = [part for light in lights for part in light.parts]
    layers = [layer for part in parts for layer in part.layers]
    keys = [_key_numbers(key) for part in parts for key in part.keys]
    pictures = [layer.planes for layer in layers if isinstance(layer, Picture)]
    environment = torch.empty(len(lights), ENVIRONMENT_HEIGHT, 2 * ENVIRONMENT_HEIGHT, 3)
    sh_coeffs = torch.empty(len(lights), sh.coefficient_count(SH_ORDER), 3)
    key_lights = torch.tensor(ABSENT).repeat(len(lights), KEY_LIGHTS, 1)
    inputs = [
        len(lights),
        _firsts([len(light.parts) for light in lights]),
        _firsts([len(part.layers) for part in parts]),
        _firsts([len(part.keys) for part in parts]),
        torch.tensor([share for light in lights for share in light.shares]),
        _layer_rows(layers),
        torch.stack(pictures).contiguous() if pictures else torch.empty(0),
        torch.tensor(keys).flatten(),
        *_constants(),
        torch.empty(kernel.MEMORY),
        environment,
        sh_coeffs,
        key_lights,
    ]
    launch(kernel.finish, 1, inputs, environment.device)
    directions, irradiance, radius = key_lights.split([3, 3, 1], dim=-1)
    return Lighting(
        environment=environment,
        sh_coeffs=sh_coeffs,
        key_dirs=directions.contiguous(),
        key_irradiance=irradiance.contiguous(),
        key_angular_radius=radius[..., 0].contiguous(),
    )


def _firsts(counts: list[int]) -> Tensor:
    """Where each of several runs begins, and where the last one ends."""
    return torch.from_numpy(np.cumsum([0, *counts], dtype=np.int32))


def _key_numbers(key: KeyLight) -> tuple[float, ...]:
    return (*key.direction, *key.irradiance, key.radius)


def _layer_rows(layers: list[Layer]) -> Tensor:
    """(L · 20,): painter and numbers of each layer; of a picture its number."""
    numbers, pictures = [], 0
    for layer in layers:
        row = [float(PAINTERS[type(layer)]), *layer.numbers()]
        if isinstance(layer, Picture):
            row.append(float(pictures))
            pictures += 1
        numbers += row + [0.0] * (int(kernel.LAYER) - len(row))
    return torch.tensor(numbers)


@functools.lru_cache(maxsize=1)
def _constants() -> list[Tensor]:
    """What the kernel knows of the grid."""
    known = grid()
    texels = torch.cat([known.directions.T, known.solid_angles[None]]).contiguous()
    harmonics = sh.environment_projection(ENVIRONMENT_HEIGHT, SH_ORDER)
    return [texels, known.irradiance_weights.contiguous(), known.probe_normals.contiguous(), harmonics]


def finished_by_layers(light: DrawnLight) -> Lighting:
    """As `finished` of one light, unbatched, readably: its twin."""
    scaled = [_times(part, _common_gain(part)) for part in light.parts]
    whole = joined(*(_times(part, share) for part, share in zip(scaled, light.shares, strict=True)))
    whole = _times(whole, _common_gain(whole))
    present = [key for key in whole.keys if level(key.irradiance) > 0.0]
    present.sort(key=lambda key: level(key.irradiance), reverse=True)
    others = [
        Cap(direction=key.direction, irradiance=key.irradiance, radius=key.radius)
        for key in present[KEY_LIGHTS:]
    ]
    painted = joined(whole, LightParts(layers=tuple(others))).environment()
    environment = painted.reshape(ENVIRONMENT_HEIGHT, 2 * ENVIRONMENT_HEIGHT, 3).contiguous()
    keys = [_key_numbers(key) for key in present[:KEY_LIGHTS]]
    numbers = torch.tensor([*keys, *[ABSENT] * (KEY_LIGHTS - len(keys))])  # (2, 7)
    return Lighting(
        environment=environment,
        sh_coeffs=sh.project_environment(environment, SH_ORDER),
        key_dirs=numbers[:, :3],
        key_irradiance=numbers[:, 3:6],
        key_angular_radius=numbers[:, 6],
    )


def _common_gain(parts: LightParts) -> float:
    """What brings a light to the common scale. Pitch-dark light, such as a black map, stays dark."""
    levels = luminance(facing_irradiance(parts))
    mean = 0.5 * float(levels[0] + levels.max())
    return torch.pi / mean if mean > 1e-8 else 1.0


def _times(parts: LightParts, gain: float) -> LightParts:
    keys = [
        KeyLight(direction=key.direction, irradiance=times(key.irradiance, gain), radius=key.radius)
        for key in parts.keys
    ]
    return LightParts(layers=tuple(layer.weighted(gain) for layer in parts.layers), keys=tuple(keys))
