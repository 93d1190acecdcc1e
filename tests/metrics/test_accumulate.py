"""Means and medians over batches."""

from __future__ import annotations

import math

import torch
from torch.testing import assert_close

from ftb.metrics.accumulate import Mean, Samples


def test_mean_does_not_depend_on_batches():
    values = torch.rand(10, generator=torch.Generator().manual_seed(0))
    whole, parts = Mean(), Mean()
    whole.add(values)
    for part in values.split(3):
        parts.add(part)
    assert_close(whole.mean, parts.mean)
    assert_close(whole.mean, float(values.double().mean()))
    assert parts.count == 10


def test_mean_adds_up_in_float64():
    """A float32 sum of 1 and many 1e-8 would stay 1."""
    mean = Mean()
    mean.add(torch.cat([torch.tensor([1.0]), torch.full((1000,), 1e-8)]))
    assert_close(mean.mean * 1001, 1.00001, atol=1e-9, rtol=0.0)


def test_median_of_even_and_odd_counts():
    samples = Samples()
    samples.add(torch.tensor([3.0, 1.0]))
    assert samples.median == 2.0
    samples.add(torch.tensor([10.0]))
    assert samples.median == 3.0
    assert_close(samples.mean, 14.0 / 3.0)
    assert_close(samples.share_below(3.0), 1.0 / 3.0)


def test_nothing_seen_is_nan():
    assert math.isnan(Mean().mean)
    assert math.isnan(Samples().mean)
    assert math.isnan(Samples().median)
