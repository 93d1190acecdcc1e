"""Ridge regression in closed form against scipy's least squares."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import lstsq
from torch.testing import assert_close

from ftb.nets.ridge import light_targets, normal_sums, solve_ridge
from ftb.scene.lighting_ops import scaled, total_sh
from tests.losses import fabricate


def drawn(count: int, features: int, targets: int) -> tuple[torch.Tensor, torch.Tensor]:
    draws = torch.Generator().manual_seed(0)
    x = torch.randn(count, features, generator=draws) * torch.logspace(-2, 2, features) + 3.0
    return x, torch.randn(count, targets, generator=draws) + x[:, :1]


@pytest.mark.parametrize("count", [50, 5])
def test_the_weights_are_those_of_least_squares_on_standardised_features(count: int):
    ridge = 0.03
    x, y = drawn(count, 8, 3)
    weight, bias = solve_ridge(*normal_sums(x, y), ridge)
    mean, spread = x.double().mean(0).numpy(), x.double().std(0, correction=0).numpy()
    rows = np.concatenate([(x.numpy() - mean) / spread / np.sqrt(count), np.sqrt(ridge) * np.eye(8)])
    centred = (y.double() - y.double().mean(0)).numpy() / np.sqrt(count)
    solved, *_ = lstsq(rows, np.concatenate([centred, np.zeros((8, 3))]))
    expected = (solved / spread[:, None]).T
    assert_close(weight, torch.from_numpy(expected), rtol=1e-6, atol=1e-9)
    assert_close(bias, y.double().mean(0) - weight @ torch.from_numpy(mean), rtol=1e-9, atol=1e-9)


def test_sums_of_two_batches_add_up():
    x, y = drawn(20, 4, 2)
    whole = normal_sums(x, y)
    parts = zip(normal_sums(x[:7], y[:7]), normal_sums(x[7:], y[7:]), strict=True)
    for total, part in zip(whole, (a + b for a, b in parts), strict=True):
        assert_close(part, total, rtol=1e-12, atol=1e-9)


def test_a_feature_that_never_changes_weighs_nothing():
    x, y = drawn(20, 4, 2)
    x[:, 2] = 7.0
    weight, bias = solve_ridge(*normal_sums(x, y), 0.01)
    assert (weight[:, 2].abs() < 1e-9).all()
    without, other = solve_ridge(*normal_sums(x[:, [0, 1, 3]], y), 0.01)
    assert_close(weight[:, [0, 1, 3]], without, rtol=1e-9, atol=1e-12)
    assert_close(bias, other, rtol=1e-6, atol=1e-6)


def test_targets_are_all_light_at_the_exposure_that_the_features_saw():
    light = fabricate.lighting(3)
    gain = torch.tensor([0.5, 1.0, 2.0])
    expected = total_sh(scaled(light, gain), 2).flatten(1)
    assert_close(light_targets(light, gain), expected)
