"""What the metrics on balls share: the disc, the displayed picture, the masked mean. All float64."""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.maths import color, sphere


def ball_disc(ball_linear: Tensor) -> Tensor:
    """The disc (1, S, S) of balls (B, S, S, 3), 1 at pixels whose centre is on it."""
    return sphere.ball_normals(ball_linear.shape[1])[1][None].to(ball_linear.device, torch.float64)


def shown(linear: Tensor) -> Tensor:
    """sRGB-encoded and clipped to [0, 1], of any shape."""
    return color.srgb_from_linear(linear.to(torch.float64)).clamp(0.0, 1.0)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over pixels of (B, H, W), weighted by mask (B | 1, H, W): (B,). NaN where the mask is empty."""
    mask = mask.to(torch.float64)
    return (values.to(torch.float64) * mask).sum(dim=(1, 2)) / mask.sum(dim=(1, 2))
