"""A fixed block of random numbers for one scene part, consumed in the order of the calls."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

# More than any kind of light consumes; one torch call costs less than a call per number.
DRAWS_PER_SAMPLE = 256


class Draws:
    """Uniform numbers taken from `generator` in one call, so that a sample always advances it equally."""

    def __init__(self, generator: torch.Generator, count: int = DRAWS_PER_SAMPLE) -> None:
        self._values = torch.rand(count, generator=generator, dtype=torch.float64).tolist()
        self._next = 0

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """One number, uniform in [low, high)."""
        value = self._values[self._next]
        self._next += 1
        return low + (high - low) * value

    def log_uniform(self, low: float, high: float) -> float:
        """One number whose logarithm is uniform; low and high positive."""
        return math.exp(self.uniform(math.log(low), math.log(high)))

    def normal(self, deviation: float) -> float:
        """One normal number of mean 0, cut at three deviations (Box-Muller)."""
        radius = math.sqrt(-2.0 * math.log(max(self.uniform(), 1e-12)))
        value = radius * math.cos(2.0 * math.pi * self.uniform())
        return deviation * max(-3.0, min(3.0, value))

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self.uniform() < probability

    def index(self, weights: Sequence[float]) -> int:
        """A position in `weights`, with probability in proportion to its weight (not negative)."""
        target = self.uniform(0.0, sum(weights))
        for position, weight in enumerate(weights):
            target -= weight
            if target < 0.0:
                return position
        return max(position for position, weight in enumerate(weights) if weight > 0.0)
