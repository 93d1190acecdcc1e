"""The losses on the gray ball by name."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ftb.losses.ball_l1 import l1
from ftb.losses.ball_mix import mix
from ftb.losses.ball_ms_ssim import multiscale_dissimilarity
from ftb.losses.ball_mse import mse
from ftb.losses.ball_rank import rank
from ftb.losses.ball_ssim import dissimilarity
from ftb.losses.targets import Targets
from ftb.types import Prediction

BALL_LOSSES: dict[str, Callable[[Prediction, Targets], Tensor]] = {
    "l1": l1,
    "mse": mse,
    "1-ssim": dissimilarity,
    "mix": mix,
    "1-ms-ssim": multiscale_dissimilarity,
    "rank": rank,
}
