"""Rotations and cameras: named turns, scipy, invariants, degenerate inputs."""

import math

import pytest
import torch
from scipy.spatial.transform import Rotation
from torch.autograd import gradcheck

from ftb.maths import rotation

X, Y, Z = torch.eye(3, dtype=torch.float64)
RIGHT = torch.tensor(math.pi / 2, dtype=torch.float64)
NONE = torch.zeros((), dtype=torch.float64)


def generator():
    return torch.Generator().manual_seed(1)


def test_rotation_about_axis_is_scipys():
    axis = torch.randn(20, 3, generator=generator(), dtype=torch.float64)
    angle = torch.randn(20, generator=generator(), dtype=torch.float64) * 3
    vectors = axis / axis.norm(dim=-1, keepdim=True) * angle[:, None]
    expected = torch.from_numpy(Rotation.from_rotvec(vectors.numpy()).as_matrix())
    torch.testing.assert_close(rotation.rotation_about_axis(axis, angle), expected)


def test_named_turns():
    torch.testing.assert_close(rotation.rotation_about_axis(Y, RIGHT) @ Z, X)
    torch.testing.assert_close(rotation.from_yaw_pitch_roll(RIGHT, NONE, NONE) @ Z, X)
    torch.testing.assert_close(rotation.from_yaw_pitch_roll(NONE, RIGHT, NONE) @ Z, -Y)
    torch.testing.assert_close(rotation.from_yaw_pitch_roll(NONE, NONE, RIGHT) @ Y, -X)


def test_yaw_pitch_roll_are_scipys_intrinsic_yxz():
    angles = torch.randn(3, 10, generator=generator(), dtype=torch.float64)
    expected = Rotation.from_euler("YXZ", angles.T.numpy()).as_matrix()
    torch.testing.assert_close(rotation.from_yaw_pitch_roll(*angles), torch.from_numpy(expected))


def test_normalize_survives_nought_and_extremes():
    vectors = torch.tensor([[0.0, 0, 0], [3e-30, 4e-30, 0], [3e30, 0, 4e30], [0, 0, -2]], requires_grad=True)
    unit = rotation.normalize(vectors)
    expected = torch.tensor([[0.0, 0, 0], [0.6, 0.8, 0], [0.6, 0, 0.8], [0, 0, -1]])
    torch.testing.assert_close(unit.detach(), expected)
    unit.sum().backward()
    assert vectors.grad.isfinite().all()


def test_look_at_from_the_front_and_from_the_side():
    origin, front = torch.zeros(3, dtype=torch.float64), 2 * Z
    expected = torch.eye(4, dtype=torch.float64)
    expected[2, 3] = -2
    torch.testing.assert_close(rotation.look_at(front, origin, Y), expected)
    from_right = rotation.look_at(2 * X, origin, Y)
    torch.testing.assert_close(from_right[:3, :3] @ Z, -X)  # the world's +Z is image left, seen from +X
    torch.testing.assert_close(from_right[:3, :3] @ Y, Y)


@pytest.mark.parametrize("up", [Y, Y * 1e-20, Z, torch.zeros(3, dtype=torch.float64)])
def test_look_at_is_rigid_and_centres_its_target(up):
    eye = torch.cat(
        (3 * torch.randn(20, 3, generator=generator(), dtype=torch.float64), Y[None] * 3, Z[None])
    )
    cam_from_world = rotation.look_at(eye, torch.zeros_like(eye), up)
    turn, shift = cam_from_world[:, :3, :3], cam_from_world[:, :3, 3]
    torch.testing.assert_close(turn @ turn.mT, torch.eye(3, dtype=torch.float64).expand_as(turn))
    torch.testing.assert_close(torch.linalg.det(turn), torch.ones(22, dtype=torch.float64))
    expected = torch.zeros(22, 3, dtype=torch.float64)
    expected[:, 2] = -eye.norm(dim=-1)
    torch.testing.assert_close(shift, expected)


def test_random_rotations_are_uniform_and_repeatable():
    turns = rotation.random_rotations(4000, generator=generator(), dtype=torch.float64)
    torch.testing.assert_close(turns @ turns.mT, torch.eye(3, dtype=torch.float64).expand_as(turns))
    assert (torch.linalg.det(turns) > 0.99).all()
    # Uniform: every entry has mean 0 and variance 1/3, here within five standard errors.
    assert turns.mean(dim=0).abs().max() < 5 * math.sqrt(1 / 3 / 4000)
    assert (turns.square().mean(dim=0) - 1 / 3).abs().max() < 5 * math.sqrt(4 / 45 / 4000)
    # The trace of a uniform rotation has mean 0 (Haar measure).
    assert turns.diagonal(dim1=-2, dim2=-1).sum(-1).mean().abs() < 5 / math.sqrt(4000)
    again = rotation.random_rotations(4000, generator=generator(), dtype=torch.float64)
    torch.testing.assert_close(turns, again, rtol=0, atol=0)


def test_gradients():
    values = torch.randn(2, 3, generator=generator(), dtype=torch.float64, requires_grad=True)
    angle = torch.tensor([0.3, -2.0], dtype=torch.float64, requires_grad=True)
    assert gradcheck(rotation.rotation_about_axis, (values, angle))
    assert gradcheck(lambda eye: rotation.look_at(eye, torch.zeros_like(eye), Y), values)


def test_plain_floats_equal_tensors():
    angles = (0.7, -0.4, 2.1)
    expected = rotation.from_yaw_pitch_roll(*torch.tensor(angles, dtype=torch.float64))
    found = torch.tensor(rotation.rows_from_yaw_pitch_roll(*angles), dtype=torch.float64)
    torch.testing.assert_close(found, expected)
