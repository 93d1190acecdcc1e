"""Loss on what the light does to a diffuse surface, for every way that the surface may face."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from ftb.losses.targets import Targets
from ftb.maths import color, sphere
from ftb.scene import lighting_ops
from ftb.types import Prediction

_DIRECTIONS = 64
# share of the mean irradiance below which differences count as absolute rather than as relative
_KNEE = 0.1
# irradiance below which a photograph is black whatever the light
_DARKEST = 1e-2


def irradiance_loss(prediction: Prediction, targets: Targets) -> Tensor:
    """Mean |c(E/Ē*) − c(E*/Ē*)| over 64 directions and channels, with c(u) = asinh(u/0.2): ().

    E is the irradiance of the whole light, in linear RGB, E* the true one and Ē* the mean luminance of
    that. Dividing makes dim and bright photographs count alike; asinh, which is ln(u/0.1) far up and
    straight around 0, does so for the lit and the dark side of one, and makes a wrong scale of the
    light cost the same everywhere. Of harmonics order 2, of key lights the exact cosine. Does not
    compare coefficients: those weigh what no surface shows.
    """
    directions = _directions(prediction.ball_linear.device)
    true = lighting_ops.irradiance(targets.lighting, directions)  # (B, 64, 3)
    scale = color.luminance(true).mean(dim=1).clamp_min(_DARKEST)[:, None, None]
    estimate = lighting_ops.irradiance(prediction.lighting, directions)
    return (_compress(estimate / scale) - _compress(true / scale)).abs().mean()


def _compress(relative: Tensor) -> Tensor:
    return torch.asinh(relative / (2.0 * _KNEE))


@lru_cache(maxsize=8)
def _directions(device: torch.device) -> Tensor:
    with torch.inference_mode(False):
        return sphere.fibonacci_directions(_DIRECTIONS).to(device)
