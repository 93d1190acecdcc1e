"""The estimator: every kind of input, and a turned photograph's light turned as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from ftb.estimation.estimator import Estimator
from ftb.maths import rotation
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


def test_wrong_wishes_are_one_line(estimator: Estimator, astronaut: np.ndarray) -> None:
    with pytest.raises(ValueError, match="--crop: expected one of face, none, got 'head'"):
        estimator.estimate(astronaut, crop="head")
    with pytest.raises(ValueError, match="photo: --face 2: found only 1"):
        estimator.estimate(astronaut, face=2)
    with pytest.raises(FileNotFoundError, match="no such photo"):
        estimator.estimate("nowhere.jpg")
