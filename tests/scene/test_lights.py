"""Random light: valid, on one scale, repeatable, and from everywhere."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter

import pytest
import torch
from torch import Tensor

from ftb.maths import envmap, sh, sphere
from ftb.maths.color import luminance
from ftb.scene.lights import (
    KEY_LIGHTS,
    KINDS,
    Environment,
    LightConfig,
    LightShares,
    prepare_environment,
    sample_lighting,
)
from ftb.scene.lights_draws import Draws
from ftb.types import Lighting

ONLY = dict.fromkeys((field.name for field in dataclasses.fields(LightShares)), 0.0)


def environments() -> list[Environment]:
    """Two maps: a small sun in blue, and a warm wall."""
    blue = torch.tensor([0.2, 0.4, 1.0]).expand(32, 64, 3).clone()
    blue[6, 20] = 400.0
    wall = torch.full((32, 64, 3), 0.1)
    wall[8:24, 10:30] = torch.tensor([2.0, 1.5, 1.0])
    return [prepare_environment(blue), prepare_environment(wall)]


def only(kind: str) -> LightConfig:
    """A configuration that draws one kind, hdri by a share so large that nothing else is drawn."""
    shares = {**ONLY, "one_light": 1e-9, kind: 1.0}
    return LightConfig(shares=LightShares(**shares))


def sampled(kind: str, count: int, seed: int = 0) -> list[Lighting]:
    """`count` lights of one kind."""
    generator = torch.Generator().manual_seed(seed)
    lights = []
    for _ in range(count):
        light, drawn = sample_lighting(generator, environments_once(), only(kind))
        assert drawn == kind
        lights.append(light)
    return lights


_PREPARED: list[Environment] = []


def environments_once() -> list[Environment]:
    """`environments()`, prepared once."""
    if not _PREPARED:
        _PREPARED.extend(environments())
    return _PREPARED


def irradiance_everywhere(light: Lighting) -> tuple[Tensor, Tensor]:
    """Luminance of the irradiance facing the camera, and at 2,000 normals, by summing over texels."""
    environment = light.environment
    assert environment is not None
    dirs, solid_angles = envmap.directions(32).reshape(-1, 3), envmap.solid_angles(32).reshape(-1)
    normals = torch.cat([torch.tensor([[0.0, 0.0, 1.0]]), sphere.fibonacci_directions(2000)])
    total = ((normals @ dirs.T).clamp_min(0.0) * solid_angles) @ environment.reshape(-1, 3)
    total = total + (normals @ light.key_dirs.T).clamp_min(0.0) @ light.key_irradiance
    return luminance(total)[0], luminance(total)


@pytest.mark.parametrize("kind", KINDS)
def test_valid(kind: str) -> None:
    for light in sampled(kind, 12):
        assert light.environment is not None
        assert light.environment.shape == (32, 64, 3)
        assert light.sh_coeffs.shape == (25, 3)
        assert light.key_dirs.shape == light.key_irradiance.shape == (KEY_LIGHTS, 3)
        assert light.key_angular_radius.shape == (KEY_LIGHTS,)
        for value in (light.environment, light.key_irradiance, light.key_angular_radius):
            assert value.dtype == torch.float32
            assert bool(torch.isfinite(value).all())
            assert float(value.min()) >= 0.0
        torch.testing.assert_close(light.key_dirs.norm(dim=-1), torch.ones(KEY_LIGHTS), atol=1e-5, rtol=0)
        present = light.key_irradiance.sum(dim=-1) > 0.0
        degrees = light.key_angular_radius.rad2deg()
        assert bool(((degrees >= 0.19) & (degrees <= 15.01))[present].all())
        torch.testing.assert_close(
            light.key_dirs[~present], torch.tensor([[0.0, 0, 1]]).expand(2, 3)[: (~present).sum()]
        )


@pytest.mark.parametrize("kind", KINDS)
def test_one_scale(kind: str) -> None:
    for light in sampled(kind, 6, seed=1):
        facing, everywhere = irradiance_everywhere(light)
        mean = 0.5 * (facing + everywhere.max())
        # The library looks for the largest at 128 directions only.
        assert float(mean) == pytest.approx(math.pi, rel=0.03)


@pytest.mark.parametrize("kind", KINDS)
def test_harmonics_are_those_of_the_environment(kind: str) -> None:
    light = sampled(kind, 1, seed=2)[0]
    assert light.environment is not None
    dirs, solid_angles = envmap.directions(32), envmap.solid_angles(32)
    summed = torch.einsum("hwk,hw,hwc->kc", sh.evaluate(dirs, 4), solid_angles, light.environment)
    torch.testing.assert_close(light.sh_coeffs, summed, atol=0.01 * float(summed.abs().max()), rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_repeatable_and_advances_equally(kind: str) -> None:
    first, second = torch.Generator().manual_seed(5), torch.Generator().manual_seed(5)
    one, _ = sample_lighting(first, environments_once(), only(kind))
    two, _ = sample_lighting(second, environments_once(), only(kind))
    for name, value in vars(one).items():
        assert torch.equal(value, vars(two)[name]), name
    sample_lighting(second, None, only("sky"))
    sample_lighting(first, None, only("softboxes"))
    assert torch.equal(torch.rand(1, generator=first), torch.rand(1, generator=second))


def test_shares() -> None:
    generator = torch.Generator().manual_seed(0)
    config = LightConfig(shares=LightShares(**{**ONLY, "sky": 1.0, "window": 3.0, "hdri": 4.0}))
    drawn = Counter(sample_lighting(generator, environments_once(), config)[1] for _ in range(400))
    assert set(drawn) == {"sky", "window", "hdri"}
    assert drawn["hdri"] == pytest.approx(200, abs=40)
    assert drawn["window"] == pytest.approx(150, abs=40)
    without = Counter(sample_lighting(generator, None, config)[1] for _ in range(100))
    assert set(without) == {"sky", "window"}


def test_every_kind_has_its_share() -> None:
    assert {field.name for field in dataclasses.fields(LightShares)} == set(KINDS)


def test_light_comes_from_everywhere() -> None:
    lights = sampled("flash_in_dark", 150) + sampled("one_light", 50)
    dirs = torch.stack([light.key_dirs[light.key_irradiance.sum(dim=-1).argmax()] for light in lights])
    off_axis = dirs[:, 2].acos().rad2deg()
    assert float(off_axis.max()) > 120.0
    assert float(off_axis.max()) <= 130.01
    for share, condition in ((0.15, off_axis > 90.0), (0.15, dirs[:, 1] < -0.1), (0.3, dirs[:, 0] > 0)):
        assert float(condition.float().mean()) > share
    skies = torch.stack([sh.dominant_direction(light.sh_coeffs)[0] for light in sampled("sky", 40)])
    assert float((skies[:, 1] > 0).float().mean()) > 0.9


def test_a_flash_in_the_dark_is_nearly_alone() -> None:
    for light in sampled("flash_in_dark", 20):
        assert light.environment is not None
        ambient = float(luminance(light.environment).mean()) * math.pi
        assert ambient < 0.05 * float(luminance(light.key_irradiance).max())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"radius_deg": (3.0, 1.0)}, "light.radius_deg"),
        ({"kelvin": (500.0, 9000.0)}, "light.kelvin"),
        ({"gel_share": 1.5}, "light.gel_share"),
        ({"max_off_axis_deg": 0.0}, "light.max_off_axis_deg"),
        ({"tilt_deg": -1.0}, "light.tilt_deg"),
        ({"tint": float("nan")}, "light.tint"),
    ],
)
def test_wrong_configuration(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(LightConfig(), **change)


@pytest.mark.parametrize("shares", [{"sky": -1.0}, {"sky": float("nan")}, ONLY, {**ONLY, "hdri": 1.0}])
def test_wrong_shares(shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"light\.shares"):
        LightShares(**shares)


def test_draws_follow_their_distributions() -> None:
    generator = torch.Generator().manual_seed(0)
    draws = Draws(generator, 40_000)
    assert sum(draws.uniform(2.0, 4.0) for _ in range(5000)) / 5000 == pytest.approx(3.0, abs=0.03)
    logs = [math.log10(draws.log_uniform(0.01, 100.0)) for _ in range(5000)]
    assert sum(logs) / 5000 == pytest.approx(0.0, abs=0.06)
    normals = [draws.normal(2.0) for _ in range(5000)]
    assert sum(value**2 for value in normals) / 5000 == pytest.approx(4.0, rel=0.08)
    assert max(map(abs, normals)) <= 6.0
    counts = Counter(draws.index((1.0, 0.0, 3.0)) for _ in range(4000))
    assert set(counts) == {0, 2}
    assert counts[2] / 4000 == pytest.approx(0.75, abs=0.03)
    assert sum(draws.chance(0.2) for _ in range(4000)) / 4000 == pytest.approx(0.2, abs=0.03)
