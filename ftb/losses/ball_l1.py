"""L1 on the ball."""

from __future__ import annotations

from torch import Tensor

from ftb.losses.ball_view import over_disc, shown
from ftb.losses.targets import Targets
from ftb.types import Prediction


def l1(prediction: Prediction, targets: Targets) -> Tensor:
    """Mean |difference| over the disc and channels, in display space: ()."""
    return over_disc((shown(prediction) - shown(targets)).abs())
