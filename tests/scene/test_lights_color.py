"""Colours of light against the published chromaticities of black bodies."""

from __future__ import annotations

import pytest
import torch

from ftb.maths.color import luminance
from ftb.scene import lights_color
from ftb.scene.lights_draws import Draws


@pytest.mark.parametrize(
    ("kelvin", "x", "y"),
    # CIE 15: illuminant A is the black body of 2856 K; the others from Wyszecki and Stiles, table 1(3.3.8).
    [(2856.0, 0.4476, 0.4074), (4000.0, 0.3805, 0.3768), (6500.0, 0.3135, 0.3237), (10000.0, 0.2807, 0.2884)],
)
def test_planckian_locus(kelvin: float, x: float, y: float) -> None:
    xyz = lights_color.planckian_xyz(kelvin)
    # The fitted observer is within 0.003 of the tabulated one.
    assert xyz[0] / sum(xyz) == pytest.approx(x, abs=3e-3)
    assert xyz[1] / sum(xyz) == pytest.approx(y, abs=3e-3)


def test_the_table_is_the_locus() -> None:
    matrix = torch.tensor(lights_color._REC709_FROM_XYZ)
    for kelvin in (2100.0, 3333.0, 5500.0, 11111.0):
        color = matrix @ torch.tensor(lights_color.planckian_xyz(kelvin))
        expected = color.clamp_min(0.0) / luminance(color.clamp_min(0.0))
        torch.testing.assert_close(
            torch.tensor(lights_color.black_body_linear(kelvin)), expected, atol=2e-3, rtol=0
        )


def test_warm_is_red_and_cool_is_blue() -> None:
    warm, cool = lights_color.black_body_linear(2000.0), lights_color.black_body_linear(12000.0)
    assert warm[0] / max(warm[2], 1e-3) > 10.0
    assert cool[2] / cool[0] > 1.3
    assert lights_color.black_body_linear(100.0) == warm


def test_every_color_has_luminance_1() -> None:
    draws = Draws(torch.Generator().manual_seed(0), 1000)
    for _ in range(50):
        color = lights_color.draw_color(draws, (2000.0, 12000.0), 0.5)
        assert lights_color.level(color) == pytest.approx(1.0, abs=1e-9)
        assert min(color) >= 0.0
