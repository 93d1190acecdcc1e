"""Per-sample values (B,) of many batches to one number, in float64."""

from __future__ import annotations

import torch
from torch import Tensor


class Mean:
    """Mean of all values seen; NaN before the first."""

    def __init__(self) -> None:
        self.total = 0.0
        self.count = 0

    def add(self, values: Tensor) -> None:
        """One batch of per-sample values (B,)."""
        self.total += float(values.detach().to(torch.float64).sum())
        self.count += values.numel()

    @property
    def mean(self) -> float:
        """Sum over count."""
        return self.total / self.count if self.count else float("nan")


class Samples:
    """As `Mean`, but keeps every value, for medians and shares; NaN before the first."""

    def __init__(self) -> None:
        self._batches: list[Tensor] = []

    def add(self, values: Tensor) -> None:
        """One batch of per-sample values (B,)."""
        self._batches.append(values.detach().to("cpu", torch.float64))

    @property
    def values(self) -> Tensor:
        """All values so far (N,), float64, in the order they came."""
        return torch.cat([torch.empty(0, dtype=torch.float64), *self._batches])

    @property
    def mean(self) -> float:
        """Mean of all values."""
        return float(self.values.mean())

    @property
    def median(self) -> float:
        """Middle value; the mean of the two middle ones where the count is even."""
        return float(self.values.quantile(0.5)) if self.values.numel() else float("nan")

    def share_below(self, limit: float) -> float:
        """Share of values below `limit`."""
        return float((self.values < limit).to(torch.float64).mean())
