"""Structural dissimilarity of the ball."""

from __future__ import annotations

from pytorch_msssim import ssim
from torch import Tensor

from ftb.losses.ball_view import shown
from ftb.losses.targets import Targets
from ftb.types import Prediction


def dissimilarity(prediction: Prediction, targets: Targets) -> Tensor:
    """1 − SSIM of the square in display space, black around the disc, data range 1: ().

    11 pixels of σ = 1.5 (Wang et al. 2004); the outermost 5 pixels, for which the window does not fit, are
    left out.
    """
    squares = shown(prediction).permute(0, 3, 1, 2), shown(targets).permute(0, 3, 1, 2)
    return 1.0 - ssim(*squares, data_range=1.0)
