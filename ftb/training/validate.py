"""Validation on held-out pairs of a fixed seed, beside the baselines that a network must beat."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ftb.metrics.base import METRICS, Samples, measure
from ftb.metrics.baselines import MeanLight, frontal_light
from ftb.metrics.direction import true_directionality
from ftb.nets.landmark_maps import network_inputs
from ftb.training.streams import Streams
from ftb.types import Pair, Prediction, concatenate

# Below this directionality the light comes from everywhere, and the error of its direction means little.
LEAST_DIRECTIONALITY = 0.3
_DIRECTION = "direction_error_deg"
_BASELINE_METRICS = ("ball_rmse", _DIRECTION)


class MeanLightKeeper:
    """The mean light of the first `baseline_samples` of the training split.

    A run sees these samples in its first steps: `watch` takes them along for nothing. `get` renders them
    where that did not happen, in a resumed run.
    """

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._batches = streams.batches_for(streams.config.train.baseline_samples)
        self._seen = 0
        self._light = MeanLight()

    def watch(self, pair: Pair, batch: int) -> None:
        """Take in batch number `batch` of the training split, if it is the next one that is wanted."""
        if batch == self._seen and batch < self._batches:
            self._light.add(pair)
            self._seen += 1

    def get(self) -> MeanLight:
        """The mean light of all the samples that are wanted."""
        if self._seen < self._batches:
            with self._streams.open("train") as stream:
                missing = stream.batches(start=self._seen, count=self._batches - self._seen)
                for number, pair in enumerate(missing, start=self._seen):
                    self.watch(pair, number)
        return self._light


@dataclass(frozen=True, kw_only=True)
class Validation:
    """metrics: as stored under `val` in metrics.json; shown: some pairs of it and what was predicted."""

    metrics: dict[str, Any]
    shown: tuple[Pair, Prediction]

    def summary(self) -> str:
        """One line."""
        ours, baseline = self.metrics, self.metrics["baseline_mean_light"]
        direction = ours[_DIRECTION]
        return (
            f"ball RMSE {ours['ball_rmse']:.4f} (mean light {baseline['ball_rmse']:.4f}), "
            f"direction error {_degrees(direction['mean'])} mean, {_degrees(direction['median'])} median"
        )

    def scalars(self) -> dict[str, float]:
        """For TensorBoard: every number by its dotted name."""
        return {name: value for name, value in _flat(self.metrics, "") if value is not None}


def validate(network: nn.Module, streams: Streams, mean_light: MeanLight) -> Validation:
    """Measure `network` (in evaluation mode) and both baselines on the first samples of the split "val"."""
    config = streams.config.train
    answers: dict[str, Callable[[Pair], Prediction]] = {
        "": lambda pair: network(*network_inputs(pair, streams.config.net)),
        "baseline_mean_light": mean_light.predict,
        "baseline_frontal": frontal_light,
    }
    tallies = {name: _Tally(tuple(METRICS) if not name else _BASELINE_METRICS) for name in answers}
    shown: list[tuple[Pair, Prediction]] = []
    stride = max(1, config.val_samples // config.preview_count)
    done = 0
    with torch.no_grad(), streams.open("val") as stream:
        for pair in stream.batches(start=0, count=streams.batches_for(config.val_samples)):
            pair = pair[: config.val_samples - done]
            predictions = {name: answer(pair) for name, answer in answers.items()}
            for name, prediction in predictions.items():
                tallies[name].add(prediction, pair)
            # Spread over the split: neighbours share a head.
            first = -done % stride
            shown.append((pair[first::stride].to("cpu"), predictions[""][first::stride].to("cpu")))
            done += pair.index.shape[0]
    metrics = {"samples": done, **tallies[""].result()}
    metrics |= {name: tally.result() for name, tally in tallies.items() if name}
    pairs, predicted = zip(*shown, strict=True)
    few = slice(config.preview_count)
    return Validation(
        metrics=metrics, shown=(concatenate(list(pairs))[few], concatenate(list(predicted))[few])
    )


class _Tally:
    """Means of the named metrics; of the direction error also the median, where light has a direction."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._samples = {name: Samples() for name in names}

    def add(self, prediction: Prediction, pair: Pair) -> None:
        values = measure(prediction, pair)
        directed = true_directionality(pair.lighting) >= LEAST_DIRECTIONALITY
        for name, samples in self._samples.items():
            samples.add(values[name][directed] if name == _DIRECTION else values[name])

    def result(self) -> dict[str, Any]:
        direction = self._samples[_DIRECTION]
        means = {name: _number(samples.mean) for name, samples in self._samples.items()}
        means[_DIRECTION] = {
            "mean": _number(direction.mean),
            "median": _number(direction.median),
            "samples": int(direction.values.numel()),
            "least_directionality": LEAST_DIRECTIONALITY,
        }
        return means


def _number(value: float) -> float | None:
    """JSON has no NaN: null stands for the mean of nothing."""
    return value if math.isfinite(value) else None


def _degrees(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}°"


def _flat(node: dict[str, Any], prefix: str) -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in node.items():
        rows += _flat(value, f"{prefix}{name}/") if isinstance(value, dict) else [(prefix + name, value)]
    return rows
