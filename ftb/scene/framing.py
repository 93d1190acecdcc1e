"""The one rule by which a face is framed: what a network is trained on and what it is asked about."""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.maths.shapes import expect_shape

# Side of the square over the distance from the eyes' midpoint to the mouth's: chin and brow within, some
# hair, little ground. Within the range that training draws from (`FramingConfig.crop`).
CROP_OVER_EYES_TO_MOUTH = 2.6
# Eyes to mouth as the detector of `ftb.data.faces` marks them, over that of a mesh's own landmarks: the mean
# over 128 rendered frontal faces.
DETECTED_OVER_MESH = 0.9
# A face that looks up or down shows less of that distance; below this share it no longer zooms in.
LEAST_FORESHORTENING = 0.5


def face_square(
    landmarks: Tensor, *, ratio: float = CROP_OVER_EYES_TO_MOUTH
) -> tuple[Tensor, Tensor, Tensor]:
    """Centre (..., 2), side (...) and roll (...), radians, of the square around a face.

    landmarks (..., 5, 2), +X image right and +Y *up*, in any unit: the eyes (image-left one first), nose
    tip, mouth corners (image-left one first). roll is positive where the head's top leans to −X, as in
    `rotation.from_yaw_pitch_roll`: the line of the eyes tells it, since turning the head to a side, or
    bowing it, leaves that level; a profile's eyes are too close together, there the line up the face helps.
    """
    expect_shape(landmarks, "... 5 2", name="landmarks")
    eyes, mouth = landmarks[..., :2, :].mean(-2), landmarks[..., 3:, :].mean(-2)
    along, up = landmarks[..., 1, :] - landmarks[..., 0, :], eyes - mouth  # (..., 2)
    eye_distance, length = along.norm(dim=-1), up.norm(dim=-1)
    # Faces differ little in this: the eyes are about as far apart as they are from the mouth.
    frontal = torch.maximum(length, eye_distance)
    side = ratio * torch.maximum(length, LEAST_FORESHORTENING * frontal)
    trust = (eye_distance / (0.5 * length).clamp_min(1e-9)).clamp(0.0, 1.0)[..., None]
    across = torch.stack((up[..., 1], -up[..., 0]), dim=-1)  # a quarter turn clockwise: to the right
    level = trust * along + (1.0 - trust) * across
    roll = torch.atan2(level[..., 1], level[..., 0])
    return 0.5 * (eyes + mouth), side, roll
