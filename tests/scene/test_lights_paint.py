"""Painted lights against sums over the texels and sources of known shape."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import Tensor

from ftb.maths import envmap
from ftb.scene import lights_paint as paint
from ftb.scene.lights_color import Triple


def received(radiance: Tensor, direction: Tensor) -> Tensor:
    """(3,) irradiance facing `direction` of a painted map (2048, 3), by summing over texels."""
    dirs, solid_angles = envmap.directions(32).reshape(-1, 3), envmap.solid_angles(32).reshape(-1)
    return ((dirs @ direction).clamp_min(0.0) * solid_angles) @ radiance


@pytest.mark.parametrize("degrees", [0.2, 5.0, 15.0, 16.0, 40.0])
@pytest.mark.parametrize("direction", [(0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (-0.6, -0.64, -0.48)])
def test_area_lights_put_their_irradiance(degrees: float, direction: Triple) -> None:
    parts = paint.area_light(direction, math.radians(degrees), (1.0, 2.0, 3.0))
    assert bool(parts.keys) == (degrees <= 15.0)
    environment = parts.environment()
    keys = [torch.tensor(key.irradiance) for key in parts.keys]
    total = received(environment, torch.tensor(direction)) + sum(keys)
    torch.testing.assert_close(total, torch.tensor([1.0, 2.0, 3.0]))
    torch.testing.assert_close(
        paint.facing_irradiance(parts)[0],
        received(environment, torch.tensor([0.0, 0.0, 1.0])) + sum(keys) * max(direction[2], 0.0),
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
    below, level, above = ((value, value, value) for value in (0.1, 0.5, 2.0))
    painted = paint.Gradient(below=below, level=level, above=above).radiance().reshape(32, 64, 3)
    assert float(painted[0, 0, 0]) == pytest.approx(2.0, abs=0.01)
    assert float(painted[-1, 0, 0]) == pytest.approx(0.1, abs=0.01)
    assert float(painted[15:17].mean()) == pytest.approx(0.5, abs=0.03)


def test_a_patch_changes_its_own_place_alone() -> None:
    patch = paint.Patch(direction=(1.0, 0.0, 0.0), radius=0.6, amount=-0.5, edge=0.1)
    painted = dataclasses.replace(paint.constant((1.0, 1.0, 1.0)), patch=patch).radiance()
    towards = paint.grid().directions[:, 0]
    assert float(painted[towards > math.cos(0.5)].max()) == pytest.approx(0.5)
    assert float(painted[towards < math.cos(0.7)].min()) == 1.0


@pytest.mark.parametrize(
    "layer",
    [
        paint.Gradient(below=(0.1, 0.2, 0.3), level=(1.0, 0.5, 0.2), above=(2.0, 3.0, 4.0)),
        paint.Cap(direction=(0.0, 0.6, 0.8), irradiance=(1.0, 2.0, 3.0), radius=0.3),
        paint.Panel(
            direction=(0.0, 0.0, 1.0),
            irradiance=(1.0, 2.0, 3.0),
            right=(1.0, 0.0, 0.0),
            half_width=0.5,
            half_height=0.3,
            rise=0.4,
        ),
        paint.Picture(planes=torch.rand(3, 2048, generator=torch.Generator().manual_seed(1))),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_layers_are_linear_in_their_light(layer: paint.Layer) -> None:
    torch.testing.assert_close(layer.weighted(0.25).radiance(), 0.25 * layer.radiance())


def test_joined_keeps_layers_and_keys() -> None:
    small = paint.area_light((0.0, 1.0, 0.0), 0.1, (1.0, 1.0, 1.0))
    large = paint.area_light((1.0, 0.0, 0.0), 0.6, (1.0, 1.0, 1.0))
    parts = paint.joined(small, large)
    assert parts.keys == small.keys
    torch.testing.assert_close(parts.environment(), large.environment())
