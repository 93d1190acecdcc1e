"""Structural similarity over five scales."""

from __future__ import annotations

import pytorch_msssim
import torch
from torch import Tensor

from ftb.maths.shapes import expect_shape

# The window of 11 pixels must fit after four halvings.
LEAST_SIZE = 161


def ms_ssim(estimate: Tensor, true: Tensor) -> Tensor:
    """Mean MS-SSIM of pictures (B, H, W, 3) in [0, 1], H and W ≥ 161: (B,) float64.

    Wang et al. 2003: five scales with weights 0.0448, 0.2856, 0.3001, 0.2363, 0.1333; at each a Gaussian
    window of 11 pixels and σ = 1.5, K = 0.01 and 0.03, data range 1, each channel by itself, negative
    terms as 0. No mask: over the square less the 5 outermost pixels of each scale; of a ball this includes
    the black around the disc, which is equal in both.
    """
    dims = expect_shape(true, "B H W 3", name="true")
    expect_shape(estimate, "B H W 3", name="estimate", dims=dims)
    first, second = (x.to(torch.float64).permute(0, 3, 1, 2) for x in (estimate, true))
    return pytorch_msssim.ms_ssim(first, second, data_range=1.0, size_average=False)
