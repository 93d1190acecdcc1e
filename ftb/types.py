"""The seams of the house: frozen tensor dataclasses that one stage hands to the next.

Frame, colour and radiometry are those of README, "Conventions": +X image right, +Y up, +Z from the
subject towards the camera, metres; colour is scene-linear Rec. 709 where a name ends in `_linear`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor


class TensorData:
    """Base of the seam types: applies one tensor function to every tensor field."""

    def map(self, function: Any) -> Self:
        """A copy with `function(tensor)` in place of every tensor, nested seam types included."""
        changes: dict[str, Any] = {}
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if isinstance(value, Tensor):
                changes[field.name] = function(value)
            elif isinstance(value, TensorData):
                changes[field.name] = value.map(function)
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]

    def to(self, *args: Any, **options: Any) -> Self:
        """As `Tensor.to`, for every tensor field."""
        return self.map(lambda tensor: tensor.to(*args, **options))

    def __getitem__(self, index: Any) -> Self:
        """Index the leading (batch) dimension of every tensor field."""
        return self.map(lambda tensor: tensor[index])


def stack(items: list[Any]) -> Any:
    """Join seam-type values of one kind along a new leading dimension."""
    return _join(items, torch.stack)


def concatenate(items: list[Any]) -> Any:
    """Join seam-type values of one kind along their leading dimension."""
    return _join(items, torch.cat)


def _join(items: list[Any], join: Any) -> Any:
    first = items[0]
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(first):
        values = [getattr(item, field.name) for item in items]
        if any(value is None for value in values):
            changes[field.name] = None  # known of all, or not known
        elif isinstance(values[0], Tensor):
            changes[field.name] = join(values)
        elif isinstance(values[0], TensorData):
            changes[field.name] = _join(values, join)
    return dataclasses.replace(first, **changes)


@dataclass(frozen=True, kw_only=True)
class Mesh(TensorData):
    """Triangle meshes of one topology, a batch of B shapes.

    vertices (B, V, 3) metres; faces (F, 3) int64, counter-clockwise seen from outside;
    normals (B, V, 3) unit; uvs (V, 2) in [0, 1], v up (row 0 of a texture is v = 1), or None.
    """

    vertices: Tensor
    faces: Tensor
    normals: Tensor
    uvs: Tensor | None = None

    def __getitem__(self, index: Any) -> Self:
        """Index the batch; faces and uvs are shared by all shapes."""
        return dataclasses.replace(self, vertices=self.vertices[index], normals=self.normals[index])


@dataclass(frozen=True, kw_only=True)
class Camera(TensorData):
    """Pinhole or orthographic cameras, a batch of B.

    cam_from_world (B, 4, 4): column vectors, camera looks along its −Z with +X right and +Y up.
    half_width (B,): at unit distance for a pinhole (tan of half the horizontal field of view), in
    metres for an orthographic camera; pixels are square. near (B,): metres along the view axis,
    nearer geometry is clipped. `orthographic` holds for the whole batch.
    """

    cam_from_world: Tensor
    half_width: Tensor
    near: Tensor
    orthographic: bool = False


@dataclass(frozen=True, kw_only=True)
class Fragments(TensorData):
    """What covers each pixel centre: the seam between rasterizers and shading.

    pix_to_face (B, H, W) int64, face number within its own mesh, −1 empty;
    bary_coords (B, H, W, 3) perspective-correct, −1 where empty;
    depth (B, H, W) metres along the view axis, positive in front of the camera, −1 empty;
    seen (B, V) uint8: 1 for the vertices of faces that show, or None where a rasterizer does not tell.
    """

    pix_to_face: Tensor
    bary_coords: Tensor
    depth: Tensor
    seen: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class Lighting(TensorData):
    """Distant light in the camera frame: an environment plus N key lights, any leading dimensions (...).

    sh_coeffs (..., K, 3): radiance of the environment, K = (order + 1)², orthonormal real SH without
    Condon-Shortley phase; the key lights are *not* in it. key_dirs (..., N, 3): unit, towards the
    light. key_irradiance (..., N, 3): on a surface facing the light, linear RGB. key_angular_radius
    (..., N): radians. environment (..., H, 2H, 3): equirect radiance, or None; also without the key
    lights. A key light of irradiance 0 is absent (batches are padded with such).
    """

    sh_coeffs: Tensor
    key_dirs: Tensor
    key_irradiance: Tensor
    key_angular_radius: Tensor
    environment: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class Pair(TensorData):
    """One batch of what the network learns from; all at the photo's exposure.

    photo_srgb (B, H, W, 3) the captured photograph, encoded, [0, 1]; mask (B, H, W) coverage of the
    head, [0, 1]; normals (B, H, W, 3) unit, camera frame, 0 outside the mask; albedo_linear
    (B, H, W, 3); visibility (B, H, W): luminance of the irradiance that arrives over that which
    would arrive unshadowed, [0, 1], 1 outside the mask; residual_linear (B, H, W, 3): face radiance
    minus visibility · albedo/π · irradiance of the order-2 `total_sh`; ball_linear (B, S, S, 3): the
    `gray` reference ball, unclamped, 0 outside its disc; lighting with B leading; index (B,) int64
    sample number within its split; landmarks (B, 5, 2) of the face as a detector marks them in the
    photograph, in the order and frame of `scene.landmarks`, or None where not known.
    """

    photo_srgb: Tensor
    mask: Tensor
    normals: Tensor
    albedo_linear: Tensor
    visibility: Tensor
    residual_linear: Tensor
    ball_linear: Tensor
    lighting: Lighting
    index: Tensor
    landmarks: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class Prediction(TensorData):
    """What a network answers for B photographs of H × W; image-space fields may be None.

    lighting: sh_coeffs (B, K, 3) and one key light, or none; ball_linear (B, S, S, 3) gray ball;
    direction_error_deg (B,): its own expectation of the error of its dominant direction;
    normals (B, h, w, 3) unit; albedo_linear (B, h, w, 3); visibility (B, h, w) [0, 1];
    residual_linear (B, h, w, 3), where h × w may be a fraction of H × W. Beside normals and
    albedo, a visibility of None stands for 1 everywhere, a residual of None for 0.
    """

    lighting: Lighting
    ball_linear: Tensor
    direction_error_deg: Tensor | None = None
    normals: Tensor | None = None
    albedo_linear: Tensor | None = None
    visibility: Tensor | None = None
    residual_linear: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class LightAnswer(TensorData):
    """What a network answers that is asked for nothing but the light: these fields of its `Prediction`."""

    lighting: Lighting
    direction_error_deg: Tensor | None = None
