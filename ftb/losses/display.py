"""The space in which pictures are compared: as a display shows them, but without its clipping."""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.maths import color

# slope of the sRGB curve at 1: 1.055 / 2.4
_SLOPE_AT_ONE = 1.055 / 2.4


def display_from_linear(linear: Tensor) -> Tensor:
    """sRGB up to 1, its tangent logarithm above: 1 + 0.44 · ln(x). Continuous with its slope; any shape.

    Differences weigh as they look; highlights beyond white still have a gradient, but a lamp a hundred
    times too bright (3.0) does not drown the picture. Below 0 the straight piece of sRGB goes on.
    """
    above = 1.0 + _SLOPE_AT_ONE * torch.log(linear.clamp_min(1.0))
    return torch.where(linear > 1.0, above, color.srgb_from_linear(linear.clamp_max(1.0)))
