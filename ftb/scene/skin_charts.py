"""The parts of the texture that no layer of skin touches, chart by chart."""

from __future__ import annotations

import math

import numpy as np

from ftb.scene.skin_eyes import paint_inside
from ftb.scene.skin_fields import CURTAIN_WAVES, Fields
from ftb.scene.skin_look import Look
from ftb.scene.skin_noise import weighted_sum
from ftb.scene.skin_tints import grain_shift, hair_colour

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


def hanging_hair(fields: Fields, look: Look) -> np.ndarray:
    """Albedo (3, Nc) of the sheet of hanging hair: strands from top to bottom."""
    rows, shift = fields.atlas.rows["curtain"], grain_shift(look)
    phase = 6.28 * look.skin.shuffle[2]
    turns = [(math.cos(bend * phase), math.sin(bend * phase)) for _, bend in CURTAIN_WAVES]
    tone = weighted_sum(
        [*fields.curtain_waves, fields.grain[shift:][rows], fields.atlas.point[rows, 1]],
        [*(0.13 * part for turn in turns for part in turn), 0.04, -1.5],
    )
    return hair_colour(look)[:, None] * np.exp(tone)


def inside_charts(fields: Fields, look: Look, lips: np.ndarray) -> dict[str, np.ndarray]:
    """Albedo (3, n) or (3, 1) of the charts of `MATERIALS` but the eyes: no layer touches them. lips (3,)."""
    lash = np.minimum(0.7 * hair_colour(look)[:, None], 0.02)
    return paint_inside(fields, look, lips) | {"lash": lash, "curtain": hanging_hair(fields, look)}
