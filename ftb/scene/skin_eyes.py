"""The texture of the eyes: sclera, limbal ring, iris, pupil; and what lies inside lids and mouth."""

from __future__ import annotations

import numpy as np

from ftb.scene.skin_fields import Fields
from ftb.scene.skin_look import Look


def _soft_step(edge: float, width: float, value: np.ndarray) -> np.ndarray:
    """0 below the edge, 1 above."""
    share = np.clip((value - edge) / width + 0.5, 0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)


def eye_shade(fields: Fields) -> np.ndarray:
    """(Ne,) the lids and lashes dim the edges of the eyes."""
    return np.maximum(fields.atlas.masks["openness"][fields.atlas.rows["eye"]], 0.2) ** np.float32(0.7)


def eye_sides(fields: Fields) -> np.ndarray:
    """(Ne,) 0 around the iris, 1 towards the corners of the eye."""
    return np.clip((fields.atlas.eye_polar[:, 0] - 0.5) / 0.7, 0.0, 1.0)


def eye_dimness(fields: Fields) -> np.ndarray:
    """(Ne,) the upper lid and its lashes dim the top of the eye at any light."""
    polar, azimuth = fields.atlas.eye_polar.T
    return 1.0 - 0.30 * np.clip(np.sin(azimuth) * np.sin(np.minimum(polar, 1.5)) / 0.42, 0.0, 1.0)


def edge_widths(size: int, iris_size: float) -> tuple[float, float, float]:
    """Of the edges of limbus (relative to the iris), pupil and iris (radians) in a texture of `size` texels:
    edges are never sharper than those are wide."""
    texel = 3.4 / (0.246 * size)  # radians
    return max(0.2, texel / iris_size), max(0.05, texel), max(0.07, 1.5 * texel)


def paint_eyes(fields: Fields, look: Look) -> np.ndarray:
    """Albedo (3, Ne) of the eyes' texels, both eyes alike; the readable twin of `skin_rows.paint_eyes`."""
    polar = fields.atlas.eye_polar[:, 0]
    limbus_width, pupil_width, iris_width = edge_widths(fields.atlas.size, look.eyes.iris_size)
    tint = np.array([1.25, 1.0, 0.75])
    share = polar / np.float32(look.eyes.iris_size)
    fibre = 1.0 + 0.16 * fields.iris_fibre * np.clip(share - 0.3, 0.0, 0.5)
    collar = np.exp(
        -(((share - np.float32(look.eyes.pupil + 0.14)) / np.float32(0.12)) ** 2)
    )  # paler around the pupil
    limbus = 1.0 - 0.72 * _soft_step(0.88, limbus_width, share)
    open_pupil = _soft_step(look.eyes.iris_size * look.eyes.pupil, pupil_width, polar)
    side, dim = eye_sides(fields), eye_dimness(fields)
    outside = _soft_step(look.eyes.iris_size, iris_width, polar)
    albedo = np.empty((3, len(polar)), dtype=np.float32)
    for channel in range(3):
        ring = look.eyes.iris[channel] * ((0.85 + 0.3 * share) * fibre + 0.35 * tint[channel] * collar)
        iris = ring * limbus * open_pupil + 0.006 * (1.0 - open_pupil)
        white = look.eyes.sclera * (1.0, 0.95, 0.90)[channel] * (1.0 - 0.16 * side)
        white = white * (1.0 - (0.05, 0.20, 0.22)[channel] * side * fields.eye_veins)
        albedo[channel] = (iris + (white - iris) * outside) * dim
    return albedo


def paint_inside(fields: Fields, lips: np.ndarray) -> dict[str, np.ndarray]:
    """Albedo (H, 3, n), or of size 1 where all are alike, of the charts nobody sees much of: mouth, lids'
    insides, teeth, tongue; lips (H, 3) colours."""
    rows = fields.atlas.rows
    light, lip = lips.mean(axis=1)[:, None, None], lips[..., None]
    flesh = np.array([[0.36], [0.115], [0.10]]) * (0.6 + 0.4 * np.minimum(1.0, light * 4.0))
    deep = fields.mouth_depth[rows["mouth"]]
    share = np.minimum(1.0, 4.0 * deep)
    mouth = lip * (1.0 - share)
    mouth += flesh * share
    mouth *= 1.0 - 0.85 * deep
    teeth = np.array([[[0.56], [0.50], [0.40]]]) * (1.0 - 0.5 * fields.mouth_depth[rows["teeth"]])
    tongue = 1.1 * flesh * (1.0 - 0.6 * fields.mouth_depth[rows["tongue"]])
    socket = np.array([[0.36], [0.17], [0.14]]) * (0.5 + light)
    return {"mouth": mouth, "teeth": teeth, "tongue": tongue, "socket": socket}
