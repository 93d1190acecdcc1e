"""The kernel that paints many lights against its readable twin, in float64 where sums are long."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from ftb.maths import sh
from ftb.maths.random import generator_for
from ftb.scene import lights_paint as paint
from ftb.scene.lights import KINDS, DrawnLight, LightConfig, draw_light, finished
from ftb.scene.lights_finish import finished_by_layers
from tests.scene.test_lights import environments_once, only

WHITE = (1.0, 1.0, 1.0)


def drawn(kind: str, count: int) -> list[DrawnLight]:
    """`count` lights of one kind."""
    streams = [generator_for(3, "finish", number, "light") for number in range(count)]
    return [draw_light(stream, environments_once(), only(kind))[0] for stream in streams]


def close(light: DrawnLight) -> None:
    """That the kernel and its twin agree on a light; rounding of sums over 2048 texels sets the scale."""
    found, expected = finished([light])[0], finished_by_layers(light)
    for name, value in vars(expected).items():
        scale = max(float(value.abs().max()), 1e-6)
        torch.testing.assert_close(getattr(found, name), value, atol=3e-5 * scale, rtol=0, msg=name)
    assert found.environment is not None
    exact = sh.project_environment(found.environment.double(), 4)
    torch.testing.assert_close(found.sh_coeffs.double(), exact, atol=3e-6 * float(exact[0].max()), rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_kernel_paints_what_its_twin_paints(kind: str) -> None:
    for light in drawn(kind, 12):
        close(light)


def test_more_lights_than_keys_are_painted_and_none_are_absent() -> None:
    colors = ((0.2, 0.2, 0.2), (3.0, 0.1, 0.1), (0.1, 2.0, 0.1), (0.3, 0.3, 1.0))
    towards = ((0.0, 0.0, 1.0), (0.6, 0.0, 0.8), (-0.6, 0.64, 0.48), (0.0, -1.0, 0.0))
    lamps = [paint.area_light(d, 0.05 + 0.05 * n, c) for n, (d, c) in enumerate(zip(towards, colors))]  # noqa: B905
    light = DrawnLight(parts=(paint.joined(*lamps), paint.joined(lamps[3])), shares=(0.7, 0.3))
    close(light)
    keys = finished([light]).key_dirs[0]
    torch.testing.assert_close(keys, torch.tensor([towards[2], towards[3]]))
    for dark in (paint.LightParts(), paint.LightParts(layers=(paint.constant((0.0, 0.0, 0.0)),))):
        black = finished([DrawnLight(parts=(dark,))])[0]
        assert float(black.key_irradiance.abs().max()) == float(black.environment.abs().max()) == 0.0
        torch.testing.assert_close(black.key_dirs, torch.tensor([[0.0, 0.0, 1.0]] * 2))
    close(DrawnLight(parts=(paint.LightParts(layers=(paint.constant(WHITE),)),)))


def test_a_light_has_the_same_bits_in_any_company() -> None:
    lights = [light for kind in KINDS for light in drawn(kind, 2)]
    together = finished(lights)
    for row, light in enumerate(lights):
        alone = finished([light])[0]
        for field in dataclasses.fields(alone):
            assert torch.equal(getattr(alone, field.name), getattr(together[row], field.name)), field.name


def test_drawing_alone_is_what_sampling_paints() -> None:
    light, kind = draw_light(generator_for(0, "a", 1, "light"), None, LightConfig())
    assert kind in KINDS
    assert sum(light.shares) == pytest.approx(1.0)
