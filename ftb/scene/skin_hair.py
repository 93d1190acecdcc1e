"""Hair and beard as shape: the scalp pushed outwards along its normals, unevenly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ftb.kernels.lanes import WIDTH as LANES
from ftb.kernels.starting import launch
from ftb.scene import skin_hair_rows
from ftb.scene.heads_anatomy import load_anatomy
from ftb.scene.heads_normals import Incidence, corner_incidence
from ftb.scene.skin_atlas import template_vertices
from ftb.scene.skin_fields import beard_fields, front_and_crown, ramp
from ftb.scene.skin_hairline import hairline_height
from ftb.scene.skin_look import Look
from ftb.scene.skin_noise import noise_banks, weighted_sum
from ftb.scene.skin_paint import hair_height
from ftb.scene.skin_styles import STYLES

# cm above the hairline below which nobody has hair: fringes reach 4.2 down, hairlines and temples 1.4.
LOWEST_HAIR = -6.0
RISE_CM = (1.0, 8.5)  # above the eyes: from where hair is as long as at the sides to where it is as on top
EDGE_CM = -0.2


@dataclass(frozen=True)
class VertexFields:
    """Over the welded vertices `scalp` (S,) on which anybody has hair or a beard: signed height above the
    hairline (cm), temple weight, beard, template points (S, 3) cm, front_crown (2, S), and the noise banks
    of the skin. skull: welded vertices above the hairline; incidence: of the faces around the scalp."""

    scalp: np.ndarray
    hairline: np.ndarray
    temple: np.ndarray
    beard: np.ndarray
    point: np.ndarray
    front_crown: np.ndarray
    noise: tuple[np.ndarray, ...]
    skull: np.ndarray
    incidence: Incidence


@lru_cache(maxsize=1)
def vertex_fields() -> VertexFields:
    """Computed once a process."""
    anatomy = load_anatomy()
    point = template_vertices(anatomy) * 100.0
    masks = {name: np.zeros(len(point)) for name in ("ears", "lips")}
    for name, mask in masks.items():
        np.maximum.at(mask, anatomy.corner_vertex, anatomy.masks[name])
    on_head = np.zeros(len(point), dtype=bool)
    on_head[anatomy.corner_vertex[anatomy.corner_chart == anatomy.charts.index("head")]] = True
    for name in ("mouth", "socket", "eye", "teeth", "tongue"):
        on_head[anatomy.corner_vertex[anatomy.corner_chart == anatomy.charts.index(name)]] = False
    hairline, temple = hairline_height(point)
    hairline = np.where(on_head & (masks["ears"] < 0.2), hairline, -99.0)
    beard = beard_fields(point, masks["lips"])[0] * on_head
    scalp = np.flatnonzero((hairline > LOWEST_HAIR) | (beard > 0.0))
    grown = np.isin(anatomy.welded_faces, scalp).any(axis=1)
    return VertexFields(
        scalp=scalp,
        hairline=hairline[scalp].astype(np.float32),
        temple=temple[scalp].astype(np.float32),
        beard=beard[scalp].astype(np.float32),
        point=point[scalp].astype(np.float32),
        front_crown=front_and_crown(point[scalp]).astype(np.float32),
        noise=noise_banks(point[scalp]),
        skull=np.flatnonzero(hairline > 0.0),
        incidence=corner_incidence(anatomy.welded_faces[grown]),
    )


@lru_cache(maxsize=1)
def _table() -> tuple[Tensor, Tensor]:
    """`VertexFields` as `skin_hair_rows.grow` reads them; computed once a process."""
    fields = vertex_fields()
    rise = ramp(*RISE_CM, fields.point[:, 1])
    single = [fields.hairline, fields.temple, *fields.front_crown, rise, fields.beard]
    rows = np.stack([*single, *fields.noise[0], *fields.noise[1]])
    rows = np.pad(rows, ((0, 0), (0, -rows.shape[1] % LANES))).reshape(len(rows), -1, LANES)
    blocks = np.ascontiguousarray(rows.transpose(1, 0, 2)).ravel()
    return torch.from_numpy(fields.scalp.astype(np.int32)), torch.from_numpy(blocks)


def hair_thicknesses(looks: Sequence[Look]) -> np.ndarray:
    """Outward displacement (H, W) in metres of every welded vertex of several people."""
    thickness = torch.zeros(len(looks), load_anatomy().welded_count)
    single = np.array([_numbers(look) for look in looks], dtype=np.float32)
    weights = [[look.noise[0][1], look.noise[1][2], look.noise[1][0]] for look in looks]
    numbers = np.concatenate([single, np.stack([np.concatenate(row) for row in weights])], axis=1)
    beards = torch.tensor([look.hair.beard for look in looks], dtype=torch.float64)
    inputs = [*_table(), torch.from_numpy(numbers), beards, thickness]
    launch(skin_hair_rows.grow, 1, inputs, thickness.device)
    return thickness.numpy()


def _numbers(look: Look) -> list[float]:
    """What `skin_hair_rows.NUMBERS` names."""
    hair, (top, side) = look.hair, look.hair.thickness
    heights = [hair.hairline, hair.temple, hair.fringe, 9.0 * hair.crown]
    low, high = _edge_cm(look)
    return [*heights, side, top - side, STYLES[hair.style].uneven, low, 1.0 / (high - low)]


def _edge_cm(look: Look) -> tuple[float, float]:
    """Above the hairline, where hair begins and where it is as thick as it gets."""
    return EDGE_CM, 0.5 + 0.5 * max(look.hair.thickness)


def hair_thickness(look: Look) -> np.ndarray:
    """Outward displacement (W,) in metres of every welded vertex: the readable twin of `hair_thicknesses`."""
    fields = vertex_fields()
    style = STYLES[look.hair.style]
    height = hair_height(fields.hairline, fields.temple, fields.front_crown, look)
    top, side = look.hair.thickness
    full = side + (top - side) * ramp(*RISE_CM, fields.point[:, 1])
    uneven = 1.0 + style.uneven * (
        0.40 * weighted_sum(fields.noise[0], look.noise[0][1])
        + 0.16 * weighted_sum(fields.noise[1], look.noise[1][2])
    )
    hair = full * np.clip(uneven, 0.35, 1.8) * ramp(*_edge_cm(look), height)
    density, length = look.hair.beard
    if density * length > 0.0:
        tufts = np.clip(0.8 + 0.3 * weighted_sum(fields.noise[1], look.noise[1][0]), 0.2, 1.6)
        # In double precision: frozen splits are made again to the byte.
        hair = np.maximum(hair, 0.5 * fields.beard * np.float64(density) * length * tufts)
    thickness = np.zeros(load_anatomy().welded_count, dtype=np.float32)
    thickness[fields.scalp] = 0.01 * hair
    return thickness
