"""Root mean square error after both pictures were brought to their own range."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ftb.maths.shapes import expect_shape

_LOW, _HIGH = 0.1, 99.9  # percentiles
_EPS = 1e-8  # of a picture that is even: its range is 0


def n_rmse(estimate_linear: Tensor, true_linear: Tensor, mask: Tensor) -> Tensor:
    """√(mean (p′ − g′)²), x′ = (x − P₀.₁(x)) / (P₉₉.₉(x) − P₀.₁(x)), clipped to [0, 1]: (B,) float64.

    Linear radiance (B, H, W, 3), not clipped. Percentiles (linear interpolation) of all channels together,
    and the mean over pixels and channels, are over the pixels where `mask` (1, H, W) is not 0: the
    background, which StyleLight's code includes, has no part in it. Clipped, since a mirrored lamp smaller
    than a thousandth of the ball would be all that counts. An even picture becomes 0.
    """
    dims = expect_shape(true_linear, "B H W 3", name="true_linear")
    expect_shape(estimate_linear, "B H W 3", name="estimate_linear", dims=dims)
    expect_shape(mask, "1 H W", name="mask", dims={"H": dims["H"], "W": dims["W"]})
    inside = mask[0] != 0
    errors = []
    for pair in zip(estimate_linear, true_linear, strict=True):
        first, second = (_ranged(picture[inside].to(torch.float64).cpu().numpy()) for picture in pair)
        errors.append(np.sqrt(np.square(first - second).mean()))
    return torch.tensor(np.array(errors), dtype=torch.float64, device=true_linear.device)


def _ranged(values: np.ndarray) -> np.ndarray:
    low, high = np.percentile(values, (_LOW, _HIGH))
    return ((values - low) / (high - low)).clip(0.0, 1.0) if high - low > _EPS else np.zeros_like(values)
