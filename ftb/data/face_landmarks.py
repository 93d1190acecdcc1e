"""The landmarks of a face in a square picture, where nothing else has told them."""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.data.faces import find_faces, refine_face
from ftb.maths.color import u8_from_srgb
from ftb.maths.shapes import expect_shape
from ftb.scene.landmarks import MEAN_LANDMARKS


def landmarks_in(square_srgb: Tensor) -> Tensor:
    """As `find_landmarks`; where no face is found `MEAN_LANDMARKS`, where those of framed faces are on
    average."""
    found = find_landmarks(square_srgb)
    return torch.tensor(MEAN_LANDMARKS) if found is None else found


def find_landmarks(square_srgb: Tensor) -> Tensor | None:
    """What the detector marks on the largest face of a square (S, S, 3), encoded, in [0, 1]: (5, 2) float32,
    in the frame of `scene.landmarks`; None where it finds no face."""
    size = expect_shape(square_srgb, "S S 3", name="square_srgb")["S"]
    pixels_u8 = u8_from_srgb(square_srgb).cpu().numpy()
    faces = find_faces(pixels_u8)
    if not faces:
        return None
    marked = torch.from_numpy(refine_face(pixels_u8, max(faces, key=lambda face: face.size)).landmarks)
    return ((marked * (2.0 / size) - 1.0) * marked.new_tensor([1.0, -1.0])).float()
