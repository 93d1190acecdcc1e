"""The pictures of a study: curves against samples seen, and what each choice makes of some photographs."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from experiments.study_judge import NEW, RELIT, SEEN
from ftb.checkpoint import write_atomically
from ftb.sheet import compose, png_bytes, tiles_from_ball, tiles_from_srgb
from ftb.types import Pair

MOST_BYTES = 150_000
TILE = 72
_STYLES = {NEW: "-", RELIT: ":", SEEN: "--"}
_PANELS = {"direction_error_deg": "direction error, degrees", "ball_rmse": "ball RMSE"}
# Steps of training loss that one point of its curve is the mean of, in shares of the run.
_LOSS_POINTS = 25


def write_grid(path: Path, pair: Pair, balls_linear: dict[str, Tensor]) -> None:
    """Photo, true ball, and the ball (B, S, S, 3) of each choice: a row for each of B pairs."""
    columns = [
        tiles_from_srgb(pair.photo_srgb, TILE),
        *(tiles_from_ball(balls, TILE) for balls in (pair.ball_linear, *balls_linear.values())),
    ]
    rows = [list(row) for row in zip(*columns, strict=True)]
    write_small(path, compose(rows, ["photo", "true ball", *balls_linear], columns=1))


def write_small(path: Path, pixels_u8: np.ndarray) -> None:
    """A PNG (H, W, 3) of at most 150 kB: of 256 colours where it would be larger, then of half the size."""
    content = png_bytes(pixels_u8)
    picture = Image.fromarray(pixels_u8)
    while len(content) > MOST_BYTES:
        buffer = BytesIO()
        picture.quantize(256).save(buffer, format="PNG", optimize=True)
        content = buffer.getvalue()
        picture = picture.resize((picture.width * 4 // 5, picture.height * 4 // 5), Image.Resampling.LANCZOS)
    write_atomically(path, content)


def write_curves(
    path: Path, variants: dict[str, list[dict[str, Any]]], losses: dict[str, list[np.ndarray]]
) -> None:
    """Test error and training loss against samples seen.

    variants: the runs of each choice as in metrics.json, whose mean over seeds is drawn, with their range;
    losses: (N, 2) of samples and training loss, one a run.
    """
    from matplotlib.figure import Figure  # slow to import, and only pictures need it

    figure = Figure(figsize=(11.0, 3.6), dpi=90, layout="constrained")
    axes = figure.subplots(1, 3)
    for number, (name, runs) in enumerate(variants.items()):
        colour = f"C{number}"
        for axis, metric in zip(axes, _PANELS, strict=False):
            for kind, style in _STYLES.items():
                samples, values = _curves(runs, kind, metric)
                if not len(samples):
                    continue
                axis.fill_between(samples, values.min(0), values.max(0), color=colour, alpha=0.15, lw=0)
                axis.plot(samples, values.mean(0), style, color=colour, label=name if kind == NEW else None)
        for loss in losses.get(name, [])[:1]:
            axes[2].plot(loss[:, 0], loss[:, 1], color=colour)
    for axis, title in zip(axes, (*_PANELS.values(), "training loss, first seed"), strict=True):
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("samples seen")
        axis.grid(alpha=0.3)
    axes[2].set_yscale("log")
    _explain_styles(axes[1], variants)
    axes[0].legend(fontsize=8)
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    buffer.seek(0)
    write_small(path, np.asarray(Image.open(buffer).convert("RGB")))


def _explain_styles(axis: Any, variants: dict[str, list[dict[str, Any]]]) -> None:
    kinds = {kind for runs in variants.values() for run in runs for kind in run["curve"]}
    if len(kinds) > 1:
        for kind in (kind for kind in _STYLES if kind in kinds):
            axis.plot([], [], _STYLES[kind], color="black", label=kind)
        axis.legend(fontsize=8)


def _curves(runs: list[dict[str, Any]], kind: str, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Samples (N,) and values (runs, N) at the points that all runs have."""
    curves = [{point["samples"]: point[metric] for point in run["curve"].get(kind, [])} for run in runs]
    shared = sorted(set.intersection(*(set(curve) for curve in curves))) if curves else []
    values = np.array([[curve[samples] for samples in shared] for curve in curves])
    return np.array(shared), values


def training_loss(run_folder: Path, batch_size: int) -> np.ndarray:
    """(N, 2): samples seen and training loss, each point the mean over a part of the run."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run_folder / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    if "train/total" not in events.Tags()["scalars"]:
        return np.zeros((0, 2))
    rows = np.array([(event.step * batch_size, event.value) for event in events.Scalars("train/total")])
    parts = np.array_split(rows, min(_LOSS_POINTS, len(rows)))
    return np.array([part.mean(axis=0) for part in parts])
