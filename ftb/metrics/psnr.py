"""Peak signal-to-noise ratio."""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.maths.shapes import expect_shape
from ftb.metrics.disc import masked_mean


def psnr(estimate_srgb: Tensor, true_srgb: Tensor, mask: Tensor) -> Tensor:
    """−10 · log₁₀(mean (p − g)²) in dB: (B,) float64, infinite where equal.

    Encoded pictures (B, H, W, 3); data range 1; mean over channels and over pixels weighted by `mask`
    (B | 1, H, W).
    """
    dims = expect_shape(true_srgb, "B H W 3", name="true_srgb")
    expect_shape(estimate_srgb, "B H W 3", name="estimate_srgb", dims=dims)
    difference = estimate_srgb.to(torch.float64) - true_srgb.to(torch.float64)
    return -10.0 * torch.log10(masked_mean(difference.square(), mask))
