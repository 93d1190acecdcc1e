"""Every photograph reaches the network at one exposure, and its answer scales back."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from ftb.maths import color
from ftb.nets.base import build_network
from ftb.nets.config import NetworkConfig
from ftb.nets.exposure import expose
from ftb.scene.lighting_ops import dominant


def photo(level: float, size: int = 64) -> torch.Tensor:
    """(1, 3, S, S), encoded: a smooth picture of mean linear level `level`, far from clipping."""
    ramp = torch.linspace(0.5, 1.5, size)
    linear = level * ramp[None, :] * ramp[:, None] * torch.tensor([1.0, 0.8, 0.6])[:, None, None]
    return color.srgb_from_linear(linear)[None]


def test_the_middle_has_the_stated_level():
    exposed, gain = expose(photo(0.05))
    luminance = color.luminance(color.linear_from_srgb(exposed).permute(0, 2, 3, 1))[0].double()
    centres = (torch.arange(64).double() + 0.5) / 32.0 - 1.0
    weight = torch.outer(1.0 - centres**2, 1.0 - centres**2)
    level = ((luminance**2 * weight).sum() / weight.sum()).sqrt()
    assert level.item() == pytest.approx(0.2, rel=1e-4)
    assert gain.shape == (1,)


def test_a_brighter_photograph_is_the_same_picture():
    dark, dark_gain = expose(photo(0.03))
    bright, bright_gain = expose(photo(0.12))
    assert_close(dark, bright, atol=1e-5, rtol=0.0)
    assert_close(dark_gain, 4.0 * bright_gain, rtol=1e-5, atol=0.0)


def test_black_is_finite():
    exposed, gain = expose(torch.zeros(1, 3, 32, 32))
    assert exposed.abs().max() == 0.0
    assert torch.isfinite(gain).all()


def test_the_network_answers_one_direction_at_any_exposure_and_scales_the_light():
    network = build_network(NetworkConfig()).eval()
    with torch.no_grad():
        dark, bright = network(photo(0.03)), network(photo(0.12))
    assert_close(dominant(dark.lighting)[0], dominant(bright.lighting)[0], atol=1e-3, rtol=0.0)
    for name in ("sh_coeffs", "key_irradiance"):
        assert_close(4.0 * getattr(dark.lighting, name), getattr(bright.lighting, name), rtol=1e-3, atol=1e-3)
    assert_close(4.0 * dark.residual_linear, bright.residual_linear, rtol=1e-2, atol=1e-4)
    lit = bright.ball_linear > 0.02
    # to within four times the knee of `physics.smooth_positive`, which keeps the dark side above 0
    assert_close(4.0 * dark.ball_linear[lit], bright.ball_linear[lit], rtol=1e-2, atol=1e-2)
