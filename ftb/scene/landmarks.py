"""Five landmarks of a face in its picture: where they are, and where a detector marks them.

(5, 2): the eyes (image-left one first), the nose's tip, the mouth's corners (image-left one first), as the
picture's square spans [−1, 1], +X image right and +Y up.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from ftb.maths.shapes import expect_shape
from ftb.scene.framing import face_square
from ftb.types import Camera

LANDMARKS = 5
# Of the frames that training draws: what stands in for landmarks that nobody found.
MEAN_LANDMARKS = ((-0.4, 0.48), (0.4, 0.48), (0.0, 0.0), (-0.31, -0.41), (0.31, -0.41))
# What `ftb.data.faces` marks, less what a mesh's own landmarks say, in distances from eyes to mouth of an
# upright face: means, the deviation that all five share, and that of each. Measured on 299 rendered
# photographs of 160 procedural heads (three more had landmarks elsewhere, in 18 no face was found), the means
# made symmetric.
DETECTOR_MEAN = ((0.012, 0.007), (-0.012, 0.007), (0.0, 0.065), (0.015, 0.07), (-0.015, 0.07))
DETECTOR_SHARED = (0.04, 0.04)
DETECTOR_OWN = ((0.05, 0.06), (0.05, 0.06), (0.04, 0.08), (0.065, 0.05), (0.065, 0.05))
# The mirror image's landmark n is this one of the picture.
_MIRRORED = (1, 0, 2, 4, 3)


def project_landmarks(points: Tensor, camera: Camera) -> Tensor:
    """Where pinholes (...) see points (..., M, 3) of the frame that `cam_from_world` is from: (..., M, 2).

    Does not: tell what is hidden, or behind the camera.
    """
    expect_shape(points, "... M 3", name="points")
    rows = camera.cam_from_world[..., None, :3, :]  # (..., 1, 3, 4)
    # Summed without a matrix product, whose last bits depend on how many cameras there are.
    seen = (rows[..., :3] * points[..., None, :]).sum(-1) + rows[..., 3]  # (..., M, 3)
    return seen[..., :2] / (-seen[..., 2:] * camera.half_width[..., None, None])


def detected_landmarks(landmarks: Tensor, *, generators: Sequence[torch.Generator]) -> Tensor:
    """True landmarks (S, 5, 2) as a detector would mark them: with its habits, and errors drawn anew, for
    each face from its own generator."""
    expect_shape(landmarks, "S 5 2", name="landmarks", dims={"S": len(generators)})
    drawn = [torch.randn(1 + LANDMARKS, 2, generator=generator) for generator in generators]
    mean, deviation = (known.to(landmarks) for known in _habits())
    errors = torch.stack(drawn).to(landmarks) * deviation  # (S, 6, 2)
    upright = torch.view_as_complex(mean + errors[:, :1] + errors[:, 1:])  # (S, 5)
    _, length, roll = face_square(landmarks, ratio=1.0)
    return landmarks + torch.view_as_real(upright * torch.polar(length, roll)[:, None])


@lru_cache(maxsize=1)
def _habits() -> tuple[Tensor, Tensor]:
    """The detector's means (5, 2), and the deviations that the landmarks share and have each (6, 2)."""
    with torch.inference_mode(False):
        return torch.tensor(DETECTOR_MEAN), torch.tensor([DETECTOR_SHARED, *DETECTOR_OWN])


def mirror_landmarks(landmarks: Tensor) -> Tensor:
    """Landmarks (..., 5, 2) of the picture mirrored left to right: what was the left eye is the right one."""
    expect_shape(landmarks, "... 5 2", name="landmarks")
    return landmarks[..., list(_MIRRORED), :] * landmarks.new_tensor([-1.0, 1.0])
