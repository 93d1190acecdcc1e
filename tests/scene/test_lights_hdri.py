"""Key lights lifted out of maps: place, size and energy; and maps that turn as a whole."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ftb.maths import envmap, sh
from ftb.scene import lights_hdri
from ftb.scene.lights_config import LightConfig
from ftb.scene.lights_draws import Draws


def lamp(direction: Tensor, radius: float, radiance: float, height: int = 128) -> Tensor:
    """A disc (H, 2H, 3) of radiance around a direction, its edge a texel soft."""
    angles = torch.acos((envmap.directions(height) @ direction).clamp(-1.0, 1.0))
    return (((radius - angles) * height / math.pi + 0.5).clamp(0.0, 1.0) * radiance)[..., None].expand(
        -1, -1, 3
    )


def flux(environment: Tensor) -> Tensor:
    """(3,) Σ L dΩ."""
    return (environment * envmap.solid_angles(environment.shape[0])[..., None]).sum(dim=(0, 1))


@pytest.mark.parametrize("degrees", [3.0, 8.0, 13.0])
@pytest.mark.parametrize(
    "direction", [[0.0, 0.6, 0.8], [0.6, 0.0, -0.8], [0.05, 0.999, 0.0], [-1.0, 0.1, 0.0]]
)
def test_a_lamp_is_lifted(degrees: float, direction: list[float]) -> None:
    unit = torch.nn.functional.normalize(torch.tensor(direction), dim=0)
    radius = math.radians(degrees)
    room = 0.2 + 0.1 * envmap.directions(128)[..., 1:2].expand(-1, -1, 3)
    prepared = lights_hdri.prepare_environment(room + lamp(unit, radius, 60.0))
    assert len(prepared.keys) == 1
    key = prepared.keys[0]
    assert math.degrees(math.acos(min(float(torch.tensor(key.direction) @ unit), 1.0))) < 1.0
    assert math.degrees(key.radius) == pytest.approx(degrees, abs=1.5)
    assert float(key.irradiance[0]) == pytest.approx(60.0 * math.pi * math.sin(radius) ** 2, rel=0.1)
    # What stays is the room.
    torch.testing.assert_close(prepared.residual, envmap.resize(room, 32), atol=0.05, rtol=0)


@pytest.mark.parametrize("degrees", [2.0, 5.0, 12.0])
def test_energy_is_kept(degrees: float, generator: torch.Generator) -> None:
    unit = torch.tensor([0.48, 0.6, 0.64])
    room = torch.rand(64, 128, 3, generator=generator)
    environment = room + lamp(unit, math.radians(degrees), 300.0, 64) * torch.tensor([1.0, 0.7, 0.3])
    prepared = lights_hdri.prepare_environment(environment)
    assert prepared.keys
    lifted = sum(torch.tensor(key.irradiance) / (0.5 * (1.0 + math.cos(key.radius))) for key in prepared.keys)
    torch.testing.assert_close(flux(prepared.residual) + lifted, flux(environment), atol=0, rtol=1e-4)
    assert float(prepared.residual.min()) >= 0.0


def test_two_lamps() -> None:
    dirs = [torch.tensor([0.6, 0.0, 0.8]), torch.tensor([-0.6, 0.8, 0.0])]
    environment = 0.05 + lamp(dirs[0], 0.08, 100.0) + lamp(dirs[1], 0.08, 60.0)
    prepared = lights_hdri.prepare_environment(environment)
    assert len(prepared.keys) == 2
    for key, unit in zip(prepared.keys, dirs, strict=True):
        assert float(torch.tensor(key.direction) @ unit) > 0.999


@pytest.mark.parametrize(
    "environment",
    [
        torch.ones(64, 128, 3),
        torch.zeros(32, 64, 3),
        0.5 + lamp(torch.tensor([0.0, 0.6, 0.8]), math.radians(40.0), 5.0),  # a large window
        1.0 + lamp(torch.tensor([0.0, 0.6, 0.8]), math.radians(2.0), 20.0),  # hardly any of the light
    ],
    ids=["constant", "black", "large", "weak"],
)
def test_nothing_is_lifted(environment: Tensor) -> None:
    prepared = lights_hdri.prepare_environment(environment)
    assert prepared.keys == ()
    torch.testing.assert_close(prepared.residual, envmap.resize(environment, 32))


def test_map_and_keys_turn_together() -> None:
    # The lamp stands in the middle of a broad glow: wherever they turn, the glow stays around the lamp.
    unit = torch.tensor([0.0, 0.6, 0.8])
    glow = (envmap.directions(64) @ unit).clamp_min(0.0)[..., None].expand(-1, -1, 3)
    prepared = lights_hdri.prepare_environment(0.1 + glow + lamp(unit, 0.05, 300.0, 64))
    draws = Draws(torch.Generator().manual_seed(0), 4000)
    turned_to = []
    for _ in range(20):
        parts = lights_hdri.hdri(draws, [prepared], LightConfig())
        coeffs = sh.project_environment(parts.environment().reshape(32, 64, 3), 2)
        centre, _ = sh.dominant_direction(coeffs)
        assert float(centre @ torch.tensor(parts.keys[0].direction)) > 0.998
        turned_to.append(torch.tensor(parts.keys[0].direction))
    azimuths = torch.stack([torch.atan2(d[0], d[2]) for d in turned_to])
    assert float(azimuths.max() - azimuths.min()) > math.pi
    heights = torch.stack(turned_to)[:, 1].asin().rad2deg()
    # Turned about the vertical, tilted a little.
    assert float((heights - 36.9).abs().max()) < 30.0


def test_turning_keeps_energy() -> None:
    unit = torch.tensor([0.0, 0.6, 0.8])
    prepared = lights_hdri.prepare_environment(0.1 + lamp(unit, 0.5, 3.0, 64))
    draws = Draws(torch.Generator().manual_seed(1), 400)
    parts = lights_hdri.hdri(draws, [prepared], LightConfig(tint=0.0))
    torch.testing.assert_close(
        flux(parts.environment().reshape(32, 64, 3)), flux(prepared.residual), atol=0, rtol=0.02
    )
