"""The framing rule: centre, side and roll of a face, whatever way it is turned."""

from __future__ import annotations

import math

import pytest
import torch

from ftb.maths import rotation
from ftb.scene.framing import CROP_OVER_EYES_TO_MOUTH, face_square

# Eyes, nose, mouth of a plain head, metres, origin between eyes and mouth: as far apart as high.
HEAD = torch.tensor(
    [
        [-0.032, 0.032, 0.0],
        [0.032, 0.032, 0.0],
        [0.0, -0.005, 0.03],
        [-0.025, -0.032, 0.0],
        [0.025, -0.032, 0.0],
    ]
)


def square(yaw: float, pitch: float, roll: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    angles = [torch.tensor(math.radians(angle)) for angle in (yaw, pitch, roll)]
    return face_square((HEAD @ rotation.from_yaw_pitch_roll(*angles).T)[:, :2])


def test_a_frontal_face() -> None:
    centre, side, roll = square(0.0, 0.0, 0.0)
    torch.testing.assert_close(centre, torch.zeros(2), atol=1e-6, rtol=0)
    assert float(side) == pytest.approx(CROP_OVER_EYES_TO_MOUTH * 0.064)
    assert float(roll) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("roll", [-120.0, -20.0, 5.0, 90.0, 170.0])
@pytest.mark.parametrize(("yaw", "pitch"), [(0.0, 0.0), (25.0, 10.0), (-30.0, -15.0)])
def test_roll_is_that_of_the_training_frame(yaw: float, pitch: float, roll: float) -> None:
    # the sampler rolls the head first: turned and bowed, its eyes stay level to a few degrees
    seen = math.degrees(float(square(yaw, pitch, roll)[2])) if yaw == 0.0 else None
    level = math.degrees(float(square(yaw, pitch, 0.0)[2]))
    assert abs(level) < 1e-3
    if seen is not None:
        assert abs((seen - roll + 180.0) % 360.0 - 180.0) < 1e-3


def test_bowing_zooms_in_only_so_far() -> None:
    upright = float(square(0.0, 0.0, 0.0)[1])
    assert float(square(0.0, 30.0, 0.0)[1]) == pytest.approx(upright * math.cos(math.radians(30.0)), rel=1e-3)
    assert float(square(0.0, 80.0, 0.0)[1]) == pytest.approx(0.5 * upright, rel=1e-3)


def test_a_profile_is_levelled_by_its_height() -> None:
    profile = square(89.9, 0.0, 0.0)
    assert abs(math.degrees(float(profile[2]))) < 1.0
    assert float(profile[1]) == pytest.approx(CROP_OVER_EYES_TO_MOUTH * 0.064, rel=1e-3)
