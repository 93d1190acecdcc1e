"""Error of the face's normals."""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.maths.shapes import expect_shape
from ftb.metrics.disc import masked_mean
from ftb.scene import lighting_ops


def normal_error_deg(estimate: Tensor, true: Tensor, mask: Tensor) -> Tensor:
    """Mean angle in degrees over the head: (B,) float64, NaN where there is no head.

    `true` (B, H, W, 3) and `mask` (B, H, W), the weight of each pixel, at the photograph's resolution;
    `estimate` (B, h, w, 3) at a whole fraction of it: each pixel of the photograph is compared with
    that of the estimate which covers it.
    """
    dims = expect_shape(true, "B H W 3", name="true")
    expect_shape(mask, "B H W", name="mask", dims=dims)
    coarse = expect_shape(estimate, "B h w 3", name="estimate", dims=dims)
    if dims["H"] % coarse["h"] or dims["W"] % coarse["w"]:
        raise ValueError(
            f"estimate: expected a whole fraction of {tuple(true.shape)}, got {tuple(estimate.shape)}"
        )
    rows, columns = dims["H"] // coarse["h"], dims["W"] // coarse["w"]
    full = estimate.repeat_interleave(rows, dim=1).repeat_interleave(columns, dim=2)
    return masked_mean(lighting_ops.angle_deg(full.to(torch.float64), true.to(torch.float64)), mask)
