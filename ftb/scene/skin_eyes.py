"""The texture of the eyes: sclera, limbal ring, iris, pupil; and what lies inside lids and mouth."""

from __future__ import annotations

import numpy as np

from ftb.scene.skin_fields import Fields
from ftb.scene.skin_look import Look


def _soft_step(edge: float, width: float, value: np.ndarray) -> np.ndarray:
    """0 below the edge, 1 above."""
    share = np.clip((value - edge) / width + 0.5, 0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)


def paint_eyes(fields: Fields, look: Look) -> np.ndarray:
    """Albedo (Ne, 3) of the eyes' texels, both eyes alike."""
    polar, azimuth = fields.atlas.eye_polar[:, 0], fields.atlas.eye_polar[:, 1]
    texel = 3.4 / (0.246 * fields.atlas.size)  # radians a texel: edges are never sharper than that
    share = polar / np.float32(look.iris_size)
    spokes = sum(np.cos(waves * azimuth + phase) for waves, phase in ((7, 0.4), (13, 2.0), (23, 4.1), (37, 1.2)))
    fibre = 1.0 + 0.16 * spokes * np.clip(share - 0.3, 0.0, 0.5)
    collar = np.exp(-(((share - look.pupil - 0.14) / 0.12) ** 2))  # paler ring around the pupil
    tint = look.iris * np.array([1.25, 1.0, 0.75])
    iris = look.iris * (0.85 + 0.3 * share[:, None]) * fibre[:, None] + 0.35 * collar[:, None] * tint
    iris *= (1.0 - 0.72 * _soft_step(0.88, max(0.2, texel / look.iris_size), share))[:, None]
    pupil = 1.0 - _soft_step(look.iris_size * look.pupil, max(0.05, texel), polar)
    iris = iris * (1.0 - pupil)[:, None] + 0.006 * pupil[:, None]
    veins = 0.5 + 0.25 * (np.cos(9 * azimuth + 3.0 * polar) + np.cos(17 * azimuth - 5.0 * polar + 1.0))
    side = np.clip((polar - 0.5) / 0.7, 0.0, 1.0)
    white = look.sclera * np.array([1.0, 0.95, 0.90]) * (1.0 - 0.16 * side)[:, None]
    white = white * (1.0 - side[:, None] * veins[:, None] * np.array([0.05, 0.20, 0.22]))
    outside = _soft_step(look.iris_size, max(0.07, 1.5 * texel), polar)[:, None]
    # The upper lid and its lashes dim the top of the eye at any light.
    dim = 1.0 - 0.30 * np.clip(np.sin(azimuth) * np.sin(np.minimum(polar, 1.5)) / 0.42, 0.0, 1.0)
    return (iris * (1.0 - outside) + white * outside) * dim[:, None]


def paint_inside(fields: Fields, look: Look, lip: np.ndarray) -> dict[str, np.ndarray]:
    """Albedo of the charts nobody sees much of: mouth, lids' insides, teeth, tongue; lip (3,) colour."""
    rows = fields.atlas.rows
    flesh = np.array([0.36, 0.115, 0.10]) * (0.6 + 0.4 * min(1.0, float(lip.mean()) * 4.0))
    deep = fields.mouth_depth[rows["mouth"]][:, None]
    mouth = (lip * (1.0 - np.minimum(1.0, 4.0 * deep)) + flesh * np.minimum(1.0, 4.0 * deep)) * (1.0 - 0.85 * deep)
    teeth = np.array([0.56, 0.50, 0.40]) * (1.0 - 0.5 * fields.mouth_depth[rows["teeth"]][:, None])
    tongue = flesh * np.array([1.1, 1.1, 1.1]) * (1.0 - 0.6 * fields.mouth_depth[rows["tongue"]][:, None])
    socket = np.broadcast_to(np.array([0.36, 0.17, 0.14]) * (0.5 + float(lip.mean())), deep.shape[:0] + (
        rows["socket"].stop - rows["socket"].start, 3))
    return {"mouth": mouth, "teeth": teeth, "tongue": tongue, "socket": socket}
