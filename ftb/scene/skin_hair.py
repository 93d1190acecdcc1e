"""Hair and beard as shape: the scalp pushed outwards along its normals, unevenly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

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


def hair_thickness(look: Look) -> np.ndarray:
    """Outward displacement (W,) in metres of every welded vertex."""
    fields = vertex_fields()
    style = STYLES[look.hair.style]
    height = hair_height(fields.hairline, fields.temple, fields.front_crown, look)
    top, side = look.hair.thickness
    full = side + (top - side) * ramp(1.0, 8.5, fields.point[:, 1])
    uneven = 1.0 + style.uneven * (
        0.40 * weighted_sum(fields.noise[0], look.noise[0][1])
        + 0.16 * weighted_sum(fields.noise[1], look.noise[1][2])
    )
    hair = full * np.clip(uneven, 0.35, 1.8) * ramp(-0.2, 0.5 + 0.5 * max(look.hair.thickness), height)
    density, length = look.hair.beard
    if density * length > 0.0:
        tufts = np.clip(0.8 + 0.3 * weighted_sum(fields.noise[1], look.noise[1][0]), 0.2, 1.6)
        # In double precision, which is how the heads of all versions have been made.
        hair = np.maximum(hair, 0.5 * fields.beard * np.float64(density) * length * tufts)
    thickness = np.zeros(load_anatomy().welded_count, dtype=np.float32)
    thickness[fields.scalp] = 0.01 * hair
    return thickness
