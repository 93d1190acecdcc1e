"""From a number a sample to what is reported: means with intervals, shares, medians, calibration.

Intervals are percentile bootstraps (Efron 1979): 1,000 times as many samples as there are, drawn with
replacement; 95 % of the results lie within. Where at least ten heads were seen whole heads are drawn, since
samples of one head resemble each other. Seeded, in float64, in a fixed order: the same numbers every time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

RESAMPLES = 1000
LEAST_HEADS = 10
_LOW, _HIGH = 2.5, 97.5
# Shares of direction errors below so many degrees.
LIMITS_DEG = (5, 10, 20)
# Groups of the calibration: tenths, and fifths, whose means a few hundred samples can tell apart.
_TENTHS, _FIFTHS = 10, 5

Summary = dict[str, Any]


def resamples(heads: list[str]) -> np.ndarray:
    """(1000, N) float64: how often each sample is drawn in each repetition."""
    names, head = np.unique(np.array(heads), return_inverse=True)
    draws = np.random.default_rng(0)
    if len(names) < LEAST_HEADS:
        count = len(heads)
        return draws.multinomial(count, np.full(count, 1.0 / count), size=RESAMPLES).astype(np.float64)
    drawn = draws.multinomial(len(names), np.full(len(names), 1.0 / len(names)), size=RESAMPLES)
    return drawn[:, head].astype(np.float64)


def summarise(values: np.ndarray, drawn: np.ndarray) -> Summary:
    """Mean of the finite ones among values (N,), its interval, and how many there were; drawn (1000, N)."""
    values, drawn = _known(values, drawn)
    if not values.size:
        return {"mean": None, "low": None, "high": None, "samples": 0}
    low, high = _interval(drawn @ values, drawn.sum(axis=1))
    return {"mean": float(values.mean()), "low": low, "high": high, "samples": values.size}


def _known(values: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The finite values (N,) and their columns of drawn (1000, N)."""
    known = np.isfinite(values)
    return (values, drawn) if known.all() else (values[known], drawn[:, known])


def _interval(sums: np.ndarray, counts: np.ndarray) -> tuple[float, float]:
    means = sums[counts > 0] / counts[counts > 0]
    low, high = np.percentile(means, (_LOW, _HIGH))
    return float(low), float(high)


def summarise_direction(values: np.ndarray, drawn: np.ndarray) -> Summary:
    """As `summarise`, with the median and the shares under 5°, 10° and 20°, each with its interval."""
    result = summarise(values, drawn)
    values, drawn = _known(values, drawn)
    if not values.size:
        return result
    low, high = np.percentile(_medians(values, drawn), (_LOW, _HIGH))
    result["median"] = {"value": float(np.median(values)), "low": float(low), "high": float(high)}
    for limit in LIMITS_DEG:
        share = summarise((values < limit).astype(np.float64), drawn)
        result[f"under_{limit}_deg"] = {"share": share["mean"], "low": share["low"], "high": share["high"]}
    return result


def _medians(values: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """The median of each repetition; of two middle values the lower."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(drawn[:, order], axis=1)
    total = reached[:, -1:]
    reached, total = reached[total[:, 0] > 0], total[total[:, 0] > 0]
    middle = (2 * reached >= total).argmax(axis=1)
    return values[order][middle]


def calibration(expected: np.ndarray, found: np.ndarray) -> Summary:
    """Does the network know how wrong it is: equal groups by the error it expects, in degrees.

    For each tenth (`groups`) and each fifth (`fifths`) of the samples the mean expected and the mean true
    error; `gap_deg` is the mean absolute difference over tenths; `rank_correlation` Spearman's ρ between
    both, over samples: Pearson's correlation of ranks, equal values sharing the mean of theirs.
    """
    known = np.isfinite(expected) & np.isfinite(found)
    expected, found = expected[known], found[known]
    if expected.size < 2:
        nothing: Summary = {"samples": int(expected.size), "groups": [], "fifths": []}
        return nothing | {"gap_deg": None, "rank_correlation": None}
    groups = _by_expectation(expected, found, _TENTHS)
    gap = sum(abs(g["expected_deg"] - g["found_deg"]) * g["samples"] for g in groups) / expected.size
    return {
        "samples": int(expected.size),
        "groups": groups,
        "fifths": _by_expectation(expected, found, _FIFTHS),
        "gap_deg": gap,
        "rank_correlation": _correlation(_ranks(expected), _ranks(found)),
    }


def _by_expectation(expected: np.ndarray, found: np.ndarray, count: int) -> list[Summary]:
    order = np.argsort(expected, kind="stable")
    return [
        {
            "expected_deg": float(expected[part].mean()),
            "found_deg": float(found[part].mean()),
            "samples": int(part.size),
        }
        for part in np.array_split(order, min(count, expected.size))
    ]


def _ranks(values: np.ndarray) -> np.ndarray:
    """Places in order from 1; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2.0)[inverse]


def _correlation(first: np.ndarray, second: np.ndarray) -> float | None:
    first, second = first - first.mean(), second - second.mean()
    spread = float(np.sqrt((first * first).sum() * (second * second).sum()))
    return float((first * second).sum() / spread) if spread > 0.0 else None


def grouped(labels: list[str], measure: Callable[[np.ndarray], Summary]) -> dict[str, Summary]:
    """`measure` of the places (n,) of each label, in the order of the labels."""
    places: dict[str, list[int]] = {}
    for place, label in enumerate(labels):
        places.setdefault(label, []).append(place)
    return {label: measure(np.array(places[label])) for label in sorted(places)}
