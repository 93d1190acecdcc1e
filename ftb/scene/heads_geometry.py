"""From what was drawn of a person to vertices and normals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ftb.kernels.start import wp
from ftb.kernels.starting import Packed, launch, packed
from ftb.scene import heads_rows
from ftb.scene.heads_anatomy import Anatomy
from ftb.scene.heads_curtain import CURTAIN_PLACE, Curtain, shape_curtains
from ftb.scene.heads_expression import Expression
from ftb.scene.heads_eyes import eye_turns, place_eye
from ftb.scene.heads_identity import Identity, corner_shares
from ftb.scene.heads_normals import angle_weighted_normals, corner_normals
from ftb.scene.heads_shapes import blend
from ftb.scene.skin_hair import vertex_fields
from ftb.types import Mesh

NECK_PIVOT = np.array([0.0, -0.075, -0.075], dtype=np.float32)  # top of the spine, from between the eyes
VERGENCE_DEG = (1.5, -1.5)
TEMPLES = 0.085  # metres from between the ears


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
    """A head before its skin, origin between the ears at eye level: its mesh; landmarks (5, 3): where the
    eyes face forward, nose tip, mouth corners."""

    mesh: Mesh
    landmarks: Tensor


def shape_weights(
    anatomy: Anatomy, identities: Sequence[Identity], expressions: Sequence[Expression]
) -> list[np.ndarray]:
    """Weights of `Anatomy.shapes`, by stage, (H, K) each."""
    sliders = np.stack([identity.sliders for identity in identities])
    opposite = np.stack([np.maximum(sliders, 0.0), np.maximum(-sliders, 0.0)], axis=2)
    strengths = [expression.strengths for expression in expressions]
    actions = [[each.get(action, 0.0) for action in anatomy.actions] for each in strengths]
    people = corner_shares(identities, tuple(anatomy.macros))
    return [people, opposite.reshape(len(identities), -1), np.array(actions)]


def _shoulder_turns(expressions: Sequence[Expression]) -> np.ndarray:
    """(H, 3, 3) how what is below the head turns about the top of the spine, less the identity; the head
    itself stays upright in its frame."""
    turns: list[list] = [[], [], []]
    for expression in expressions:
        (sy, cy), (sx, cx), (sz, cz) = (
            (math.sin(angle), math.cos(angle)) for angle in map(math.radians, expression.neck_deg)
        )
        turns[0].append(((cy, 0.0, sy), (0.0, 1.0, 0.0), (-sy, 0.0, cy)))
        turns[1].append(((1.0, 0.0, 0.0), (0.0, cx, -sx), (0.0, sx, cx)))
        turns[2].append(((cz, -sz, 0.0), (sz, cz, 0.0), (0.0, 0.0, 1.0)))
    about_y, about_x, about_z = np.array(turns)
    return (about_y @ about_x @ about_z - np.eye(3)).astype(np.float32)


def _gazes(expression: Expression) -> list[tuple[float, float]]:
    """Degrees sideways and up of the right (−X) and the left eye: they converge a little, as on something a
    metre or two away."""
    sideways, up = expression.gaze_deg
    return [(sideways + vergence, up) for vergence in VERGENCE_DEG]


def shape_head(anatomy: Anatomy, figure: Figure) -> Geometry:
    """Vertices and normals of one person, by kernels."""
    return shape_heads(anatomy, [figure])[0]


def shape_heads(anatomy: Anatomy, figures: Sequence[Figure]) -> list[Geometry]:
    """The same of several people, whose bits do not depend on each other."""
    expressions = [figure.expression for figure in figures]
    identities = [figure.identity for figure in figures]
    weights = shape_weights(anatomy, identities, expressions)
    blended = anatomy.packed_shapes.blend(weights, [identity.asymmetry for identity in identities])
    heads, count = len(figures), anatomy.welded_count
    points, landmarks = torch.empty(heads, count, 4), torch.empty(heads, 5, 3)
    extents = torch.empty(heads, 3)
    turns = [eye_turns([_gazes(expression) for expression in expressions]), _shoulder_turns(expressions)]
    gazes, shoulders = map(torch.from_numpy, turns)
    thickness = torch.from_numpy(np.stack([figure.thickness for figure in figures]))
    inputs = [_frame(anatomy), heads, count, blended, shoulders, gazes, thickness, torch.empty(count, 4)]
    launch(heads_rows.place, 1, [*inputs, points, landmarks, extents], points.device)
    left, right, back = extents.numpy().T
    half_widths, backs = (0.5 * (right - left).astype(np.float64), -back.astype(np.float64))
    curtains = [figure.curtain for figure in figures]
    points.numpy()[:, -len(CURTAIN_PLACE) :, :3] = shape_curtains(curtains, half_widths, backs, TEMPLES)
    corners = corner_normals(points, anatomy.incidence, anatomy.corners)
    parts = (*(part.split(1) for part in corners), landmarks)
    return [
        Geometry(mesh=anatomy.mesh(vertices, normals), landmarks=five)
        for vertices, normals, five in zip(*parts, strict=True)
    ]


@lru_cache(maxsize=1)
def _frame(anatomy: Anatomy) -> Packed:
    """Of the anatomy that all heads share; computed once."""
    fields = vertex_fields()
    nose, *level = anatomy.profile
    return packed(
        heads_rows.Frame,
        **anatomy.placing,
        pivot=wp.vec3(NECK_PIVOT),
        level=wp.vec2i(*level),
        scalp=fields.incidence.blocks,
        skull=torch.from_numpy(fields.skull.astype(np.int32)),
        marks=wp.vec3i(nose, *anatomy.mouth_corners),
    )


def shape_head_plainly(anatomy: Anatomy, figure: Figure) -> Geometry:
    """The readable twin of `shape_head`."""
    expression = figure.expression
    weights = [part[0] for part in shape_weights(anatomy, [figure.identity], [expression])]
    basis = blend(anatomy.shapes, weights, figure.identity.asymmetry)
    below = 1.0 - anatomy.head_weight[:, None]
    basis = basis + ((basis - NECK_PIVOT) * below) @ _shoulder_turns([expression])[0].T
    refined = anatomy.refine(basis)
    welded = np.zeros((anatomy.welded_count, 3))
    welded[: len(refined)] = refined
    eyes = _add_eyes(anatomy, welded, expression)
    welded += angle_weighted_normals(welded, vertex_fields().incidence) * figure.thickness[:, None]
    welded[-len(CURTAIN_PLACE) :] = _hang_hair(welded, figure.curtain)
    normals = angle_weighted_normals(welded, anatomy.incidence)
    places, normals = (
        torch.from_numpy(part[anatomy.corner_vertex].astype(np.float32))[None] for part in (welded, normals)
    )
    marks = np.concatenate([eyes, welded[[anatomy.profile[0], *anatomy.mouth_corners]]])
    return Geometry(mesh=anatomy.mesh(places, normals), landmarks=torch.from_numpy(marks.astype(np.float32)))


def _add_eyes(anatomy: Anatomy, welded: np.ndarray, expression: Expression) -> np.ndarray:
    """Put eyeballs behind the first of the welded vertices (W, 3) and move the origin from between the eyes
    of the template to between the ears of this person, in place; where the eyes face forward (2, 3)."""
    eyes = [
        place_eye(welded[guide], gaze)
        for guide, gaze in zip(anatomy.guide_eyes, _gazes(expression), strict=True)
    ]
    before = len(welded) - len(CURTAIN_PLACE) - sum(len(vertices) for vertices, _, _ in eyes)
    welded[before : -len(CURTAIN_PLACE)] = np.concatenate([vertices for vertices, _, _ in eyes])
    welded[-len(CURTAIN_PLACE) :] = 0.0
    centres = np.stack([centre for _, centre, _ in eyes])
    _, brow, nape = anatomy.profile
    origin = centres.mean(axis=0)
    origin[2] = 0.5 * (welded[brow, 2] + welded[nape, 2])
    welded -= origin
    return centres - origin + np.array([0.0, 0.0, eyes[0][2]], dtype=np.float32)


def _hang_hair(welded: np.ndarray, curtain: Curtain) -> np.ndarray:
    """Hanging hair (C, 3) around the half axes of the head, hair cap included."""
    skull = welded[vertex_fields().skull]
    level = skull[(skull[:, 1] > 0.0) & (skull[:, 1] < 0.05)]
    half_width = 0.5 * np.ptp(level[:, :1], axis=0)
    return shape_curtains([curtain], half_width, -level[:, 2:].min(axis=0), TEMPLES)[0]
