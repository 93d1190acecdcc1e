"""The compass: centre for light from the camera, inner ring for light from a side, rim for light behind."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree

import pytest
import torch

from ftb.estimation.compass import compass_svg, place_on_disc
from ftb.types import Lighting


@pytest.mark.parametrize(
    ("direction", "place"),
    [
        ([0.0, 0.0, 1.0], (0.0, 0.0)),
        ([1.0, 0.0, 0.0], (0.5, 0.0)),
        ([0.0, 1.0, 0.0], (0.0, -0.5)),
        ([-math.sin(2.0), 0.0, math.cos(2.0)], (-2.0 / math.pi, 0.0)),
        ([0.0, 0.0, -1.0], (0.0, -1.0)),
    ],
)
def test_places(direction: list[float], place: tuple[float, float]) -> None:
    assert place_on_disc(direction) == pytest.approx(place, abs=1e-6)


def test_it_is_well_formed_and_says_what_it_shows() -> None:
    lamp = Lighting(
        sh_coeffs=torch.zeros(9, 3),
        key_dirs=torch.tensor([[math.sqrt(0.5), 0.0, math.sqrt(0.5)]]),
        key_irradiance=torch.ones(1, 3),
        key_angular_radius=torch.zeros(1),
    )
    svg = ElementTree.fromstring(compass_svg(lamp, 12.0))
    assert svg.attrib["aria-label"].startswith("light from 45° right, 0° up, ± 12°")
    marks = [part for part in svg.iter("circle") if part.attrib.get("fill") == "#ffb300"]
    # an eighth of a turn off the axis is half of the way to the inner ring
    assert {float(mark.attrib["cx"]) for mark in marks} == {150.0 + 118.0 * 0.25}
    even = Lighting(
        sh_coeffs=torch.tensor([[1.0] * 3] + [[0.0] * 3] * 8),
        key_dirs=torch.zeros(0, 3), key_irradiance=torch.zeros(0, 3), key_angular_radius=torch.zeros(0),
    )  # fmt: skip
    assert "no direction stands out" in compass_svg(even)
    assert "#ffb300" not in compass_svg(even)
