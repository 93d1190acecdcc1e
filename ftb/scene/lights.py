"""Random light of many kinds: `sample_lighting` draws one, in the camera frame and at one scale.

A new kind is one function `(draws, config) -> LightParts`, one line in `PROCEDURAL_KINDS`, and its share
in `LightShares`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.maths import sh
from ftb.maths.color import luminance
from ftb.scene import lights_procedural as procedural
from ftb.scene.lights_config import LightConfig, LightShares
from ftb.scene.lights_draws import Draws
from ftb.scene.lights_hdri import Environment, hdri, prepare_environment
from ftb.scene.lights_paint import (
    ENVIRONMENT_HEIGHT,
    LightParts,
    forward_and_most,
    joined,
    painted_key,
)
from ftb.types import Lighting

__all__ = [
    "ENVIRONMENT_HEIGHT",
    "KEY_LIGHTS",
    "KINDS",
    "Environment",
    "LightConfig",
    "LightShares",
    "prepare_environment",
    "sample_lighting",
]

KEY_LIGHTS = 2
SH_ORDER = 4

PROCEDURAL_KINDS = {
    "sky": procedural.sky,
    "softboxes": procedural.softboxes,
    "window": procedural.window,
    "ring_flash": procedural.ring_flash,
    "flash_in_dark": procedural.flash_in_dark,
    "one_light": procedural.one_light,
    "light_stage": procedural.light_stage,
}
KINDS = (*PROCEDURAL_KINDS, "hdri", "mixture")


def sample_lighting(
    generator: torch.Generator, environments: list[Environment] | None, config: LightConfig
) -> tuple[Lighting, str]:
    """One unbatched `Lighting` and the kind it is of, one of `KINDS`.

    environment (32, 64, 3), sh_coeffs (25, 3) of it, two key slots; an absent key has irradiance 0 and
    points along +Z. Scale: the mean of the luminance of the irradiance facing the camera and of the
    largest one over all directions is π, so that white paper there shows about 1. The colour cast stays.
    environments: prepared maps for `hdri`, or None for procedural light alone. Always advances
    `generator` (CPU) by the same amount.
    """
    draws = Draws(generator)
    kind, parts = _draw_kind(draws, environments or [], config)
    return _finished(parts), kind


def _draw_kind(draws: Draws, environments: list[Environment], config: LightConfig) -> tuple[str, LightParts]:
    kinds = [kind for kind in KINDS if environments or kind != "hdri"]
    kind = kinds[draws.index([getattr(config.shares, kind) for kind in kinds])]
    if kind != "mixture":
        return kind, _parts(kind, draws, environments, config)
    pure = [name for name in kinds if name != "mixture"]
    # With every other share at 0 a mixture is of any two kinds.
    weights = [getattr(config.shares, name) for name in pure]
    weights = weights if sum(weights) > 0.0 else [1.0] * len(pure)
    share = draws.uniform(0.15, 0.85)
    pair = [_scaled(_parts(pure[draws.index(weights)], draws, environments, config)) for _ in range(2)]
    return kind, joined(pair, [share, 1.0 - share])


def _parts(kind: str, draws: Draws, environments: list[Environment], config: LightConfig) -> LightParts:
    if kind == "hdri":
        return hdri(draws, environments, config)
    return PROCEDURAL_KINDS[kind](draws, config)


def _scaled(parts: LightParts) -> LightParts:
    """The light at the common scale."""
    mean = 0.5 * sum(forward_and_most(parts))
    # Pitch-dark light, such as a black map, stays dark.
    return joined([parts], [torch.pi / mean if mean > 1e-8 else 1.0])


def _finished(parts: LightParts) -> Lighting:
    """Two key slots filled with the strongest lights, the others painted; scaled, projected on SH."""
    parts = _scaled(parts)
    present = [key for key in parts.keys if float(key.irradiance.sum()) > 0.0]
    present.sort(key=lambda key: float(luminance(key.irradiance)), reverse=True)
    environment = parts.environment
    for key in present[KEY_LIGHTS:]:
        environment = environment + painted_key(key)
    environment = environment.reshape(ENVIRONMENT_HEIGHT, 2 * ENVIRONMENT_HEIGHT, 3).contiguous()
    keys = present[:KEY_LIGHTS]
    absent = KEY_LIGHTS - len(keys)
    forward = torch.tensor([0.0, 0.0, 1.0])
    directions: list[Tensor] = [key.direction for key in keys] + [forward] * absent
    irradiance = [key.irradiance for key in keys] + [torch.zeros(3)] * absent
    return Lighting(
        environment=environment,
        sh_coeffs=sh.project_environment(environment, SH_ORDER),
        key_dirs=torch.stack(directions),
        key_irradiance=torch.stack(irradiance),
        key_angular_radius=torch.tensor([key.radius for key in keys] + [0.0] * absent),
    )
