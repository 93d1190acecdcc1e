"""`ball_rmse`, the project's measure of a reference ball."""

from __future__ import annotations

from torch import Tensor

from ftb.maths.shapes import expect_shape
from ftb.metrics.disc import ball_disc, masked_mean, shown


def ball_rmse(estimate_linear: Tensor, true_linear: Tensor) -> Tensor:
    """√(mean (p − g)²) over the pixels of the disc and their three channels: (B,) float64.

    Gray balls (B, S, S, 3), linear; compared sRGB-encoded and clipped to [0, 1]. Mask: pixels whose
    centre is on the disc. Divides by 3N: StyleLight's figure, which divides by N, is √3 times this.
    """
    dims = expect_shape(true_linear, "B S S 3", name="true_linear")
    expect_shape(estimate_linear, "B S S 3", name="estimate_linear", dims=dims)
    square = (shown(estimate_linear) - shown(true_linear)).square()
    return masked_mean(square, ball_disc(true_linear)).sqrt()
