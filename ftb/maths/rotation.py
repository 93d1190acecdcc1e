"""Rotations and camera transforms: column vectors, right-handed frame (+X right, +Y up, +Z towards us)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ftb.maths.shapes import expect_shape


def normalize(vectors: Tensor) -> Tensor:
    """Unit vectors (..., 3) along `vectors` (..., 3); 0 stays 0, with finite gradients."""
    expect_shape(vectors, "... 3", name="vectors")
    # Scaled by the largest component first, so that squares neither overflow nor vanish.
    scale = vectors.detach().abs().amax(-1, keepdim=True)
    zero = scale == 0
    scaled = vectors / torch.where(zero, 1, scale)
    square = (scaled * scaled).sum(-1, keepdim=True)
    return scaled / torch.where(zero, 1, square).sqrt()


def rotation_about_axis(axis: Tensor, angle: Tensor | float) -> Tensor:
    """Rotations (..., 3, 3) about `axis` (..., 3) by `angle` (...) radians, right-handed.

    R = cos a · I + sin a · [u]× + (1 − cos a) · u uᵀ (Rodrigues 1840). `axis` need not be a unit
    vector. About +Y by 90°, +Z goes to +X.
    """
    expect_shape(axis, "... 3", name="axis")
    x, y, z = normalize(axis).unbind(-1)
    angle = torch.as_tensor(angle, dtype=axis.dtype, device=axis.device)
    cos, sin = torch.cos(angle), torch.sin(angle)
    rest = 1 - cos
    rows = (
        (cos + rest * x * x, rest * x * y - sin * z, rest * x * z + sin * y),
        (rest * x * y + sin * z, cos + rest * y * y, rest * y * z - sin * x),
        (rest * x * z - sin * y, rest * y * z + sin * x, cos + rest * z * z),
    )
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def from_yaw_pitch_roll(yaw: Tensor, pitch: Tensor, roll: Tensor) -> Tensor:
    """Rotations (..., 3, 3) = R_y(yaw) · R_x(pitch) · R_z(roll) of angles (...) in radians.

    Each is right-handed about its axis. For a head that faces +Z: positive yaw turns the face to +X
    (image right), positive pitch bows it down, positive roll tilts its top to −X (image left).
    """
    axes = torch.eye(3, dtype=yaw.dtype, device=yaw.device)
    turn = rotation_about_axis(axes[1].expand(*yaw.shape, 3), yaw)
    nod = rotation_about_axis(axes[0].expand(*pitch.shape, 3), pitch)
    tilt = rotation_about_axis(axes[2].expand(*roll.shape, 3), roll)
    return turn @ nod @ tilt


def rows_from_yaw_pitch_roll(yaw: float, pitch: float, roll: float) -> list[list[float]]:
    """As `from_yaw_pitch_roll` of three numbers, in plain floats: for one rotation far less work."""
    (sin_y, cos_y), (sin_x, cos_x), (sin_z, cos_z) = (
        (math.sin(angle), math.cos(angle)) for angle in (yaw, pitch, roll)
    )
    # R_y · R_x, whose columns are then turned by R_z.
    rows = [
        [cos_y, sin_y * sin_x, sin_y * cos_x],
        [0.0, cos_x, -sin_x],
        [-sin_y, cos_y * sin_x, cos_y * cos_x],
    ]
    return [[a * cos_z + b * sin_z, b * cos_z - a * sin_z, c] for a, b, c in rows]


def look_at(eye: Tensor, target: Tensor, up: Tensor) -> Tensor:
    """`cam_from_world` (..., 4, 4) of a camera at `eye` (..., 3) that looks at `target` (..., 3).

    The camera looks along its −Z, with +X right and +Y as close to `up` (..., 3) as can be. When `up`
    is along the view, the world axis least aligned with the view stands in for it. From (0, 0, 2) at
    the origin with +Y up, the point (0, 0, 0) is at (0, 0, −2) in camera coordinates.
    """
    for value, name in ((eye, "eye"), (target, "target"), (up, "up")):
        expect_shape(value, "... 3", name=name)
    eye, target, up = torch.broadcast_tensors(eye, target, up)
    back = normalize(eye - target)
    right = torch.linalg.cross(normalize(up), back)
    # 1e-4 rad: nearer than this, float32 rounding would choose the roll.
    parallel = (right * right).sum(-1, keepdim=True) < 1e-8
    axis = torch.nn.functional.one_hot(back.abs().argmin(-1), 3).to(back)
    right = normalize(torch.where(parallel, torch.linalg.cross(axis, back), right))
    above = torch.linalg.cross(back, right)
    rotation = torch.stack((right, above, back), dim=-2)  # (..., 3, 3), rows are the camera's axes
    translation = -rotation @ eye[..., None]  # (..., 3, 1)
    bottom = torch.tensor([0, 0, 0, 1], dtype=eye.dtype, device=eye.device).expand(*eye.shape[:-1], 1, 4)
    return torch.cat((torch.cat((rotation, translation), dim=-1), bottom), dim=-2)


def random_rotations(count: int, *, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
    """`count` uniformly distributed rotations (count, 3, 3), drawn on the CPU.

    Unit quaternions (w, x, y, z) from four normal variates (Marsaglia 1972).
    """
    quaternions = torch.randn(count, 4, generator=generator, dtype=torch.float64)
    w, x, y, z = (quaternions / quaternions.norm(dim=-1, keepdim=True)).unbind(-1)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2).to(dtype)
