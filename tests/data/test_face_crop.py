"""The crop is what a camera that looks straight at the face would have seen, and its rotation says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from ftb.data.face_crop import TIGHTEST, crop_face, crop_middle
from ftb.data.faces import Face
from ftb.data.photos import DEFAULT_FOCAL_35MM, Photo, photo_from_array
from ftb.scene.framing import CROP_OVER_EYES_TO_MOUTH

HEIGHT, WIDTH = 360, 480
FOCAL = DEFAULT_FOCAL_35MM * np.hypot(WIDTH, HEIGHT) / np.hypot(36.0, 24.0)


def pixel_rays() -> np.ndarray:
    """Unit directions (H, W, 3) of a photograph's pixel centres in its camera frame."""
    x = (np.arange(WIDTH) + 0.5 - WIDTH / 2) / FOCAL
    y = (HEIGHT / 2 - np.arange(HEIGHT) - 0.5) / FOCAL
    rays = np.stack([*np.meshgrid(x, y), -np.ones((HEIGHT, WIDTH))], axis=-1)
    return rays / np.linalg.norm(rays, axis=-1, keepdims=True)


def ray_photo() -> Photo:
    """A photograph whose colours are its rays: (0.5 + x, 0.5 + y, −z)."""
    rays = pixel_rays()
    colors = np.stack([0.5 + rays[..., 0], 0.5 + rays[..., 1], -rays[..., 2]], axis=-1)
    return photo_from_array(colors.clip(0.0, 1.0))


def face_at(x: float, y: float, roll_deg: float = 0.0, size: float = 40.0, nose: float = 0.0) -> Face:
    """A flat face of `size` pixels from eyes to mouth, its top towards the image's left by `roll_deg`."""
    upright = np.array([[-0.5, 0.5], [0.5, 0.5], [nose, 0.0], [-0.4, -0.5], [0.4, -0.5]]) * size  # y up
    cos, sin = np.cos(np.radians(roll_deg)), np.sin(np.radians(roll_deg))
    rotated = upright @ np.array([[cos, sin], [-sin, cos]])
    landmarks = np.stack([x + rotated[:, 0], y - rotated[:, 1]], axis=1)
    return Face(box=np.array([x - size, y - size, 2 * size, 2 * size]), landmarks=landmarks, score=0.95)


@pytest.mark.parametrize("roll_deg", [0.0, 30.0, -75.0, 180.0])
@pytest.mark.parametrize("place", [(240.0, 180.0), (90.0, 120.0), (380.0, 270.0)])
def test_every_pixel_shows_the_ray_it_should(place: tuple[float, float], roll_deg: float) -> None:
    crop = crop_face(ray_photo(), face_at(*place, roll_deg), 32)
    colors = crop.crop_srgb.double().numpy()
    shown = np.stack([colors[..., 0] - 0.5, colors[..., 1] - 0.5, -colors[..., 2]], axis=-1)
    half = 0.5 * crop.side_px / FOCAL
    u = (np.arange(32) + 0.5) / 16 - 1.0
    local = np.stack([*np.meshgrid(half * u, -half * u), -np.ones((32, 32))], axis=-1)
    expected = local / np.linalg.norm(local, axis=-1, keepdims=True) @ crop.photo_from_crop.double().numpy().T
    # bytes of colour: 1/510 each; the square of a tilted plane is centred on the face to a few thousandths
    assert np.abs(shown - expected).max() < 0.012
    torch.testing.assert_close(crop.photo_from_crop @ crop.photo_from_crop.T, torch.eye(3), atol=1e-5, rtol=0)
    assert float(torch.linalg.det(crop.photo_from_crop)) == pytest.approx(1.0, abs=1e-5)


def test_roll_and_size_follow_the_rule() -> None:
    crop = crop_face(ray_photo(), face_at(240.0, 180.0, 30.0), 32)
    assert crop.roll_deg == pytest.approx(30.0, abs=0.2)
    assert crop.off_axis_deg == pytest.approx(0.0, abs=0.01)
    assert crop.side_px == pytest.approx(CROP_OVER_EYES_TO_MOUTH * 40.0, rel=1e-3)
    # the crop's up is the head's: its top leans to the image's left
    up = crop.photo_from_crop @ torch.tensor([0.0, 1.0, 0.0])
    torch.testing.assert_close(up, torch.tensor([-0.5, 0.866, 0.0]), atol=2e-3, rtol=0)


@pytest.mark.parametrize("roll_deg", [0.0, 30.0, -75.0])
@pytest.mark.parametrize("place", [(240.0, 180.0), (90.0, 120.0), (380.0, 270.0)])
def test_landmarks_lie_in_the_crop_where_their_rays_show(place: tuple[float, float], roll_deg: float) -> None:
    face = face_at(*place, roll_deg)
    crop = crop_face(ray_photo(), face, 64)
    x, y = (face.landmarks - [WIDTH / 2, HEIGHT / 2]).T / FOCAL
    rays = np.stack([x, -y, -np.ones(5)], axis=-1)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    # what the crop's pixels at the landmarks show: their own rays, as colours
    assert crop.landmarks is not None
    columns, rows = (0.5 + 0.5 * crop.landmarks.double().numpy() * [1.0, -1.0]).T * 64 - 0.5
    around = crop.crop_srgb.double().numpy()
    shown = np.stack([map_coordinates(around[..., k], [rows, columns], order=1) for k in range(3)], -1)
    seen = np.stack([shown[:, 0] - 0.5, shown[:, 1] - 0.5, -shown[:, 2]], axis=-1)
    assert np.abs(seen - rays).max() < 0.012
    assert crop_middle(ray_photo(), 32).landmarks is None


def test_a_face_at_the_right_is_seen_under_its_angle() -> None:
    crop = crop_face(ray_photo(), face_at(240.0 + FOCAL * np.tan(np.radians(20.0)), 180.0), 32)
    assert crop.off_axis_deg == pytest.approx(20.0, abs=0.2)
    # light from the crop's camera comes, for the photograph, from its camera's left of the face
    toward = crop.photo_from_crop @ torch.tensor([0.0, 0.0, 1.0])
    expected = torch.tensor([-np.sin(np.radians(20.0)), 0.0, np.cos(np.radians(20.0))]).float()
    torch.testing.assert_close(toward, expected, atol=5e-3, rtol=0)


def test_an_exif_focal_length_changes_the_angle() -> None:
    near = Photo(pixels_u8=ray_photo().pixels_u8, focal_35mm=20.0)
    angle = crop_face(near, face_at(400.0, 180.0), 32).off_axis_deg
    focal = 20.0 * np.hypot(WIDTH, HEIGHT) / np.hypot(36.0, 24.0)
    assert angle == pytest.approx(np.degrees(np.arctan(160.0 / focal)), abs=0.2)


def test_refusals_say_why() -> None:
    grey = np.full((HEIGHT, WIDTH, 3), 128, dtype=np.uint8)
    with pytest.raises(ValueError, match="too small: expected at least 10 pixels, got 8"):
        crop_face(photo_from_array(grey), face_at(240.0, 180.0, size=8.0), 32)
    with pytest.raises(ValueError, match="too dark"):
        crop_face(photo_from_array(grey // 20), face_at(240.0, 180.0), 32)
    with pytest.raises(ValueError, match="overexposed: 100 % of it is white"):
        crop_face(photo_from_array(np.full_like(grey, 255)), face_at(240.0, 180.0), 32)
    with pytest.raises(ValueError, match="too dark"):
        crop_middle(photo_from_array(grey // 20), 32)


def test_warnings_say_what_to_doubt() -> None:
    grey = np.full((HEIGHT, WIDTH, 3), 128, dtype=np.uint8)

    def warnings(pixels: np.ndarray, face: Face) -> str:
        return " / ".join(crop_face(photo_from_array(pixels), face, 32).warnings)

    assert warnings(grey, face_at(240.0, 180.0)) == ""
    assert "cut: only" in warnings(grey, face_at(8.0, 180.0))
    assert "dark" in warnings(grey // 4, face_at(240.0, 180.0))
    assert "turned away" in warnings(grey, face_at(240.0, 180.0, nose=0.8))
    clipped = grey.copy()
    clipped[:, :230] = 255
    assert "clipped" in warnings(clipped, face_at(240.0, 180.0))
    aside = face_at(240.0 + FOCAL * np.tan(np.radians(20.0)), 180.0)
    assert "far off axis: 20° beside the picture's middle, by an assumed focal length" in warnings(
        grey, aside
    )
    told = Photo(pixels_u8=grey, focal_35mm=DEFAULT_FOCAL_35MM)
    assert crop_face(told, aside, 32).warnings == ()


def test_every_warning_costs_degrees() -> None:
    grey = np.full((HEIGHT, WIDTH, 3), 128, dtype=np.uint8)
    spent = {}
    for name, pixels, face in (
        ("sure", grey, face_at(240.0, 180.0)),
        ("cut", grey, face_at(20.0, 180.0)),
        ("more cut", grey, face_at(5.0, 180.0)),
        ("dim", grey // 4, face_at(240.0, 180.0)),
        ("dark", grey // 8, face_at(240.0, 180.0)),
        ("unsure", grey, replace(face_at(240.0, 180.0), score=0.7)),
        ("profile", grey, face_at(240.0, 180.0, nose=0.8)),
    ):
        doubts = crop_face(photo_from_array(pixels), face, 32).doubts
        spent[name] = sum(doubt.degrees for doubt in doubts)
        assert all(doubt.degrees > 0.0 and doubt.text for doubt in doubts)
    assert spent["sure"] == 0.0
    assert min(spent[name] for name in spent if name != "sure") > 5.0
    assert spent["more cut"] > spent["cut"]
    assert spent["dark"] > spent["dim"]


def test_a_face_that_fills_the_picture_is_framed_tightly_rather_than_made_up() -> None:
    photo = ray_photo()
    roomy, filling = (crop_face(photo, face_at(240.0, 180.0, size=size), 32) for size in (100.0, 200.0))
    assert roomy.side_px / 100.0 == pytest.approx(CROP_OVER_EYES_TO_MOUTH, rel=1e-2)
    assert HEIGHT * 0.9 < filling.side_px < HEIGHT * 1.03
    assert not filling.warnings
    huge = crop_face(photo, face_at(240.0, 180.0, size=350.0), 32)
    assert huge.side_px / 350.0 == pytest.approx(TIGHTEST, rel=1e-2)
    assert any("cut" in warning for warning in huge.warnings)


def test_the_middle_square_is_left_as_it_is(tmp_path: Path) -> None:
    crop = crop_middle(ray_photo(), 36)
    torch.testing.assert_close(crop.photo_from_crop, torch.eye(3))
    assert crop.crop_srgb.shape == (36, 36, 3)
    assert crop.face is None
    assert crop.side_px == HEIGHT
