"""How a photograph is taken: exposure, white balance, tone curve, noise, blur, compression, backdrop.

Only the draws live here; `ftb.render.develop` applies them to pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ftb.scene.lights_draws import Draws
from ftb.types import TensorData

BACKDROPS = ("environment", "plain", "gradient", "black")


@dataclass(frozen=True, kw_only=True)
class CaptureConfig:
    """Ranges of the camera; a share is a probability in [0, 1].

    exposure: RMS linear luminance of the face before the tone curve, log-uniform. white_balance:
    how much of the light's colour the camera removes. grey: share of grey photographs. contrast: of an
    S-curve on encoded values. shoulder: share of film-like highlights. noise: linear standard
    deviation at value 1 (shot) and at 0 (read). blur: standard deviation in 1/128 of the picture.
    jpeg: quality; its share below. backdrops: weights of BACKDROPS. occluded: share of photographs where
    something stands before the face: a hand, a scarf, a cup.
    """

    exposure: tuple[float, float] = (0.06, 0.8)
    white_balance: tuple[float, float] = (0.2, 1.0)
    grey: float = 0.25
    contrast: tuple[float, float] = (-0.25, 0.5)
    gamma: tuple[float, float] = (0.8, 1.25)
    shoulder: float = 0.3
    saturation: tuple[float, float] = (0.75, 1.15)
    shot_noise: tuple[float, float] = (0.0, 0.05)
    read_noise: tuple[float, float] = (0.0, 0.008)
    blur: tuple[float, float] = (0.2, 1.1)
    jpeg: tuple[float, float] = (35.0, 98.0)
    jpeg_share: float = 0.6
    backdrops: tuple[float, float, float, float] = (0.45, 0.25, 0.2, 0.1)
    occluded: float = 0.12


@dataclass(frozen=True, kw_only=True)
class Capture(TensorData):
    """The draws of one photograph, or of S with a leading dimension.

    exposure, white_balance, grey (0 or 1), contrast, gamma, shoulder (0 or 1), saturation, shot_noise,
    read_noise, blur (in 1/128 of the picture), jpeg (quality, 100 for none): (); noise_offset (2,)
    int64 into the bank of noise; backdrop () int64 into BACKDROPS; backdrop_linear (2, 3) colours of
    the backdrop's two ends under light 1; backdrop_turn () radians, where it changes. occluder (7,): what
    stands before the face, |u/a|ᵖ + |v/b|ᵖ ≤ 1 in a turned frame: whether it does (0 or 1), its centre (x to
    the right, y up, in half pictures), a, b, the turn in radians, p; occluder_linear (3,) its albedo.
    """

    exposure: Tensor
    white_balance: Tensor
    grey: Tensor
    contrast: Tensor
    gamma: Tensor
    shoulder: Tensor
    saturation: Tensor
    shot_noise: Tensor
    read_noise: Tensor
    blur: Tensor
    jpeg: Tensor
    noise_offset: Tensor
    backdrop: Tensor
    backdrop_linear: Tensor
    backdrop_turn: Tensor
    occluder: Tensor
    occluder_linear: Tensor


def sample_capture(config: CaptureConfig, *, generator: torch.Generator) -> Capture:
    """Draw one photograph's capture."""
    return sample_captures(config, generators=[generator])[0]


def sample_captures(config: CaptureConfig, *, generators: Sequence[torch.Generator]) -> Capture:
    """Draw the captures of S photographs, each from its own generator."""
    drawn = [_drawn(config, Draws(generator, 64)) for generator in generators]
    # A tensor for each field of all, not of each: to make one costs as much as several draws.
    return Capture(**{name: torch.tensor([values[name] for values in drawn]) for name in drawn[0]})


def _drawn(config: CaptureConfig, draws: Draws) -> dict[str, Any]:
    """The fields of one photograph's capture: all are drawn, used or not, so that nothing shifts."""
    compressed = draws.chance(config.jpeg_share)
    quality = draws.uniform(*config.jpeg)
    scalars = {
        "exposure": draws.log_uniform(*config.exposure),
        "white_balance": draws.uniform(*config.white_balance),
        "grey": float(draws.chance(config.grey)),
        "contrast": draws.uniform(*config.contrast),
        "gamma": draws.log_uniform(*config.gamma),
        "shoulder": float(draws.chance(config.shoulder)),
        "saturation": draws.uniform(*config.saturation),
        # Squared, so that clean photographs are common.
        "shot_noise": config.shot_noise[0]
        + (config.shot_noise[1] - config.shot_noise[0]) * draws.uniform() ** 2,
        "read_noise": config.read_noise[0]
        + (config.read_noise[1] - config.read_noise[0]) * draws.uniform() ** 2,
        "blur": draws.uniform(*config.blur),
        "jpeg": quality if compressed else 100.0,
    }
    offset = [int(draws.uniform(0.0, 1e6)), int(draws.uniform(0.0, 1e6))]
    backdrop = draws.index(config.backdrops)
    level = draws.log_uniform(0.02, 0.8)
    ends = [[level * draws.uniform(0.6, 1.3) for _ in range(3)]]
    other = draws.uniform(0.3, 1.6)
    ends.append([value * other * draws.uniform(0.9, 1.1) for value in ends[0]])
    turn = draws.uniform(0.0, 6.2831853)
    occluder, occluder_linear = _occluder(config, draws)
    return scalars | {
        "noise_offset": offset,
        "backdrop": backdrop,
        "backdrop_linear": ends,
        "backdrop_turn": turn,
        "occluder": occluder,
        "occluder_linear": occluder_linear,
    }


def _occluder(config: CaptureConfig, draws: Draws) -> tuple[list[float], list[float]]:
    """Mostly from an edge of the picture inwards, since hands and scarves have arms and shoulders."""
    present = float(draws.chance(config.occluded))
    around, away = draws.uniform(0.0, 6.2831853), 1.1 * draws.uniform() ** 0.6
    centre = [away * math.cos(around), away * math.sin(around)]
    half = [draws.log_uniform(0.15, 0.9), draws.log_uniform(0.1, 0.5)]
    turn, power = draws.uniform(0.0, 3.1415927), draws.log_uniform(1.6, 8.0)
    level = draws.log_uniform(0.02, 0.7)
    tint = [level * draws.uniform(0.5, 1.2) for _ in range(3)]
    return [present, *centre, *half, turn, power], tint
