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


def disc_pixels(ball_linear: Tensor) -> Tensor:
    """The pixels on the disc of balls (B, S, S, 3) as one row (B, 1, P, 3), float64, for metrics that do
    not ask where a pixel is."""
    inside = ball_disc(ball_linear).flatten().nonzero()[:, 0]
    return ball_linear.flatten(1, 2).index_select(1, inside)[:, None].to(torch.float64)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over pixels of (B, H, W), or over pixels and channels of (B, H, W, C), weighted by mask
    (B | 1, H, W): (B,). NaN where the mask is empty."""
    mask = mask.to(torch.float64).flatten(1)
    weights = (mask / mask.sum(dim=1, keepdim=True))[:, None]  # (B | 1, 1, P)
    pixels = values.to(torch.float64).flatten(1, 2).reshape(len(values), weights.shape[-1], -1)  # (B, P, C)
    return (weights @ pixels).mean(dim=(1, 2))
