"""Error of what the light does to a diffuse surface, whichever way it faces."""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.maths import color, sphere
from ftb.scene import lighting_ops
from ftb.types import Lighting

_DIRECTIONS = 256


def irradiance_error(estimate: Lighting, true: Lighting) -> Tensor:
    """√(mean (E − E*)²) / mean luminance of E*, over 256 directions and three channels: (B,) float64.

    Unshadowed irradiance in linear light; 0.1 is a tenth of the mean irradiance. Scale counts. Infinite
    or NaN where the true light is black.
    """
    directions = sphere.fibonacci_directions(_DIRECTIONS, dtype=torch.float64).to(true.sh_coeffs.device)
    second = lighting_ops.irradiance(true.to(torch.float64), directions)  # (B, 256, 3)
    first = lighting_ops.irradiance(estimate.to(torch.float64), directions)
    error = (first - second).square().mean(dim=(1, 2)).sqrt()
    return error / color.luminance(second).mean(dim=1)
