"""Random light of many kinds: `sample_lighting` draws one, in the camera frame and at one scale.

A new kind is one function `(draws, config) -> LightParts`, one line in `PROCEDURAL_KINDS`, and its share
in `LightShares`.
"""

from __future__ import annotations

import torch

from ftb.scene import lights_procedural as procedural
from ftb.scene.lights_config import LightConfig, LightShares
from ftb.scene.lights_draws import Draws
from ftb.scene.lights_finish import KEY_LIGHTS, DrawnLight, finished
from ftb.scene.lights_hdri import Environment, hdri, prepare_environment
from ftb.scene.lights_paint import ENVIRONMENT_HEIGHT, LightParts
from ftb.types import Lighting

__all__ = [
    "ENVIRONMENT_HEIGHT",
    "KEY_LIGHTS",
    "KINDS",
    "DrawnLight",
    "Environment",
    "LightConfig",
    "LightShares",
    "draw_light",
    "finished",
    "prepare_environment",
    "sample_lighting",
]

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
    light, kind = draw_light(generator, environments, config)
    return finished([light])[0], kind


def draw_light(
    generator: torch.Generator, environments: list[Environment] | None, config: LightConfig
) -> tuple[DrawnLight, str]:
    """What `sample_lighting` draws, before it is painted: so that many lights are painted at once."""
    draws = Draws(generator)
    environments = environments or []
    kinds = [kind for kind in KINDS if environments or kind != "hdri"]
    kind = kinds[draws.index([getattr(config.shares, kind) for kind in kinds])]
    if kind != "mixture":
        return DrawnLight(parts=(_parts(kind, draws, environments, config),)), kind
    pure = [name for name in kinds if name != "mixture"]
    # With every other share at 0 a mixture is of any two kinds.
    weights = [getattr(config.shares, name) for name in pure]
    weights = weights if sum(weights) > 0.0 else [1.0] * len(pure)
    share = draws.uniform(0.15, 0.85)
    parts = tuple(_parts(pure[draws.index(weights)], draws, environments, config) for _ in range(2))
    return DrawnLight(parts=parts, shares=(share, 1.0 - share)), kind


def _parts(kind: str, draws: Draws, environments: list[Environment], config: LightConfig) -> LightParts:
    if kind == "hdri":
        return hdri(draws, environments, config)
    return PROCEDURAL_KINDS[kind](draws, config)
