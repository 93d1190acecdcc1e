"""What the baselines answer."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from ftb.maths import color
from ftb.metrics.ball import ball_rmse
from ftb.metrics.base import measure
from ftb.metrics.baselines import MeanLight, frontal_light
from ftb.scene import lighting_ops
from tests.losses import fabricate


def test_mean_light_is_the_mean_whatever_the_batches():
    pair = fabricate.pair(6)
    mean = MeanLight()
    mean.add(pair[:4])
    mean.add(pair[4:])
    answer = mean.predict(pair[:2])
    shown = color.srgb_from_linear(pair.ball_linear).clamp(0.0, 1.0).mean(dim=0)
    assert_close(color.srgb_from_linear(answer.ball_linear[1]), shown, atol=1e-5, rtol=1e-5)
    assert_close(answer.lighting.sh_coeffs[0], lighting_ops.total_sh(pair.lighting).mean(dim=0))
    assert_close(lighting_ops.total_sh(answer.lighting), answer.lighting.sh_coeffs)


def test_mean_ball_is_the_best_constant():
    """No other mixture of the same balls has a smaller mean squared error as displayed."""
    pair = fabricate.pair(8)
    mean = MeanLight()
    mean.add(pair)
    best = ball_rmse(mean.predict(pair).ball_linear, pair.ball_linear).square().mean()
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        weights = torch.softmax(torch.randn(8, generator=generator), dim=0)
        mixed = torch.einsum("b,bhwc->hwc", weights, pair.ball_linear).expand_as(pair.ball_linear)
        assert ball_rmse(mixed, pair.ball_linear).square().mean() > best


def test_mean_light_of_nothing_says_so():
    with pytest.raises(ValueError, match="mean light: expected at least one batch"):
        MeanLight().predict(fabricate.pair(1))


def test_frontal_light_comes_from_the_camera():
    answer = frontal_light(fabricate.pair(2, ball_size=32))
    direction, directionality = lighting_ops.dominant(answer.lighting)
    assert_close(direction, torch.tensor([0.0, 0.0, 1.0]).expand(2, 3))
    assert_close(directionality, torch.ones(2))
    # the pixels at the middle of the ball face the camera but for half a pixel
    assert_close(answer.ball_linear[0, 16, 16], torch.full((3,), 0.18), atol=1e-3, rtol=0.0)


def test_baselines_can_be_measured():
    pair = fabricate.pair(3)
    mean = MeanLight()
    mean.add(pair)
    for answer in (mean.predict(pair), frontal_light(pair)):
        assert all(torch.isfinite(value).all() for value in measure(answer, pair).values())
