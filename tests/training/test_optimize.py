"""Schedules against their defining values."""

from __future__ import annotations

import itertools

import pytest
import torch

from ftb.config import TrainConfig
from ftb.training.optimize import autocast_for, ema_decay_at
from ftb.training.trained import learning_rate_at


def test_learning_rate_warms_up_to_the_peak_and_ends_low() -> None:
    config = TrainConfig(steps=1000, learning_rate=1e-3, warmup_steps=10, final_fraction=0.1)
    rates = [learning_rate_at(step, config) for step in range(1000)]
    assert rates[0] == pytest.approx(1e-3 / 11)
    assert max(rates) == pytest.approx(1e-3, rel=1e-3)
    assert rates.index(max(rates)) == 10
    # half way the cosine is 0: the mean of peak and floor
    assert rates[500] == pytest.approx(1e-3 * 0.55)
    assert rates[-1] == pytest.approx(1e-4, rel=1e-2)
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))


def test_no_warm_up_starts_at_the_peak() -> None:
    assert learning_rate_at(0, TrainConfig(warmup_steps=0, learning_rate=0.5)) == 0.5


def test_moving_average_follows_at_first_and_settles() -> None:
    assert ema_decay_at(0, 0.99) == 0.1
    assert ema_decay_at(10_000, 0.99) == 0.99


@pytest.mark.parametrize(
    ("precision", "expected"),
    [("auto", torch.float32), ("float32", torch.float32), ("bfloat16", torch.bfloat16)],
)
def test_precision_on_a_cpu(precision: str, expected: torch.dtype) -> None:
    square = torch.ones(2, 2)
    with autocast_for(precision, torch.device("cpu"))():
        assert (square @ square).dtype == expected
