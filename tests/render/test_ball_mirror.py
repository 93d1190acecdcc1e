"""The mirror ball: lookups, and key lights that keep their energy at any size."""

from __future__ import annotations

import math

import pytest
import torch

from ftb.maths import envmap, sphere
from ftb.render.ball import render_ball
from ftb.render.ball_transport import bilinear_taps, looked_up
from ftb.types import Lighting


def key_in_the_dark(direction: list[float], degrees: float, irradiance: float = 1.0) -> Lighting:
    """One key light and nothing else."""
    unit = torch.nn.functional.normalize(torch.tensor([direction]), dim=-1)
    return Lighting(
        sh_coeffs=torch.zeros(9, 3),
        key_dirs=unit,
        key_irradiance=torch.full((1, 3), irradiance),
        key_angular_radius=torch.tensor([math.radians(degrees)]),
    )


def test_lookups_are_those_of_the_map(generator: torch.Generator) -> None:
    environment = torch.rand(16, 32, 3, generator=generator)
    poles = torch.tensor([[0.0, 1, 0], [0, -1, 0], [0, 0, -1], [1e-4, 1, 0], [-1e-4, 0, -1]])
    dirs = torch.cat([sphere.fibonacci_directions(500), torch.nn.functional.normalize(poles, dim=-1)])
    value = looked_up(environment.flatten(0, 1), bilinear_taps(dirs, 16))
    torch.testing.assert_close(value, envmap.sample(environment, dirs), atol=1e-5, rtol=1e-4)


def test_shows_the_reflected_direction(generator: torch.Generator) -> None:
    # Of a smooth map, so that a pixel's mean is its centre's value.
    environment = envmap.directions(64) * 0.5 + 0.5
    light = key_in_the_dark([0.0, 0.0, 1.0], 1.0, 0.0)
    light = Lighting(**{**vars(light), "environment": environment})
    value = render_ball(light, "mirror", 200)
    normals, mask = sphere.ball_normals(200)
    reflected = 2.0 * normals[..., 2:] * normals - torch.tensor([0.0, 0.0, 1.0])
    inside = normals[..., 2] > 0.2
    torch.testing.assert_close(value[inside], (reflected * 0.5 + 0.5)[inside], atol=5e-3, rtol=0)
    assert not value[~mask].any()


@pytest.mark.parametrize("size", [16, 64, 128, 300])
@pytest.mark.parametrize("degrees", [0.2, 2.0, 15.0])
@pytest.mark.parametrize(
    "direction", [[0.3, 0.2, 0.9], [1.0, 0.5, 0.0], [0.5, -0.3, -0.8], [0.05, 0.1, -1.0]]
)
def test_key_lights_keep_their_energy(size: int, degrees: float, direction: list[float]) -> None:
    # The orthographic mirror ball shows 4 steradian per unit of its disc's area, and radiance times the
    # disc's solid angle is irradiance over its mean cosine.
    value = render_ball(key_in_the_dark(direction, degrees), "mirror", size)[..., 0]
    shown = float(value.sum()) * 4.0 * (2.0 / size) ** 2
    assert shown == pytest.approx(2.0 / (1.0 + math.cos(math.radians(degrees))), rel=1e-3)


def test_a_large_disc_has_its_radiance_and_place() -> None:
    radius = math.radians(12.0)
    value = render_ball(key_in_the_dark([1.0, 0.0, 1.0], 12.0, 2.0), "mirror", 256)[..., 0]
    # The half vector of +Z and the light is where its image lies.
    x = math.sin(math.pi / 8.0)
    column = int((x + 1.0) * 128)
    assert float(value[128, column]) == pytest.approx(2.0 / (math.pi * math.sin(radius) ** 2), rel=0.02)
    rows, columns = (value > 0).nonzero().float().unbind(1)
    assert float(rows.mean()) == pytest.approx(127.5, abs=0.5)
    assert float(columns.mean()) == pytest.approx((x + 1.0) * 128, abs=2.0)


def test_a_small_light_does_not_flicker() -> None:
    peaks = []
    for step in range(40):
        angle = 0.3 + 0.002 * step  # moves by a fraction of a pixel each
        value = render_ball(key_in_the_dark([math.sin(angle), 0.1, math.cos(angle)], 0.2), "mirror", 64)
        peaks.append(float(value.max()))
    # A pixel's mean of a point would change fourfold, from one pixel to the corner of four.
    assert max(peaks) < 1.8 * min(peaks)


def test_a_light_right_behind_is_finite() -> None:
    value = render_ball(key_in_the_dark([0.0, 0.0, -1.0], 0.2), "mirror", 64)
    assert bool(torch.isfinite(value).all())
