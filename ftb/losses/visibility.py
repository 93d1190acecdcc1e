"""Loss on how much of its light each point of the face receives."""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.losses.targets import Targets, masked_mean
from ftb.types import Prediction

# keeps the logarithm finite; float32 tells 1 − 1e-6 from 1
_EPS = 1e-6


def visibility_loss(prediction: Prediction, targets: Targets) -> Tensor:
    """Mean binary cross-entropy over the head, less that of the truth itself: () ≥ 0.

    −v*·ln v − (1 − v*)·ln(1 − v). Visibility is a fraction, so that the entropy of the truth remains
    even when v = v*; taking it away changes no gradient and makes 0 mean perfect.
    """
    true = targets.visibility.clamp(_EPS, 1.0 - _EPS)
    estimate = prediction.visibility.clamp(_EPS, 1.0 - _EPS)
    difference = true * torch.log(true / estimate) + (1.0 - true) * torch.log((1.0 - true) / (1.0 - estimate))
    return masked_mean(difference, targets.weight)
