"""Whether a ball is too bright or too dark as a whole."""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.maths import color
from ftb.maths.shapes import expect_shape
from ftb.metrics.disc import ball_disc, masked_mean


def brightness_bias(estimate_linear: Tensor, true_linear: Tensor) -> Tensor:
    """(Ȳ(p) − Ȳ(g)) / Ȳ(g), signed: (B,) float64; −0.1 is an estimate a tenth too dark.

    Ȳ: mean over the pixels of the disc of the luminance (Rec. 709: 0.2126 R + 0.7152 G + 0.0722 B) of
    balls (B, S, S, 3), linear, not clipped. Mask: pixels whose centre is on the disc. Not finite where the
    true ball is black.
    """
    dims = expect_shape(true_linear, "B S S 3", name="true_linear")
    expect_shape(estimate_linear, "B S S 3", name="estimate_linear", dims=dims)
    disc = ball_disc(true_linear)
    estimate, true = (
        masked_mean(color.luminance(x.to(torch.float64)), disc) for x in (estimate_linear, true_linear)
    )
    return (estimate - true) / true
