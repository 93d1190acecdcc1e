"""Half squared error, half structure."""

from __future__ import annotations

from torch import Tensor

from ftb.losses.ball_mse import mse
from ftb.losses.ball_ssim import dissimilarity
from ftb.losses.targets import Targets
from ftb.types import Prediction


def mix(prediction: Prediction, targets: Targets) -> Tensor:
    """0.5 · MSE + 0.5 · (1 − SSIM): ()."""
    return 0.5 * mse(prediction, targets) + 0.5 * dissimilarity(prediction, targets)
