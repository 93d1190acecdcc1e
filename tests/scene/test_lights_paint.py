"""Painted lights against sums over the texels and sources of known shape."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ftb.maths import envmap
from ftb.maths.color import luminance
from ftb.scene import lights_paint as paint


def received(radiance: Tensor, direction: Tensor) -> Tensor:
    """(3,) irradiance facing `direction` of a painted map (2048, 3), by summing over texels."""
    dirs, solid_angles = envmap.directions(32).reshape(-1, 3), envmap.solid_angles(32).reshape(-1)
    return ((dirs @ direction).clamp_min(0.0) * solid_angles) @ radiance


@pytest.mark.parametrize("degrees", [0.2, 5.0, 15.0, 16.0, 40.0])
@pytest.mark.parametrize("direction", [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-0.6, -0.64, -0.48]])
def test_area_lights_put_their_irradiance(degrees: float, direction: list[float]) -> None:
    unit = torch.tensor(direction)
    irradiance = torch.tensor([1.0, 2.0, 3.0])
    parts = paint.area_light(unit, math.radians(degrees), irradiance)
    assert bool(parts.keys) == (degrees <= 15.0)
    total = received(parts.environment, unit) + sum(key.irradiance for key in parts.keys)
    torch.testing.assert_close(total, irradiance)
    torch.testing.assert_close(
        paint.facing_irradiance(parts)[0],
        received(parts.environment, torch.tensor([0.0, 0.0, 1.0]))
        + sum(key.irradiance * max(float(key.direction[2]), 0.0) for key in parts.keys),
        atol=1e-5,
        rtol=1e-5,
    )


def test_a_painted_cap_is_where_and_as_large_as_said() -> None:
    direction, radius = torch.tensor([1.0, 0.0, 0.0]), math.radians(30.0)
    coverage = paint.cap_coverage(direction, radius).reshape(32, 64)
    area = float((coverage * envmap.solid_angles(32)).sum())
    assert area == pytest.approx(math.tau * (1.0 - math.cos(radius)), rel=0.02)
    columns = coverage.sum(dim=0)
    assert float((columns * (torch.arange(64) + 0.5)).sum() / columns.sum()) == pytest.approx(16.0, abs=1e-3)


def test_a_panel_has_the_solid_angle_of_its_rectangle() -> None:
    width, height = math.tan(math.radians(35.0)), math.tan(math.radians(20.0))
    coverage = paint.panel_coverage(torch.tensor([0.0, 0, 1]), torch.tensor([1.0, 0, 0]), width, height)
    # Of a rectangle seen from before its centre (Khadjavi 1968).
    exact = 4.0 * math.asin(width * height / math.sqrt((1 + width**2) * (1 + height**2)))
    assert float((coverage * paint.grid().solid_angles).sum()) == pytest.approx(exact, rel=0.06)
    assert float(coverage[paint.grid().directions[:, 2] < 0].max()) == 0.0


def test_gradients_reach_their_colors() -> None:
    up = torch.tensor([0.0, 1.0, 0.0])
    colors = [torch.full((3,), value) for value in (0.1, 0.5, 2.0)]
    painted = paint.gradient(up, *colors).reshape(32, 64, 3)
    assert float(painted[0, 0, 0]) == pytest.approx(2.0, abs=0.01)
    assert float(painted[-1, 0, 0]) == pytest.approx(0.1, abs=0.01)
    assert float(painted[15:17].mean()) == pytest.approx(0.5, abs=0.03)


def test_joined_weighs_keys_and_environment() -> None:
    small = paint.area_light(torch.tensor([0.0, 1, 0]), 0.1, torch.ones(3))
    large = paint.area_light(torch.tensor([1.0, 0, 0]), 0.6, torch.ones(3))
    parts = paint.joined([small, large], [0.25, 3.0])
    torch.testing.assert_close(parts.environment, 3.0 * large.environment)
    torch.testing.assert_close(parts.keys[0].irradiance, torch.full((3,), 0.25))


def test_the_brightest_probe_is_found_without_asking_all() -> None:
    draw = torch.Generator().manual_seed(4)
    dark = paint.LightParts(environment=torch.zeros(2048, 3))
    even = paint.LightParts(environment=paint.constant(torch.ones(3)))
    rough = paint.LightParts(environment=torch.rand(2048, 3, generator=draw))
    lamp = paint.area_light(torch.tensor([0.6, -0.48, -0.64]), math.radians(3.0), torch.ones(3))
    for parts in (dark, even, rough, lamp, paint.joined([rough, lamp])):
        levels = luminance(paint.facing_irradiance(parts))
        assert paint.forward_and_most(parts) == (float(levels[0]), float(levels.max()))
