"""Where the light comes from: the error of the dominant direction."""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.scene import lighting_ops
from ftb.types import Lighting


def direction_error_deg(estimate: Lighting, true: Lighting) -> Tensor:
    """Angle in degrees between the dominant directions of the two lights: (B,) float64, in [0, 180].

    Dominant: the l = 1 vector of the luminance of `total_sh`. It means little where the true
    directionality is small: see `true_directionality`. A light without direction counts as +Z.
    """
    first, _ = lighting_ops.dominant(estimate.to(torch.float64))
    second, _ = lighting_ops.dominant(true.to(torch.float64))
    return lighting_ops.angle_deg(first, second)


def true_directionality(true: Lighting) -> Tensor:
    """Directionality ‖l1‖/(√3·l0) of the light: (B,) float64; 0 for none, 1 for one distant light."""
    return lighting_ops.dominant(true.to(torch.float64))[1]
