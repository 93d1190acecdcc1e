"""Several faces, one light: the surer ones count more, and disagreement is told."""

from __future__ import annotations

import math

import pytest
import torch

from ftb.estimation.combine import combine_lights, combined_error_deg
from ftb.scene.lighting_ops import dominant
from ftb.types import Lighting


def lamp(azimuth_deg: float, irradiance: float = 1.0) -> Lighting:
    angle = math.radians(azimuth_deg)
    return Lighting(
        sh_coeffs=torch.zeros(9, 3),
        key_dirs=torch.tensor([[math.sin(angle), 0.0, math.cos(angle)]]),
        key_irradiance=torch.full((1, 3), irradiance),
        key_angular_radius=torch.tensor([0.1]),
    )


def azimuth(lighting: Lighting) -> float:
    x, _, z = dominant(lighting)[0].tolist()
    return math.degrees(math.atan2(x, z))


def test_one_that_agrees_with_itself() -> None:
    joined, angles = combine_lights([lamp(30.0), lamp(30.0)], [10.0, 20.0])
    torch.testing.assert_close(joined.key_dirs, lamp(30.0).key_dirs)
    torch.testing.assert_close(joined.key_irradiance, torch.ones(1, 3))
    assert angles == pytest.approx([0.0, 0.0], abs=1e-3)


def test_the_surer_face_counts_more() -> None:
    joined, angles = combine_lights([lamp(0.0), lamp(40.0)], [10.0, 20.0])
    # weights 1/100 and 1/400: four to one, as vectors
    expected = math.degrees(math.atan2(math.sin(math.radians(40.0)), 4.0 + math.cos(math.radians(40.0))))
    assert azimuth(joined) == pytest.approx(expected, abs=0.01)
    assert angles == pytest.approx([expected, 40.0 - expected], abs=0.01)


def test_one_face_that_sees_no_lamp_does_not_turn_it() -> None:
    joined, _ = combine_lights([lamp(20.0), lamp(90.0, irradiance=0.0)], [None, None])
    torch.testing.assert_close(joined.key_dirs, lamp(20.0).key_dirs, atol=1e-4, rtol=0)
    torch.testing.assert_close(joined.key_irradiance, torch.full((1, 3), 0.5))


def test_disagreement_is_part_of_the_expected_error() -> None:
    assert combined_error_deg([10.0, 10.0], [1.0, 1.0]) == pytest.approx(10.0)
    assert combined_error_deg([10.0, 10.0], [30.0, 30.0]) == pytest.approx(30.0)
    assert combined_error_deg([10.0, 30.0], [0.0, 0.0]) == pytest.approx(15.0)
    assert combined_error_deg([None, None], [5.0, 5.0]) is None
