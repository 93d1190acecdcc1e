"""Ridge regression in closed form against scipy's least squares."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import lstsq
from torch.testing import assert_close

from ftb.nets.ridge import light_targets, normal_sums, relative_weights, solve_ridge
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
    w = 0.5 + torch.rand(count, generator=torch.Generator().manual_seed(1))
    weight, bias = solve_ridge(*normal_sums(x, y, w), ridge)
    x, y, share = x.double().numpy(), y.double().numpy(), (w.double() / w.double().sum()).numpy()[:, None]
    mean, middle = (share * x).sum(0), (share * y).sum(0)
    spread = np.sqrt((share * (x - mean) ** 2).sum(0))
    rows = np.concatenate([np.sqrt(share) * (x - mean) / spread, np.sqrt(ridge) * np.eye(8)])
    solved, *_ = lstsq(rows, np.concatenate([np.sqrt(share) * (y - middle), np.zeros((8, 3))]))
    expected = (solved / spread[:, None]).T
    assert_close(weight, torch.from_numpy(expected), rtol=1e-6, atol=1e-9)
    assert_close(bias, torch.from_numpy(middle - expected @ mean), rtol=1e-6, atol=1e-6)


def test_sums_of_two_batches_add_up():
    x, y = drawn(20, 4, 2)
    w = torch.linspace(0.1, 2.0, 20)
    whole = normal_sums(x, y, w)
    parts = zip(normal_sums(x[:7], y[:7], w[:7]), normal_sums(x[7:], y[7:], w[7:]), strict=True)
    for total, part in zip(whole, (a + b for a, b in parts), strict=True):
        assert_close(part, total, rtol=1e-12, atol=1e-9)


def test_a_feature_that_never_changes_weighs_nothing():
    x, y = drawn(20, 4, 2)
    x[:, 2] = 7.0
    weight, bias = solve_ridge(*normal_sums(x, y, torch.ones(20)), 0.01)
    assert (weight[:, 2].abs() < 1e-9).all()
    without, other = solve_ridge(*normal_sums(x[:, [0, 1, 3]], y, torch.ones(20)), 0.01)
    assert_close(weight[:, [0, 1, 3]], without, rtol=1e-9, atol=1e-12)
    assert_close(bias, other, rtol=1e-6, atol=1e-6)


def test_targets_are_all_light_at_the_exposure_that_the_features_saw():
    light = fabricate.lighting(3)
    gain = torch.tensor([0.5, 1.0, 2.0])
    expected = total_sh(scaled(light, gain), 2).flatten(1)
    assert_close(light_targets(light, gain), expected)


def test_an_error_counts_by_its_share_of_the_light():
    light = fabricate.lighting(2)
    targets = light_targets(light, torch.tensor([1.0, 1.0]))
    bright = light_targets(light, torch.tensor([1.0, 30.0]))
    errors = relative_weights(targets) * (0.1 * targets).square().sum(1)
    assert_close(relative_weights(bright) * (0.1 * bright).square().sum(1), errors, rtol=1e-4, atol=1e-6)
    assert relative_weights(torch.zeros(1, 27)).isfinite().all()
