"""The estimator: every kind of input, and a turned photograph's light turned as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from ftb.data.face_doubts import Doubt
from ftb.data.face_landmarks import landmarks_in
from ftb.data.faces import find_faces
from ftb.estimation.estimator import Estimator, joined
from ftb.maths import rotation
from ftb.metrics.baselines import frontal_light
from ftb.scene.landmarks import MEAN_LANDMARKS, mirror_landmarks
from ftb.types import LightAnswer, Prediction, concatenate
from tests.losses import fabricate
from tests.tiny import tiny_checkpoint


@pytest.fixture(scope="module")
def estimator(tmp_path_factory: pytest.TempPathFactory) -> Estimator:
    return Estimator.load(tiny_checkpoint(tmp_path_factory.mktemp("tiny")), device="cpu")


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return data.astronaut()


def test_files_arrays_and_lists_agree(estimator: Estimator, astronaut: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(astronaut).save(tmp_path / "a.png")
    file = estimator.estimate(tmp_path / "a.png")
    photos = [str(tmp_path / "a.png"), astronaut, torch.from_numpy(astronaut), astronaut / 255.0]
    lights = estimator.estimate([*photos, Image.fromarray(astronaut)])
    assert len(lights) == 5
    for light in lights:
        torch.testing.assert_close(light.sh_coeffs, file.sh_coeffs)
        torch.testing.assert_close(light.key_dirs, file.key_dirs)


@pytest.mark.parametrize("degrees", [30, 90, 180, -120])
def test_a_turned_photograph_is_the_same_crop_turned(
    estimator: Estimator, astronaut: np.ndarray, degrees: int
) -> None:
    turned = np.asarray(Image.fromarray(astronaut).rotate(degrees, resample=Image.Resampling.BICUBIC))
    _, (upright,), _ = estimator.framed(astronaut)
    _, (crop,), _ = estimator.framed(turned)
    # a picture turned counter-clockwise is a camera rolled, so everything in it turns about +Z
    turn = rotation.rotation_about_axis(torch.tensor([0.0, 0.0, 1.0]), np.radians(degrees))
    between = crop.photo_from_crop @ (turn @ upright.photo_from_crop).T
    # landmarks are good to a few degrees
    assert float(torch.rad2deg(torch.arccos(((between.trace() - 1) / 2).clamp(-1, 1)))) < 4.0
    assert float((crop.crop_srgb - upright.crop_srgb).abs().mean()) < 0.08


def test_a_small_face_in_a_large_photograph_is_read_again(astronaut: np.ndarray, tmp_path: Path) -> None:
    wide = np.full((800, 9000, 3), 110, dtype=np.uint8)
    wide[100:612, 4000:4512] = astronaut
    Image.fromarray(wide).save(tmp_path / "wide.png")
    scales = {}
    for size in (16, 64):
        estimator = Estimator(torch.nn.Identity(), size, torch.device("cpu"))
        photo, (crop,), found = estimator.framed(tmp_path / "wide.png")
        assert found == 1
        scales[size] = photo.scale
        assert crop.side_px >= size
    assert scales == {16: 5.0, 64: 1.0}


def test_all_faces_are_counted_from_the_left_as_one_by_one(
    estimator: Estimator, astronaut: np.ndarray
) -> None:
    portrait = astronaut[30:230, 130:330]
    larger = np.asarray(Image.fromarray(portrait).resize((300, 300)))
    pair = np.full((300, 500, 3), 110, dtype=np.uint8)
    pair[:200, :200], pair[:, 200:] = portrait, larger
    together = estimator.estimate_fully(pair, face="all")
    alone = [estimator.estimate_fully(pair, face=number).faces[0] for number in (1, 2)]
    assert [one.crop.centre_px for one in together.faces] == [one.crop.centre_px for one in alone]


def test_wrong_wishes_are_one_line(estimator: Estimator, astronaut: np.ndarray) -> None:
    with pytest.raises(ValueError, match="--crop: expected one of face, none, got 'head'"):
        estimator.estimate(astronaut, crop="head")
    with pytest.raises(ValueError, match="photo: --face 2: found only 1"):
        estimator.estimate(astronaut, face=2)
    with pytest.raises(FileNotFoundError, match="no such photo"):
        estimator.estimate("nowhere.jpg")


def test_what_is_doubted_is_expected_to_err_more(estimator: Estimator, astronaut: np.ndarray) -> None:
    photo, (crop,), _ = estimator.framed(astronaut)
    assert crop.doubts == ()
    prediction = replace(estimator.predict(crop.crop_srgb[None]), direction_error_deg=torch.tensor([12.0]))

    def expected(*doubts: Doubt) -> float | None:
        return joined(photo, [replace(crop, doubts=doubts)], prediction, 1).expected_error_deg

    assert expected() == pytest.approx(12.0)
    assert expected(Doubt(text="dark", degrees=16.0)) == pytest.approx(20.0)
    both = concatenate([prediction, prediction])
    doubted = replace(crop, doubts=(Doubt(text="dark", degrees=16.0),))
    estimate = joined(photo, [crop, doubted], both, 2)
    assert [face.expected_error_deg for face in estimate.faces] == pytest.approx([12.0, 20.0])
    assert estimate.warnings == ("face 2: dark",)


def test_a_photograph_too_dark_to_be_sure_of_says_so(estimator: Estimator, astronaut: np.ndarray) -> None:
    errors = []
    for divisor in (1, 5, 7, 12):
        photo, (crop,), found = estimator.framed(astronaut // divisor)
        prediction = replace(
            estimator.predict(crop.crop_srgb[None]), direction_error_deg=torch.tensor([12.0])
        )
        estimate = joined(photo, [crop], prediction, found)
        assert any("dark" in warning for warning in estimate.warnings) == (divisor > 1)
        errors.append(estimate.expected_error_deg)
    assert errors == sorted(errors)
    assert errors[0] == pytest.approx(12.0)
    assert errors[1] > 13.0


def test_a_face_that_is_mostly_covered_is_doubted_or_refused(
    estimator: Estimator, astronaut: np.ndarray
) -> None:
    left, top, width, height = find_faces(astronaut)[0].box.astype(int)
    noise = np.random.default_rng(0).integers(60, 140, astronaut.shape, dtype=np.uint8)
    side, below = astronaut.copy(), astronaut.copy()
    beside = np.s_[top - 20 : top + height + 20, left - 20 : left + int(0.7 * width)]
    beneath = np.s_[top + int(0.35 * height) : top + height + 20, left - 20 : left + width + 20]
    side[beside], below[beneath] = noise[beside], noise[beneath]
    _, (crop,), _ = estimator.framed(side)
    assert any("covered" in warning for warning in crop.warnings)
    with pytest.raises(ValueError, match="no face found"):
        estimator.framed(below)


class _Reads(torch.nn.Module):
    """Remembers the landmarks that it was given."""

    def forward(self, photos_srgb: torch.Tensor, landmarks: torch.Tensor) -> Prediction:
        self.landmarks = landmarks
        blank = torch.zeros(len(photos_srgb), 16, 16, 3)
        return Prediction(lighting=frontal_light(fabricate.pair(len(blank), 16)).lighting, ball_linear=blank)

    def light_only(self, photos_srgb: torch.Tensor, landmarks: torch.Tensor) -> LightAnswer:
        return LightAnswer(lighting=self(photos_srgb, landmarks).lighting)


def test_a_network_that_reads_landmarks_is_given_those_of_the_face(astronaut: np.ndarray) -> None:
    """Those of the crop, twice, mirrored the second time; close to what is found in the crop itself."""
    network = _Reads()
    estimator = Estimator(network, 128, torch.device("cpu"), landmarks=True)
    _, (crop,), _ = estimator.framed(astronaut)
    estimator.estimate(astronaut)
    first, second = network.landmarks
    torch.testing.assert_close(first, crop.landmarks)
    torch.testing.assert_close(second, mirror_landmarks(first))
    assert float((landmarks_in(crop.crop_srgb) - first).abs().max()) < 0.15
    assert first[0, 0] < 0 < first[1, 0]
    assert first[4, 1] < 0 < first[1, 1]


def test_a_square_without_a_face_has_mean_landmarks() -> None:
    network = _Reads()
    estimator = Estimator(network, 32, torch.device("cpu"), landmarks=True)
    estimator.predict(torch.full((1, 32, 32, 3), 0.5))
    torch.testing.assert_close(network.landmarks[0], torch.tensor(MEAN_LANDMARKS))
    told = torch.zeros(1, 5, 2)
    estimator.predict(torch.full((1, 32, 32, 3), 0.5), told)
    assert not network.landmarks.any()


def test_others_are_never_given_landmarks(estimator: Estimator) -> None:
    square = torch.rand(1, 32, 32, 3, generator=torch.Generator().manual_seed(0))
    plain = estimator.predict(square)
    torch.testing.assert_close(estimator.predict(square, torch.zeros(1, 5, 2)).ball_linear, plain.ball_linear)
