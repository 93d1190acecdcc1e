"""The family of metrics and its contract.

A metric in the table takes a `Prediction` and its `Pair` and answers with one number a sample, (B,)
float64; each says in its file which space, mask and formula it uses. `accumulate` joins batches.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ftb.metrics.accumulate import Mean, Samples
from ftb.metrics.ball import ball_rmse
from ftb.metrics.chroma import chroma_angle
from ftb.metrics.direction import direction_error_deg
from ftb.metrics.disc import ball_disc, shown
from ftb.metrics.irradiance import irradiance_error
from ftb.metrics.normals import normal_error_deg
from ftb.metrics.psnr import psnr
from ftb.metrics.si_rmse import si_rmse
from ftb.metrics.ssim import ssim
from ftb.types import Pair, Prediction

__all__ = ["FACE_METRICS", "METRICS", "Mean", "Samples", "measure"]

Metric = Callable[[Prediction, Pair], Tensor]


def _ball_psnr(prediction: Prediction, pair: Pair) -> Tensor:
    return psnr(shown(prediction.ball_linear), shown(pair.ball_linear), ball_disc(pair.ball_linear))


def _ball_ssim(prediction: Prediction, pair: Pair) -> Tensor:
    return ssim(shown(prediction.ball_linear), shown(pair.ball_linear))


def _ball_si_rmse(prediction: Prediction, pair: Pair) -> Tensor:
    return si_rmse(prediction.ball_linear, pair.ball_linear, ball_disc(pair.ball_linear))


def _ball_chroma_angle(prediction: Prediction, pair: Pair) -> Tensor:
    return chroma_angle(prediction.ball_linear, pair.ball_linear, ball_disc(pair.ball_linear))


METRICS: dict[str, Metric] = {
    "ball_rmse": lambda prediction, pair: ball_rmse(prediction.ball_linear, pair.ball_linear),
    "ball_psnr": _ball_psnr,
    "ball_ssim": _ball_ssim,
    "ball_si_rmse": _ball_si_rmse,
    "ball_chroma_angle": _ball_chroma_angle,
    "direction_error_deg": lambda prediction, pair: direction_error_deg(prediction.lighting, pair.lighting),
    "irradiance_error": lambda prediction, pair: irradiance_error(prediction.lighting, pair.lighting),
}
# of predictions that have normals
FACE_METRICS: dict[str, Metric] = {
    "normal_error_deg": lambda prediction, pair: normal_error_deg(
        prediction.normals, pair.normals, pair.mask
    ),
}


def measure(prediction: Prediction, pair: Pair) -> dict[str, Tensor]:
    """Every metric that the prediction has the fields for, by name: (B,) float64 each."""
    table = METRICS if prediction.normals is None else {**METRICS, **FACE_METRICS}
    with torch.no_grad():
        return {name: metric(prediction, pair) for name, metric in table.items()}
