"""The physics inside the network: analytic values and gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch.testing import assert_close

from ftb.nets import physics
from ftb.nets.lighting_head import lighting_from_raw, softplus_from
from ftb.types import Lighting
from tests.losses import fabricate


def light(sh_l0: float, key: float, dtype: torch.dtype = torch.float64) -> Lighting:
    sh_coeffs = torch.zeros(1, 9, 3, dtype=dtype)
    sh_coeffs[:, 0] = sh_l0
    return Lighting(
        sh_coeffs=sh_coeffs,
        key_dirs=torch.tensor([[[0.0, 0.0, 1.0]]], dtype=dtype),
        key_irradiance=torch.full((1, 1, 3), key, dtype=dtype),
        key_angular_radius=torch.zeros(1, 1, dtype=dtype),
    )


def test_white_furnace_ball_is_its_albedo():
    normals, disc = physics.ball_geometry(16)
    ball = physics.diffuse_ball(light(math.sqrt(4 * math.pi), 0.0, torch.float32), normals, disc)
    assert_close(ball[0], torch.full((16, 16, 3), 0.18) * disc[..., None])


def test_ball_under_frontal_key_light_is_a_cosine():
    normals, disc = physics.ball_geometry(16)
    ball = physics.diffuse_ball(light(0.0, math.pi, torch.float32), normals, disc)
    assert_close(ball[0, ..., 0], 0.18 * normals[..., 2] * disc)


def test_ball_geometry_is_unit_everywhere():
    normals, disc = physics.ball_geometry(16)
    assert_close(normals.norm(dim=-1), torch.ones(16, 16))
    assert set(disc.unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize(
    ("l0", "key", "expected"), [(math.sqrt(4 * math.pi), 0.0, 1.0), (0.0, 4 * math.pi, 1.0)]
)
def test_light_level_is_the_mean_radiance(l0: float, key: float, expected: float):
    assert_close(physics.light_level(light(l0, key)).item(), expected)


def test_smooth_positive_is_positive_and_close_to_the_identity():
    value = torch.tensor([-1e4, -1.0, 0.0, 1.0, 1e4], requires_grad=True)
    result = physics.smooth_positive(value)
    assert (result > 0).all()
    assert_close(result[2].item(), 0.002)
    assert_close(result[3:], value.detach()[3:], atol=1e-5, rtol=1e-5)
    result.sum().backward()
    assert torch.isfinite(value.grad).all()
    assert (value.grad[1:] > 0).all()


def test_raw_zero_is_the_mean_light():
    start = lighting_from_raw(torch.zeros(1, 33, dtype=torch.float64))
    assert_close(start.sh_coeffs[0, 0], torch.full((3,), 1.8, dtype=torch.float64))
    assert_close(start.sh_coeffs[0, 1:], torch.zeros(8, 3, dtype=torch.float64))
    assert_close(start.key_irradiance[0, 0], torch.full((3,), 1.3, dtype=torch.float64))
    assert start.key_dirs[0, 0, 2] > 0.9


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_any_raw_number_is_a_possible_light(scale: float):
    raw = scale * torch.randn(64, 33, generator=torch.Generator().manual_seed(0))
    made = lighting_from_raw(raw)
    assert_close(made.key_dirs.norm(dim=-1), torch.ones(64, 1))
    assert (made.key_irradiance >= 0).all()
    assert (made.sh_coeffs[:, 0] >= 0).all()
    assert torch.isfinite(made.sh_coeffs).all()


def test_brightness_does_not_turn_the_environment():
    """Raising the raw level scales all coefficients of a channel together."""
    raw = torch.randn(1, 33, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    brighter = raw.clone()
    brighter[:, :3] += 2.0
    ratio = lighting_from_raw(brighter).sh_coeffs / lighting_from_raw(raw).sh_coeffs
    assert_close(ratio, ratio[:, :1].expand_as(ratio))
    assert (ratio > 1.5).all()


@pytest.mark.parametrize(("start", "scale"), [(1.8, 1.0), (25.0, 25.0)])
def test_softplus_from_starts_where_asked(start: float, scale: float):
    assert_close(softplus_from(torch.zeros((), dtype=torch.float64), start, scale).item(), start)


def test_gradients_agree_with_finite_differences():
    generator = torch.Generator().manual_seed(0)
    raw = 0.3 * torch.randn(1, 33, generator=generator, dtype=torch.float64)
    normals = fabricate.pair(1, size=16).normals[:, 6:8, 6:8].double()
    albedo = torch.rand(1, 2, 2, 3, generator=generator, dtype=torch.float64)
    ball_normals, disc = (x.double() for x in physics.ball_geometry(2))

    def render(raw, normals, albedo):
        made = lighting_from_raw(raw)
        face = physics.diffuse_radiance(albedo, physics.irradiance_image(made, normals))
        return face, physics.smooth_positive(physics.diffuse_ball(made, ball_normals, disc))

    inputs = tuple(x.clone().requires_grad_() for x in (raw, normals, albedo))
    assert torch.autograd.gradcheck(render, inputs)
