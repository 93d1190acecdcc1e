"""Colour: the sRGB transfer function, luminance, bytes. Primaries are Rec. 709 throughout."""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.maths.shapes import expect_shape

# IEC 61966-2-1:1999, section 5.2: where the straight and the curved piece meet.
_LINEAR_KNEE = 0.0031308
_SRGB_KNEE = 0.04045
# ITU-R BT.709-6, item 3.2: luminance of linear R, G, B.
_LUMINANCE = (0.2126, 0.7152, 0.0722)
# Slope of the sRGB curve at 1.
_SLOPE_AT_ONE = 1.055 / 2.4


def srgb_from_linear(linear: Tensor) -> Tensor:
    """Encode scene-linear values (...) with the sRGB curve (IEC 61966-2-1), not clipped.

    Below 0 the straight piece goes on, above 1 the curved one, so that gradients are finite and the
    inverse exists everywhere. 0.18 → 0.461356, 1 → 1.
    """
    # The clamp is inside the branch: pow of a negative would give NaN gradients through `where`.
    curved = 1.055 * linear.clamp(min=_LINEAR_KNEE) ** (1 / 2.4) - 0.055
    return torch.where(linear <= _LINEAR_KNEE, 12.92 * linear, curved)


def linear_from_srgb(srgb: Tensor) -> Tensor:
    """Decode sRGB values (...) to scene-linear, the inverse of `srgb_from_linear`. 0.5 → 0.214041."""
    curved = ((srgb.clamp(min=_SRGB_KNEE) + 0.055) / 1.055) ** 2.4
    return torch.where(srgb <= _SRGB_KNEE, srgb / 12.92, curved)


def display_from_linear(linear: Tensor) -> Tensor:
    """sRGB up to 1, its tangent logarithm above: 1 + 0.44 · ln(x). Continuous with its slope; any shape.

    Differences weigh as they look; highlights beyond white still have a gradient, but a lamp a hundred
    times too bright (3.0) does not drown the picture. Below 0 the straight piece of sRGB goes on.
    """
    above = 1.0 + _SLOPE_AT_ONE * torch.log(linear.clamp_min(1.0))
    return torch.where(linear > 1.0, above, srgb_from_linear(linear.clamp_max(1.0)))


def linear_from_display(display: Tensor) -> Tensor:
    """The inverse of `display_from_linear`: exp((x − 1)/0.44) above 1. 3.02 → 100."""
    above = torch.exp((display.clamp_min(1.0) - 1.0) / _SLOPE_AT_ONE)
    return torch.where(display > 1.0, above, linear_from_srgb(display.clamp_max(1.0)))


def luminance(rgb_linear: Tensor) -> Tensor:
    """Relative luminance (...) of scene-linear colours (..., 3), Rec. 709. White (1, 1, 1) → 1."""
    expect_shape(rgb_linear, "... 3", name="rgb_linear")
    red, green, blue = rgb_linear.unbind(-1)
    return _LUMINANCE[0] * red + _LUMINANCE[1] * green + _LUMINANCE[2] * blue


def u8_from_srgb(srgb: Tensor) -> Tensor:
    """Bytes (...) uint8 of sRGB values (...): clipped to [0, 1] and rounded, no dither. 0.5 → 128."""
    return (srgb.clamp(0, 1) * 255).round().to(torch.uint8)
