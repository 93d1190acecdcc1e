"""From what was drawn of a person to vertices and normals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from ftb.kernels.start import wp
from ftb.kernels.starting import launch
from ftb.scene import heads_kernel
from ftb.scene.heads_anatomy import Anatomy
from ftb.scene.heads_curtain import CURTAIN_PLACE, Curtain, shape_curtain
from ftb.scene.heads_expression import Expression
from ftb.scene.heads_eyes import place_eye
from ftb.scene.heads_identity import Identity, macro_weights
from ftb.scene.heads_normals import angle_weighted_normals, corner_sums
from ftb.scene.heads_shapes import blend
from ftb.scene.skin_hair import vertex_fields
from ftb.types import Mesh

NECK_PIVOT = np.array([0.0, -0.075, -0.075], dtype=np.float32)  # top of the spine, from between the eyes


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What decides a head's shape. thickness (W,): metres that hair and beard stand out along the bare head's
    normals."""

    identity: Identity
    expression: Expression
    thickness: np.ndarray
    curtain: Curtain


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """A head before its skin, origin between the ears at eye level: welded vertices (W, 3), the mesh they
    make, eye centres (2, 3), eye radius."""

    vertices: np.ndarray
    mesh: Mesh
    eye_centres: np.ndarray
    eye_radius: float


def shape_weights(anatomy: Anatomy, identity: Identity, expression: Expression) -> list[np.ndarray]:
    """Weights of `Anatomy.shapes`, by stage."""
    corners = macro_weights(identity)
    people = np.array([corners.get(label, 0.0) for label in anatomy.macros])
    sliders = np.stack([np.maximum(identity.sliders, 0.0), np.maximum(-identity.sliders, 0.0)], axis=1)
    actions = np.array([expression.strengths.get(action, 0.0) for action in anatomy.actions])
    return [people, sliders.ravel(), actions]


def _shoulder_turn(neck_deg: tuple[float, float, float]) -> np.ndarray:
    """(3, 3) how what is below the head turns about the top of the spine, less the identity; the head itself
    stays upright in its frame."""
    yaw, pitch, roll = (math.radians(angle) for angle in neck_deg)
    about_y = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
    about_x = np.array(
        [[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]]
    )
    about_z = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
    return (about_y @ about_x @ about_z - np.eye(3)).astype(np.float32)


def shape_head(anatomy: Anatomy, figure: Figure) -> Geometry:
    """Vertices and normals of one person, by kernels."""
    expression = figure.expression
    weights = shape_weights(anatomy, figure.identity, expression)
    basis = anatomy.packed_shapes.blend(weights, figure.identity.asymmetry)
    below, extra, extra_weight = anatomy.placing
    points = torch.empty(anatomy.welded_count, 3)
    welded = points.numpy()
    change = wp.mat33(_shoulder_turn(expression.neck_deg))
    inputs = [basis, below, wp.vec3(NECK_PIVOT), change, points]
    launch(heads_kernel.turn_shoulders, len(below), inputs, points.device)
    added, terms = anatomy.extra.shape
    launch(heads_kernel.refine, added, [extra, extra_weight, terms, len(below), points], points.device)
    centres, radius = _add_eyes(anatomy, welded, expression)
    thickness = torch.from_numpy(figure.thickness)
    inputs = [points, corner_sums(points, vertex_fields().incidence), thickness]
    launch(heads_kernel.grow, len(points), inputs, points.device)
    welded[-len(CURTAIN_PLACE) :] = _hang_hair(welded, figure.curtain)
    corners = torch.empty(2, 1, len(anatomy.corner_vertex), 3)
    inputs = [points, corner_sums(points, anatomy.incidence), anatomy.corners, corners[0], corners[1]]
    launch(heads_kernel.spread, corners.shape[2], inputs, points.device)
    mesh = anatomy.mesh(corners[0], corners[1])
    return Geometry(vertices=welded, mesh=mesh, eye_centres=centres, eye_radius=radius)


def shape_head_plainly(anatomy: Anatomy, figure: Figure) -> Geometry:
    """The readable twin of `shape_head`."""
    expression = figure.expression
    weights = shape_weights(anatomy, figure.identity, expression)
    basis = blend(anatomy.shapes, weights, figure.identity.asymmetry)
    below = 1.0 - anatomy.head_weight[:, None]
    basis = basis + ((basis - NECK_PIVOT) * below) @ _shoulder_turn(expression.neck_deg).T
    refined = anatomy.refine(basis)
    welded = np.zeros((anatomy.welded_count, 3))
    welded[: len(refined)] = refined
    centres, radius = _add_eyes(anatomy, welded, expression)
    welded += angle_weighted_normals(welded, vertex_fields().incidence) * figure.thickness[:, None]
    welded[-len(CURTAIN_PLACE) :] = _hang_hair(welded, figure.curtain)
    normals = angle_weighted_normals(welded, anatomy.incidence)
    places, normals = (
        torch.from_numpy(part[anatomy.corner_vertex].astype(np.float32))[None] for part in (welded, normals)
    )
    mesh = anatomy.mesh(places, normals)
    return Geometry(vertices=welded, mesh=mesh, eye_centres=centres, eye_radius=radius)


def _add_eyes(anatomy: Anatomy, welded: np.ndarray, expression: Expression) -> tuple[np.ndarray, float]:
    """Put eyeballs behind the first of the welded vertices (W, 3) and move the origin from between the eyes
    of the template to between the ears of this person, in place; centres (2, 3) and radius of the eyes."""
    sideways, up = expression.gaze_deg
    # Eyes converge a little, as on something a metre or two away: right (−X) eye turns to +X.
    eyes = [
        place_eye(welded[guide], (sideways + vergence, up))
        for guide, vergence in zip(anatomy.guide_eyes, (1.5, -1.5), strict=True)
    ]
    before = len(welded) - len(CURTAIN_PLACE) - sum(len(vertices) for vertices, _, _ in eyes)
    welded[before : -len(CURTAIN_PLACE)] = np.concatenate([vertices for vertices, _, _ in eyes])
    welded[-len(CURTAIN_PLACE) :] = 0.0
    centres = np.stack([centre for _, centre, _ in eyes])
    _, brow, nape = anatomy.profile
    origin = centres.mean(axis=0)
    origin[2] = 0.5 * (welded[brow, 2] + welded[nape, 2])
    welded -= origin
    return centres - origin, eyes[0][2]


def _hang_hair(welded: np.ndarray, curtain: Curtain) -> np.ndarray:
    """Hanging hair around the half axes of the head, hair cap included."""
    skull = welded[vertex_fields().skull]
    level = skull[(skull[:, 1] > 0.0) & (skull[:, 1] < 0.05)]
    half_width = 0.5 * float(level[:, 0].max() - level[:, 0].min())
    return shape_curtain(curtain, half_width, -float(level[:, 2].min()), 0.085)
