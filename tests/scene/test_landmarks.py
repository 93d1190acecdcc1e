"""Landmarks: projected like everything else, marked with a detector's errors, mirrored."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.testing import assert_close

from ftb.maths import rotation
from ftb.render.reference import ReferenceRasterizer
from ftb.scene.framing import DETECTED_OVER_MESH
from ftb.scene.landmarks import (
    DETECTOR_MEAN,
    DETECTOR_OWN,
    DETECTOR_SHARED,
    detected_landmarks,
    mirror_landmarks,
    project_landmarks,
)
from ftb.types import Camera, Mesh, stack

FACE = torch.tensor([[-0.4, 0.3], [0.4, 0.3], [0.05, 0.0], [-0.3, -0.4], [0.3, -0.4]])


def camera(seed: int) -> Camera:
    generator = torch.Generator().manual_seed(seed)
    cam_from_world = torch.eye(4)
    cam_from_world[:3, :3] = rotation.from_yaw_pitch_roll(*(0.3 * torch.randn(3, generator=generator)))
    cam_from_world[:3, 3] = torch.tensor([0.01, -0.02, -0.9])
    return Camera(cam_from_world=cam_from_world, half_width=torch.tensor(0.15), near=torch.tensor(0.05))


def test_a_landmark_is_where_the_renderer_draws_it() -> None:
    """A tiny triangle around the point, rasterized: its pixels lie around the landmark."""
    point, size = torch.tensor([[0.03, 0.02, 0.05]]), 256
    for seed in range(3):
        view = camera(seed)
        toward = view.cam_from_world[:3, :3].T
        corners = torch.tensor([[-1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [0.0, 2.0, 0.0]]) * 0.004
        vertices = point + corners @ toward.T
        mesh = Mesh(vertices=vertices[None], faces=torch.tensor([[0, 1, 2]]), normals=torch.ones(1, 3, 3))
        seen = ReferenceRasterizer().rasterize(mesh, stack([view]), size).pix_to_face[0] >= 0
        rows, columns = seen.nonzero().double().T + 0.5
        x, y = columns.mean() * 2 / size - 1, 1 - rows.mean() * 2 / size
        found = project_landmarks(point, view)[0]
        assert_close(found.double(), torch.stack([x, y]), atol=0.5 * 2 / size, rtol=0)


def test_marks_have_the_stated_means_and_deviations() -> None:
    """Of an upright face, over 4000 draws; a standard error is 0.0016 of the length at most."""
    length = 0.7
    generator = torch.Generator().manual_seed(0)
    marked = detected_landmarks(FACE.expand(4000, 5, 2), generators=[generator] * 4000)
    errors = ((marked - FACE) / length).double()
    assert_close(errors.mean(0), torch.tensor(DETECTOR_MEAN).double(), atol=0.006, rtol=0)
    expected = torch.tensor(DETECTOR_OWN).square() + torch.tensor(DETECTOR_SHARED).square()
    assert_close(errors.std(0), expected.sqrt().double(), atol=0.004, rtol=0)
    together = np.cov(errors[:, 0, 0], errors[:, 3, 0])[0, 1]
    assert abs(together - DETECTOR_SHARED[0] ** 2) < 3e-4


def test_the_detectors_mean_shortens_faces_as_framing_does() -> None:
    """Two measurements of one habit: eyes and mouth are marked closer to each other."""
    mean = torch.tensor(DETECTOR_MEAN)
    shorter = 1.0 + float(mean[:2, 1].mean() - mean[3:, 1].mean())
    assert abs(shorter - DETECTED_OVER_MESH) < 0.05


def test_marks_turn_and_grow_with_the_face() -> None:
    angle = 0.5
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    other = 1.7 * FACE @ turn.T + torch.tensor([0.1, -0.2])
    generators = [torch.Generator().manual_seed(3) for _ in range(2)]
    first, second = detected_landmarks(torch.stack([FACE, other]), generators=generators)
    assert_close(second, 1.7 * first @ turn.T + torch.tensor([0.1, -0.2]), atol=1e-5, rtol=0)


def test_a_mirrored_landmark_is_that_of_the_mirrored_picture() -> None:
    """The image-left eye stays the first: it was the right one, at the mirrored place."""
    mirrored = mirror_landmarks(FACE)
    assert_close(mirrored, torch.tensor([[-0.4, 0.3], [0.4, 0.3], [-0.05, 0.0], [-0.3, -0.4], [0.3, -0.4]]))
    skewed = FACE + torch.arange(10).reshape(5, 2) * 0.01
    assert_close(mirror_landmarks(skewed)[0], skewed[1] * torch.tensor([-1.0, 1.0]))
    assert_close(mirror_landmarks(skewed)[3], skewed[4] * torch.tensor([-1.0, 1.0]))
    assert torch.equal(mirror_landmarks(mirror_landmarks(skewed)), skewed)
