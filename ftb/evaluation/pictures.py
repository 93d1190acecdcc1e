"""Rows of pictures: the best, the middling and the worst cases of a candidate."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np
import torch

from ftb.evaluation.cases import Judge, Task, read_truth
from ftb.evaluation.predictors import grey_ball
from ftb.maths.color import srgb_from_linear
from ftb.sheet import png_bytes, tiles_from_ball, tiles_from_srgb

ROWS_EACH = 4
_TILE = 144
# Differences of encoded values are shown this many times as large, about mid-grey.
DIFFERENCE_GAIN = 2.0


@dataclass(frozen=True, kw_only=True)
class PictureRow:
    """One sample: its number, ball RMSE, kind of light, and PNG pictures as data URIs by caption."""

    sample: int
    ball_rmse: float
    kind: str
    pictures: dict[str, str]


def picture_rows(task: Task, ball_rmse: np.ndarray) -> dict[str, list[PictureRow]]:
    """ "best", "median" and "worst" by ball RMSE of the first candidate."""
    order = np.argsort(ball_rmse, kind="stable")
    count = min(ROWS_EACH, len(order))
    middle = max((len(order) - count) // 2, 0)
    chosen = {
        "best": order[:count],
        "median": order[middle : middle + count],
        "worst": order[::-1][:count],
    }
    judge = Judge(Task(**{**vars(task), "candidates": task.candidates[:1]}))
    return {
        name: [_row(judge, int(sample), float(ball_rmse[sample])) for sample in samples]
        for name, samples in chosen.items()
    }


def _row(judge: Judge, sample: int, ball_rmse: float) -> PictureRow:
    (predictor,) = judge.predictors.values()
    with torch.inference_mode():
        truth = read_truth(judge.part, range(sample, sample + 1))
        predicted = judge.predict(predictor, truth).ball_linear
        true = grey_ball(truth.lighting, predicted.shape[1])
        difference = _shown(predicted) - _shown(true)
        tiles = {
            "photo": tiles_from_srgb(truth.faces.photo_srgb, _TILE)[0],
            "true ball": tiles_from_ball(true, _TILE)[0],
            "predicted ball": tiles_from_ball(predicted, _TILE)[0],
            "difference": tiles_from_srgb(0.5 + 0.5 * DIFFERENCE_GAIN * difference, _TILE)[0],
        }
    kind = str(truth.labels[0]["kind"])
    return PictureRow(
        sample=sample,
        ball_rmse=ball_rmse,
        kind=kind,
        pictures={caption: data_uri(png_bytes(tile)) for caption, tile in tiles.items()},
    )


def _shown(linear: torch.Tensor) -> torch.Tensor:
    return srgb_from_linear(linear.clamp(0.0, 1.0))


def data_uri(png: bytes) -> str:
    """A PNG within a page."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
