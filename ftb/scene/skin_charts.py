"""The parts of the texture that no layer of skin touches, chart by chart."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ftb.scene.skin_eyes import paint_inside
from ftb.scene.skin_fields import CURTAIN_WAVES, Fields
from ftb.scene.skin_look import Look
from ftb.scene.skin_noise import weighted_sum
from ftb.scene.skin_tints import grain_shift, hair_colours

# Perceptual roughness and F0 of what is not skin.
MATERIALS = {
    "eye": (0.10, 0.04),
    "socket": (0.25, 0.03),
    "mouth": (0.35, 0.03),
    "teeth": (0.25, 0.05),
    "tongue": (0.35, 0.03),
    "lash": (0.7, 0.03),
    "curtain": (0.60, 0.046),
}


def hanging_hair(fields: Fields, looks: Sequence[Look]) -> np.ndarray:
    """Shades (H, Nc) of the sheet of hanging hair: strands from top to bottom."""
    rows = fields.atlas.rows["curtain"]
    weights, grain = [], []
    for look in looks:
        shift, phase = grain_shift(look), 6.28 * look.skin.shuffle[2]
        turns = [(math.cos(bend * phase), math.sin(bend * phase)) for _, bend in CURTAIN_WAVES]
        weights.append([*(0.13 * part for turn in turns for part in turn), 0.04, -1.5])
        grain.append(fields.grain[shift + rows.start : shift + rows.stop])
    tone = weighted_sum(
        [*fields.curtain_waves, np.stack(grain), fields.atlas.point[rows, 1]],
        np.array(weights, dtype=np.float32).T[..., None],
    )
    return np.exp(tone, out=tone)


def inside_charts(fields: Fields, looks: Sequence[Look], lips: np.ndarray) -> dict[str, np.ndarray]:
    """Albedo (H, 3, n) or (H, 3, 1) of the charts of `MATERIALS` but the eyes: no layer touches them. lips
    (H, 3)."""
    hair = hair_colours(looks)[..., None]
    curtain = hair * hanging_hair(fields, looks)[:, None]
    return paint_inside(fields, lips) | {"lash": np.minimum(0.7 * hair, 0.02), "curtain": curtain}
