"""Light turned, blended and drawn as a map: linear, and the same light on the ball."""

from __future__ import annotations

import math

import pytest
import torch

from ftb.maths import envmap, rotation, sh
from ftb.render.ball import render_ball
from ftb.scene.lighting_mix import blend, rotate, to_envmap
from ftb.types import Lighting


def _light(radius: float, *lead: int) -> Lighting:
    ambient = torch.zeros(*lead, 9, 3)
    ambient[..., 0, :] = 1.0
    return Lighting(
        sh_coeffs=ambient,
        key_dirs=torch.tensor([0.0, 0.6, 0.8]).expand(*lead, 1, 3),
        key_irradiance=torch.tensor([2.0, 1.0, 0.5]).expand(*lead, 1, 3),
        key_angular_radius=torch.full((*lead, 1), radius),
    )


@pytest.mark.parametrize("radius", [0.0, 0.01, 0.4])
@pytest.mark.parametrize("lead", [(), (2,)])
def test_one_map_holds_the_irradiance_of_environment_and_key(radius: float, lead: tuple[int, ...]) -> None:
    height = 64
    environment = to_envmap(_light(radius, *lead), height)
    cosines = (envmap.directions(height) @ torch.tensor([0.0, 0.6, 0.8])).clamp_min(0.0)
    received = (environment * (cosines * envmap.solid_angles(height))[..., None]).sum((-3, -2))
    # an even radiance 1 · Y₀ gives π · 0.282095
    expected = torch.tensor([2.0, 1.0, 0.5]) + math.pi * 0.28209479
    torch.testing.assert_close(received, expected.expand(*lead, 3), rtol=2e-3, atol=0.0)


def test_one_map_points_where_the_light_is() -> None:
    key = to_envmap(_light(0.05), 64) - 0.28209479
    direction, _ = sh.dominant_direction(sh.project_environment(key, 1))
    # a disc cut by texels is off its centre by a fraction of a texel, π/64
    torch.testing.assert_close(direction, torch.tensor([0.0, 0.6, 0.8]), rtol=0.0, atol=5e-3)


def _varied(seed: int, order: int = 2, height: int | None = None) -> Lighting:
    """One unbatched light; with a height, its environment is a map."""
    generator = torch.Generator().manual_seed(seed)
    coeffs = 0.05 * torch.randn((order + 1) ** 2, 3, generator=generator)
    coeffs[0] = 2.0
    environment = None
    if height is not None:
        environment = torch.rand(height, 2 * height, 3, generator=generator)
        coeffs = sh.project_environment(environment, order)
    return Lighting(
        sh_coeffs=coeffs,
        key_dirs=rotation.normalize(torch.randn(1, 3, generator=generator)),
        key_irradiance=torch.rand(1, 3, generator=generator),
        key_angular_radius=torch.full((1,), 0.05),
        environment=environment,
    )


def test_turning_takes_what_came_from_d_to_r_d() -> None:
    light = _varied(0, order=4)
    turn = rotation.rotation_about_axis(torch.tensor([0.3, 1.0, -0.2]), 0.8)
    turned = rotate(light, turn)
    dirs = rotation.normalize(torch.randn(20, 3, generator=torch.Generator().manual_seed(1)))
    after = sh.radiance_from_sh(turned.sh_coeffs, dirs @ turn.T)
    torch.testing.assert_close(after, sh.radiance_from_sh(light.sh_coeffs, dirs))
    torch.testing.assert_close(turned.key_dirs[0], turn @ light.key_dirs[0])


def test_a_quarter_turn_is_the_ball_seen_from_the_side() -> None:
    # about the viewing axis the picture of the ball turns as a picture does
    light = _varied(2, height=32)
    quarter = rotation.rotation_about_axis(torch.tensor([0.0, 0.0, 1.0]), math.pi / 2)
    before, after = render_ball(light, "gray", 32), render_ball(rotate(light, quarter), "gray", 32)
    # the map is resampled: bilinear blur of noise by half a texel
    torch.testing.assert_close(after, torch.rot90(before, 1, (0, 1)), atol=0.02, rtol=0)


@pytest.mark.parametrize("heights", [(None, None), (16, 16), (None, 16), (16, 32)])
def test_the_ball_of_a_blend_is_the_blend_of_the_balls(heights: tuple[int | None, int | None]) -> None:
    lights = [_varied(3, order=2, height=heights[0]), _varied(4, order=3, height=heights[1])]
    weights = (0.25, 2.0)
    joined = render_ball(blend(lights, weights), "matte", 24)
    each = [render_ball(light, "matte", 24) for light in lights]
    # a light of order 2 in a map of 16 rows is exact to about a percent
    torch.testing.assert_close(joined, 0.25 * each[0] + 2.0 * each[1], rtol=0.015, atol=1e-4)


def test_blends_are_checked() -> None:
    with pytest.raises(ValueError, match="expected one for each of 2 lights, got 1"):
        blend([_varied(0), _varied(1)], [1.0])
    with pytest.raises(ValueError, match="expected numbers >= 0, got -1"):
        blend([_varied(0)], [-1.0])
    for weight in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"expected numbers >= 0, got {weight}"):
            blend([_varied(0), _varied(1)], [1.0, weight])


@pytest.mark.parametrize("diagonal", [(1.0, 1.0, -1.0), (2.0, 2.0, 2.0), (1.0, 1.0, float("nan"))])
def test_only_rotations_turn(diagonal: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match=r"rotation: expected orthonormal rows and determinant 1"):
        rotate(_varied(0), torch.diag(torch.tensor(diagonal)))


def test_without_keys_the_map_is_the_environment() -> None:
    light = _varied(5, height=32)
    torch.testing.assert_close(to_envmap(light, 32, keys=False), light.environment)
    assert float((to_envmap(light, 32) - light.environment).max()) > 0.1
