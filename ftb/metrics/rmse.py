"""Root mean square error of linear radiance."""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.maths.shapes import expect_shape
from ftb.metrics.disc import masked_mean


def rmse(estimate_linear: Tensor, true_linear: Tensor, mask: Tensor) -> Tensor:
    """√(mean (p − g)²): (B,) float64.

    Linear radiance (B, H, W, 3), not clipped; mean over channels and over pixels weighted by `mask`
    (B | 1, H, W). Divides by 3N: StyleLight's figure, which divides by N, is √3 times this.
    """
    dims = expect_shape(true_linear, "B H W 3", name="true_linear")
    expect_shape(estimate_linear, "B H W 3", name="estimate_linear", dims=dims)
    difference = estimate_linear.to(torch.float64) - true_linear.to(torch.float64)
    return masked_mean(difference.square(), mask).sqrt()
