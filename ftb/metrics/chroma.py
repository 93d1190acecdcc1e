"""Difference of colour, whatever the brightness."""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.maths.shapes import expect_shape
from ftb.metrics.disc import masked_mean
from ftb.scene import lighting_ops


def chroma_angle(estimate_linear: Tensor, true_linear: Tensor, mask: Tensor) -> Tensor:
    """Mean angle in degrees between the RGB vectors of the two pictures: (B,) float64.

    Linear radiance (B, H, W, 3), values below 0 as 0; mean over pixels weighted by `mask` (B | 1, H, W);
    black counts as grey. Others call this "angular error"; it says nothing about the direction of light.
    """
    dims = expect_shape(true_linear, "B H W 3", name="true_linear")
    expect_shape(estimate_linear, "B H W 3", name="estimate_linear", dims=dims)
    return masked_mean(lighting_ops.angle_deg(_colored(estimate_linear), _colored(true_linear)), mask)


def _colored(linear: Tensor) -> Tensor:
    linear = linear.to(torch.float64).clamp_min(0.0)
    return torch.where((linear == 0).all(dim=-1, keepdim=True), 1.0, linear)
