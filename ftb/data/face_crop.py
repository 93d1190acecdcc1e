"""The square that the network sees: a face as a camera turned straight at it would show it, upright."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from ftb.data.face_doubts import RULES, Doubt, Measure, doubts_of
from ftb.data.faces import Face
from ftb.data.photos import Photo, portrait_square, square_side
from ftb.maths import rotation
from ftb.scene.framing import CROP_OVER_EYES_TO_MOUTH, face_square

# Pixels of the photograph between eyes and mouth, below which nothing of the light can be told.
LEAST_FACE = 10.0
# Of the square: brightest encoded luminance below which a face is noise, and share of white above which
# it is clipped beyond use.
DARKEST_U8, MOST_CLIPPED = RULES["dark"].complete, RULES["clipped"].complete
# Least side of the square over the detector's eyes-to-mouth distance; training goes a little beyond.
TIGHTEST = 1.5
_WHITE_U8 = 250
# Pixels along the square by which it is told how much of it is in the photograph, and share that is all.
_PROBES, _ALL_INSIDE = 64, 0.98
_LUMA = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class FaceCrop:
    """crop_srgb (S, S, 3), encoded, [0, 1], and how it lies in the photograph.

    photo_from_crop (3, 3): rotation from the crop's camera frame to the photograph's. face: as found, in
    pixels of the `Photo`, or None for a picture used as it is. side_px, centre_px: of the square there.
    roll_deg: of the head, undone. off_axis_deg: between the face and the photograph's optical axis.
    doubts: what makes the answer less certain. landmarks (5, 2): of the face in the crop, in the frame of
    `scene.landmarks`, or None without a face.
    """

    crop_srgb: Tensor
    photo_from_crop: Tensor
    side_px: float
    centre_px: tuple[float, float]
    face: Face | None = None
    roll_deg: float = 0.0
    off_axis_deg: float = 0.0
    doubts: tuple[Doubt, ...] = ()
    landmarks: Tensor | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """The doubts in words."""
        return tuple(doubt.text for doubt in self.doubts)


def crop_face(photo: Photo, face: Face, size: int) -> FaceCrop:
    """Frame a face in `size` pixels by the rule of `scene.framing`.

    The photograph is taken through a pinhole at its centre; it is resampled as a camera at the same place
    that looks straight at the face, turned by the head's roll, would have seen it. Raises ValueError for
    a face that is too small, too dark or too clipped to tell anything from.
    """
    if face.size * photo.scale < LEAST_FACE:
        pixels = f"{face.size * photo.scale:.0f} pixels from eyes to mouth"
        raise ValueError(f"the face is too small: expected at least {LEAST_FACE:.0f} pixels, got {pixels}")
    rays = _rays(photo, face.landmarks)  # (5, 3)
    turn = _turn_towards(rays[:2].mean(0) + rays[3:].mean(0))
    local = rays @ turn  # rows dᵀ R = (Rᵀ d)ᵀ: in the frame of the camera that looks at the face
    plane = local[:, :2] / -local[:, 2:]  # (5, 2), at unit distance, +Y up
    centre, side, roll = face_square(plane, ratio=1.0)
    roll_angle, middle = float(roll), 0.5 * (face.landmarks[:2].mean(0) + face.landmarks[3:].mean(0))
    photo_from_crop = turn @ rotation.rotation_about_axis(torch.tensor([0.0, 0.0, 1.0]).double(), roll_angle)
    cos, sin = math.cos(roll_angle), math.sin(roll_angle)
    centre = torch.stack((cos * centre[0] + sin * centre[1], cos * centre[1] - sin * centre[0]))
    side, inside = _within(photo, photo_from_crop, centre, float(side))
    upright = rays @ photo_from_crop  # (5, 3)
    pixels_u8 = _resampled(photo, photo_from_crop, (centre, side), size)
    off_axis_deg = math.degrees(math.acos(max(-1.0, min(1.0, float(turn[2, 2])))))
    return FaceCrop(
        crop_srgb=torch.from_numpy(pixels_u8.astype(np.float32) / 255.0),
        photo_from_crop=photo_from_crop.float(),
        side_px=side * photo.focal_px,
        centre_px=(float(middle[0]), float(middle[1])),
        face=face,
        landmarks=((upright[:, :2] / -upright[:, 2:] - centre) * (2.0 / side)).float(),
        roll_deg=math.degrees(roll_angle),
        off_axis_deg=off_axis_deg,
        doubts=tuple(
            doubts_of((*_looked_over(pixels_u8), *_seen(face, inside), _placed(photo, off_axis_deg)))
        ),
    )


def crop_middle(photo: Photo, size: int) -> FaceCrop:
    """All of a photograph that is a portrait already, or the middle square of a long one."""
    pixels_srgb = torch.from_numpy(photo.pixels_u8.astype(np.float32) / 255.0)
    crop = portrait_square(pixels_srgb, size)
    return FaceCrop(
        crop_srgb=crop,
        photo_from_crop=torch.eye(3),
        side_px=float(square_side(photo.pixels_u8.shape[0], photo.pixels_u8.shape[1])),
        centre_px=(0.5 * photo.pixels_u8.shape[1], 0.5 * photo.pixels_u8.shape[0]),
        doubts=tuple(doubts_of(_looked_over((crop.numpy() * 255.0).round().astype(np.uint8)))),
    )


def _rays(photo: Photo, points: np.ndarray) -> Tensor:
    """Unit directions (N, 3) from the camera to pixels (N, 2), in its frame: +X right, +Y up, −Z ahead."""
    height, width = photo.pixels_u8.shape[:2]
    x = (points[:, 0] - 0.5 * width) / photo.focal_px
    y = (0.5 * height - points[:, 1]) / photo.focal_px
    rays = torch.from_numpy(np.stack([x, y, -np.ones_like(x)], axis=1))
    return rotation.normalize(rays)


def _turn_towards(ray: Tensor) -> Tensor:
    """The smallest rotation (3, 3) that takes −Z to `ray` (3,)."""
    ahead = ray.new_tensor([0.0, 0.0, -1.0])
    ray = rotation.normalize(ray)
    axis = torch.linalg.cross(ahead, ray)
    length = float(axis.norm())
    if length < 1e-9:
        return torch.eye(3, dtype=ray.dtype)
    return rotation.rotation_about_axis(axis, math.atan2(length, float(ahead @ ray)))


def _within(
    photo: Photo, photo_from_crop: Tensor, centre: Tensor, eyes_to_mouth: float
) -> tuple[float, float]:
    """Side of the square, and the share of it that lies within the photograph.

    A face that fills its photograph is framed more tightly, down to `TIGHTEST`, rather than made up with
    pixels that do not exist: networks are trained on tight crops too.
    """
    ones = np.ones(photo.pixels_u8.shape[:2], dtype=np.uint8)
    for ratio in np.geomspace(CROP_OVER_EYES_TO_MOUTH, TIGHTEST, 5):
        side = float(ratio) * eyes_to_mouth
        matrix = _photo_from_pixels(photo, photo_from_crop, (centre, side), _PROBES)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        inside = float(cv2.warpPerspective(ones, matrix, (_PROBES, _PROBES), flags=flags).mean())
        if inside >= _ALL_INSIDE:
            break
    return side, inside


def _photo_from_pixels(
    photo: Photo, photo_from_crop: Tensor, square: tuple[Tensor, float], count: int
) -> np.ndarray:
    """Homography (3, 3) from `count` × `count` pixels of the square (centre, side), at unit distance in the
    crop's camera, to the photograph's; both with pixel centres at whole numbers, as OpenCV has them."""
    (centre, side), (height, width) = square, photo.pixels_u8.shape[:2]
    step = side / count
    left, top = float(centre[0]) - 0.5 * side, float(centre[1]) + 0.5 * side
    to_ray = np.array([[step, 0, left + 0.5 * step], [0, -step, top - 0.5 * step], [0, 0, -1.0]])
    focal, middle = photo.focal_px, 0.5 * np.array([width - 1, height - 1])
    project = np.array([[focal, 0, -middle[0]], [0, -focal, -middle[1]], [0, 0, -1.0]])
    return project @ photo_from_crop.double().numpy() @ to_ray


def _resampled(photo: Photo, photo_from_crop: Tensor, square: tuple[Tensor, float], size: int) -> np.ndarray:
    """Bytes (size, size, 3) of the square (centre, side), mirrored where it leaves the photograph."""
    fine = size * max(1, min(8, math.ceil(square[1] * photo.focal_px / size)))
    warped = cv2.warpPerspective(
        photo.pixels_u8,
        _photo_from_pixels(photo, photo_from_crop, square, fine),
        (fine, fine),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return cv2.resize(warped, (size, size), interpolation=cv2.INTER_AREA)


def _looked_over(pixels_u8: np.ndarray) -> tuple[Measure, ...]:
    """Refuses what is too dark or too clipped; otherwise how dark and how clipped it is."""
    luma = pixels_u8.astype(np.float32) @ _LUMA
    bright, clipped = float(np.percentile(luma, 95)), float((luma >= _WHITE_U8).mean())
    if bright < DARKEST_U8:
        raise ValueError(f"the face is too dark: its brightest parts reach {bright / 2.55:.0f} % of white")
    if clipped > MOST_CLIPPED:
        raise ValueError(f"the face is overexposed: {100 * clipped:.0f} % of it is white")
    return (
        ("dark", bright, f"dark: the brightest parts reach {bright / 2.55:.0f} % of white"),
        ("clipped", clipped, f"clipped: {100 * clipped:.0f} % is white"),
    )


def _seen(face: Face, inside: float) -> tuple[Measure, ...]:
    """How much of the face is in the picture, how sure the detector is, how far the nose is to a side."""
    eyes, nose = face.landmarks[:2], face.landmarks[2]
    along = eyes[1] - eyes[0]
    share = float((nose - eyes[0]) @ along / max(float(along @ along), 1e-9))
    return (
        ("cut", inside, f"cut: only {100 * inside:.0f} % of the face's square is in the picture"),
        ("covered", face.score, f"covered or turned away: the detector is sure to {100 * face.score:.0f} %"),
        ("turned", abs(share - 0.5) - 0.5, "turned away: the nose is beside both eyes"),
    )


def _placed(photo: Photo, off_axis_deg: float) -> Measure:
    """How far beside the photograph's middle the face is, and whether the camera tells that angle."""
    text = f"far off axis: {off_axis_deg:.0f}° beside the picture's middle"
    if photo.focal_35mm is None:
        return "aside", off_axis_deg, f"{text}, by an assumed focal length"
    return "aside_known", off_axis_deg, text
