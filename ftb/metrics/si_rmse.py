"""Root mean square error that does not see the scale of the light."""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.maths.shapes import expect_shape
from ftb.metrics.disc import masked_mean


def si_rmse(estimate_linear: Tensor, true_linear: Tensor, mask: Tensor) -> Tensor:
    """min over s of √(mean (s·p − g)²), s one number a sample: (B,) float64.

    Linear radiance (B, H, W, 3), not clipped; mean over channels and over pixels weighted by `mask`
    (B | 1, H, W). s = Σpg/Σp². Keeps the scale of the truth: a brighter truth has larger errors.
    """
    dims = expect_shape(true_linear, "B H W 3", name="true_linear")
    expect_shape(estimate_linear, "B H W 3", name="estimate_linear", dims=dims)
    estimate, true = estimate_linear.to(torch.float64), true_linear.to(torch.float64)
    power = masked_mean(estimate.square(), mask)
    shared = masked_mean(estimate * true, mask)
    scale = torch.where(power > 0, shared / torch.where(power > 0, power, 1.0), 0.0)
    difference = scale[:, None, None, None] * estimate - true
    return masked_mean(difference.square(), mask).sqrt()
