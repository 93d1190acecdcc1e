"""The report as plain data: what metrics.json holds, and which groups samples fall into."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from ftb.evaluation.cases import LEAST_DIRECTIONALITY, Row
from ftb.evaluation.statistics import Summary, calibration, grouped, resamples, summarise, summarise_direction
from ftb.metrics.stylelight import NOTE

DIRECTIONALITY_EDGES = (0.0, 0.15, 0.3, 0.5, 0.7, 1.0)
OFF_AXIS_EDGES = (0, 15, 30, 60, 90, 120, 180)
# Edges of the bins; what lies beyond counts into the last.
HISTOGRAMS = {
    "direction_error_deg": tuple(range(0, 181, 5)),
    "ball_rmse": tuple(round(0.01 * step, 2) for step in range(31)),
}
_DIRECTION = ("direction_error_deg", "direction_error_any_deg")


def tone_bin(tone: float) -> str:
    """One of five bins of two Monk tones: "1-2" to "9-10"."""
    step = min(max(int(tone + 0.5), 1), 10)
    first = (step - 1) // 2 * 2 + 1
    return f"{first:02d}-{first + 1:02d}"


def bin_of(value: float, edges: tuple[float, ...], form: str) -> str:
    """The bin [low, high) that a value falls into, as text; the last one includes its upper edge."""
    for low, high in itertools.pairwise(edges):
        if value < high or high == edges[-1]:
            return f"{low:{form}}-{high:{form}}"
    raise ValueError(f"value: expected at most {edges[-1]}, got {value}")


GROUPS: dict[str, Callable[[Row], str]] = {
    "light_kind": lambda row: str(row["kind"]),
    "tone": lambda row: tone_bin(float(row["tone"])),
    "directionality": lambda row: bin_of(float(row["directionality"]), DIRECTIONALITY_EDGES, ".2f"),
    "off_axis_deg": lambda row: bin_of(float(row["off_axis_deg"]), OFF_AXIS_EDGES, "03.0f"),
    "head": lambda row: str(row["head"]),
}


def report_of(rows: list[Row], measured: dict[str, dict[str, np.ndarray]]) -> dict[str, Any]:
    """Every candidate's means, and the same by head, tone, kind of light, directionality, off-axis angle."""
    heads = [str(row["head"]) for row in rows]
    candidates = {}
    for name, metrics in measured.items():
        groups = {
            group: grouped(
                [label(row) for row in rows],
                lambda places, metrics=metrics: _summaries(
                    {metric: values[places] for metric, values in metrics.items()},
                    [heads[place] for place in places],
                ),
            )
            for group, label in GROUPS.items()
        }
        candidates[name] = {"all": _summaries(metrics, heads), "by": groups}
        candidates[name]["fairness"] = fairness(candidates[name]["all"], groups["tone"])
        candidates[name]["histograms"] = {
            metric: histogram(metrics[metric], edges) for metric, edges in HISTOGRAMS.items()
        }
        if "expected_error_deg" in metrics:
            found = calibration(metrics["expected_error_deg"], metrics["direction_error_deg"])
            candidates[name]["calibration"] = found
    return {
        "samples": len(rows),
        "least_directionality": LEAST_DIRECTIONALITY,
        "notes": {"stylelight": NOTE},
        "candidates": candidates,
    }


def fairness(overall: dict[str, Summary], by_tone: dict[str, dict[str, Summary]]) -> dict[str, Summary]:
    """By bins of two Monk tones: the mean signed brightness bias of the gray ball, the mean direction error,
    and (bin − all) / all of the latter, None where no sample of a bin has a direction."""
    average = overall["direction_error_deg"]["mean"]
    table = {}
    for label, metrics in by_tone.items():
        error = metrics["direction_error_deg"]["mean"]
        table[label] = {
            "samples": metrics["brightness_bias"]["samples"],
            "brightness_bias": metrics["brightness_bias"]["mean"],
            "direction_error_deg": error,
            "direction_error_relative": None if error is None or not average else error / average - 1.0,
        }
    return table


def histogram(values: np.ndarray, edges: tuple[float, ...]) -> dict[str, list[float]]:
    """Counts of the finite values (N,) between `edges`."""
    known = np.clip(values[np.isfinite(values)], edges[0], edges[-1])
    return {"edges": list(edges), "counts": np.histogram(known, edges)[0].tolist()}


def _summaries(metrics: dict[str, np.ndarray], heads: list[str]) -> dict[str, Any]:
    drawn = resamples(heads)
    return {
        name: (summarise_direction if name in _DIRECTION else summarise)(values, drawn)
        for name, values in metrics.items()
    }
