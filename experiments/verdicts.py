"""Whether a difference between two choices is larger than what another seed changes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean, variance

from scipy.stats import t as student

CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """difference: of the means, choice − reference; noise: what it has to exceed, infinite where no choice
    has two seeds."""

    difference: float
    noise: float

    @property
    def settled(self) -> bool:
        """Whether the difference is larger than the noise."""
        return abs(self.difference) > self.noise


def compare(values: dict[str, list[float]], reference: str, name: str) -> Verdict:
    """Student's t test with one variance for all choices of a study (Welch's knows too little of two seeds).

    values: one number a seed, by choice. noise = t · s · √(1/m + 1/n), s² pooled over all choices, t for 95 %
    of both sides.
    """
    freedom = sum(len(numbers) - 1 for numbers in values.values())
    difference = fmean(values[name]) - fmean(values[reference])
    if freedom < 1:
        return Verdict(difference=difference, noise=math.inf)
    squares = sum((len(numbers) - 1) * variance(numbers) for numbers in values.values() if len(numbers) > 1)
    counts = 1.0 / len(values[name]) + 1.0 / len(values[reference])
    quantile = float(student.ppf(0.5 + 0.5 * CONFIDENCE, freedom))
    return Verdict(difference=difference, noise=quantile * math.sqrt(squares / freedom * counts))
