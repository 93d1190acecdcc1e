"""One exposure for every photograph that a network looks at.

The direction of light does not depend on how long the shutter was open; its scale does, and nothing else.
So the network sees each photograph at one exposure, and what it answers is scaled back.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.maths import color
from ftb.maths.shapes import expect_shape

# Root mean square of the linear luminance about the middle of the picture: a mid-grey of 0.48 encoded, dark
# enough that lit skin rarely clips.
_LEVEL = 0.2
# A picture darker than this has nothing to show.
_DARKEST = 1e-3


def expose(photo_srgb: Tensor) -> tuple[Tensor, Tensor]:
    """Photographs (B, 3, H, W), [0, 1] -> the same at one exposure, and the gain in linear light (B,).

    The gain brings the root mean square of luminance to 0.2, weighted towards the middle of the picture,
    where the face is; values above 1 are clipped, as a camera's would be. A photograph k times as bright,
    unclipped, gives the same picture and a gain of 1/k.
    """
    dims = expect_shape(photo_srgb, "B 3 H W", name="photo_srgb")
    linear = color.linear_from_srgb(photo_srgb)
    luminance = color.luminance(linear.permute(0, 2, 3, 1))  # (B, H, W)
    weight = _middle(dims["H"], luminance)[:, None] * _middle(dims["W"], luminance)
    energy = (luminance.square() * weight).sum(dim=(1, 2)) / weight.sum()
    gain = _LEVEL / energy.sqrt().clamp_min(_DARKEST)
    return color.srgb_from_linear((linear * gain[:, None, None, None]).clamp(0.0, 1.0)), gain


def _middle(count: int, like: Tensor) -> Tensor:
    """1 − x² over pixel centres in (−1, 1): (count,)."""
    centres = (torch.arange(count, device=like.device, dtype=like.dtype) + 0.5) * (2.0 / count) - 1.0
    return 1.0 - centres.square()


def entered(photo_srgb: Tensor) -> tuple[Tensor, Tensor]:
    """What every network does first: photographs (B, 3, H, W) checked and exposed, and the gain (B,).

    H and W are multiples of 16. In full precision under the trainer's autocast; channel-last in memory.
    """
    dims = expect_shape(photo_srgb, "B 3 H W", name="photo_srgb")
    if dims["H"] % 16 or dims["W"] % 16:
        raise ValueError(f"photo_srgb: expected H and W to be multiples of 16, got {dims['H']}, {dims['W']}")
    with torch.autocast(photo_srgb.device.type, enabled=False):
        exposed_srgb, gain = expose(photo_srgb)
    return exposed_srgb.contiguous(memory_format=torch.channels_last), gain
