"""Losses on the gray ball, in display space: one of a table of four."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
from pytorch_msssim import ssim
from torch import Tensor

from ftb.losses.display import display_from_linear
from ftb.losses.targets import Targets
from ftb.maths import sphere
from ftb.types import Prediction


def l1(prediction: Prediction, targets: Targets) -> Tensor:
    """Mean |difference| over the disc and channels: ()."""
    return _over_disc((_shown(prediction) - _shown(targets)).abs())


def mse(prediction: Prediction, targets: Targets) -> Tensor:
    """Mean squared difference over the disc and channels: ()."""
    return _over_disc((_shown(prediction) - _shown(targets)).square())


def dissimilarity(prediction: Prediction, targets: Targets) -> Tensor:
    """1 − SSIM of the square, black around the disc, data range 1, 11 pixels of σ = 1.5: ().

    Wang et al. 2004; the outermost 5 pixels, for which the window does not fit, are left out.
    """
    shown = _shown(prediction).permute(0, 3, 1, 2), _shown(targets).permute(0, 3, 1, 2)
    return 1.0 - ssim(*shown, data_range=1.0)


def mix(prediction: Prediction, targets: Targets) -> Tensor:
    """0.5 · MSE + 0.5 · (1 − SSIM): ()."""
    return 0.5 * mse(prediction, targets) + 0.5 * dissimilarity(prediction, targets)


BALL_LOSSES: dict[str, Callable[[Prediction, Targets], Tensor]] = {
    "l1": l1,
    "mse": mse,
    "1-ssim": dissimilarity,
    "mix": mix,
}


def _shown(holder: Prediction | Targets) -> Tensor:
    return display_from_linear(holder.ball_linear)


def _over_disc(values: Tensor) -> Tensor:
    """Mean over the disc of (B, S, S, 3): ()."""
    disc = _disc(values.shape[1], values.device)
    return (values * disc[..., None]).sum() / (disc.sum() * 3 * values.shape[0])


@lru_cache(maxsize=8)
def _disc(size: int, device: torch.device) -> Tensor:
    # a constant made under inference mode could not take part in training later
    with torch.inference_mode(False):
        return sphere.ball_normals(size)[1].to(device=device, dtype=torch.float32)
