"""Structural similarity."""

from __future__ import annotations

import pytorch_msssim
import torch
from torch import Tensor

from ftb.maths.shapes import expect_shape


def ssim(estimate_srgb: Tensor, true_srgb: Tensor) -> Tensor:
    """Mean SSIM of encoded pictures (B, H, W, 3), H and W ≥ 11: (B,) float64.

    Wang et al. 2004: Gaussian window of 11 pixels and σ = 1.5, K = 0.01 and 0.03, data range 1, each
    channel by itself. No mask: over the square less the 5 outermost pixels; of a ball this includes the
    black around the disc, which is equal in both.
    """
    dims = expect_shape(true_srgb, "B H W 3", name="true_srgb")
    expect_shape(estimate_srgb, "B H W 3", name="estimate_srgb", dims=dims)
    first, second = (x.to(torch.float64).permute(0, 3, 1, 2) for x in (estimate_srgb, true_srgb))
    return pytorch_msssim.ssim(first, second, data_range=1.0, size_average=False)
