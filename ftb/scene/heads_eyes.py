"""Eyeballs: a round mesh with a corneal bulge, finer than the base mesh's, placed and turned rigidly."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

_RINGS_DEG = (0.0, 4.0, 8.0, 12.0, 16.0, 20.0, 24.0, 28.0, 32.0, 37.0, 43.0, 52.0, 64.0, 78.0, 95.0)
_SEGMENTS = 20
CORNEA_DEG = 30.0  # half angle of the cornea, as the eye's centre sees it
CORNEA_BULGE = 0.055  # of the radius; the base mesh's eye has as much


def _polar() -> np.ndarray:
    """(E, 2) polar angle from the front and azimuth of every vertex, radians; the pole first."""
    rows = [(0.0, 0.0)]
    for ring in _RINGS_DEG[1:]:
        rows += [
            (math.radians(ring), 2.0 * math.pi * (index + 0.5) / _SEGMENTS) for index in range(_SEGMENTS)
        ]
    return np.array(rows)


def _unit(polar: np.ndarray) -> np.ndarray:
    """(E, 3) unit eye about its centre, looking along +Z; the back, never seen, is left open."""
    angle, azimuth = polar[:, 0], polar[:, 1]
    inside = np.clip(1.0 - angle / math.radians(CORNEA_DEG), 0.0, 1.0)
    radius = 1.0 + CORNEA_BULGE * inside * inside * (3.0 - 2.0 * inside)
    sine = np.sin(angle)
    return np.stack([sine * np.cos(azimuth), sine * np.sin(azimuth), np.cos(angle)], axis=1) * radius[:, None]


def _faces() -> np.ndarray:
    """(Fe, 3) counter-clockwise from outside."""
    index = np.arange(_SEGMENTS)
    after = (index + 1) % _SEGMENTS
    faces = [np.stack([np.zeros_like(index), 1 + index, 1 + after], axis=1)]
    for ring in range(len(_RINGS_DEG) - 2):
        inner, outer = 1 + ring * _SEGMENTS, 1 + (ring + 1) * _SEGMENTS
        faces.append(np.stack([inner + index, outer + index, outer + after], axis=1))
        faces.append(np.stack([inner + index, outer + after, inner + after], axis=1))
    return np.concatenate(faces)


EYE_POLAR = _polar()
EYE_UNIT = _unit(EYE_POLAR).astype(np.float32)
EYE_FACES = _faces()


def eye_turns(gazes_deg: Sequence) -> np.ndarray:
    """Columns (..., 3, 4), the last number 0, of the turns of eyes that gaze (..., 2) degrees sideways (+X)
    and up: about the axis across the head, then about that up through it."""
    yaw, pitch = np.radians(np.array(gazes_deg) * (1.0, -1.0)).reshape(-1, 2).T.tolist()
    turns = []
    for (sy, cy), (sx, cx) in zip(map(_sine_cosine, yaw), map(_sine_cosine, pitch), strict=True):
        turns.append(((cy, 0.0, -sy, 0.0), (sy * sx, cx, cy * sx, 0.0), (sy * cx, -sx, cy * cx, 0.0)))
    return np.array(turns, dtype=np.float32).reshape(*np.shape(gazes_deg)[:-1], 3, 4)


def _sine_cosine(angle: float) -> tuple[float, float]:
    return math.sin(angle), math.cos(angle)


def place_eye(guide: np.ndarray, gaze_deg: tuple[float, float]) -> tuple[np.ndarray, np.ndarray, float]:
    """Eyeball over the base mesh's own eye `guide` (72, 3): vertices (E, 3), centre (3,), radius.

    gaze_deg: sideways (+X) and up.
    """
    low, high = guide.min(axis=0), guide.max(axis=0)
    radius = float(high[1] - low[1] + high[0] - low[0]) / 4.0
    centre = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2] + radius], dtype=np.float32)
    turn = eye_turns([gaze_deg])[0, :, :3].T
    # Written out instead of a matrix product: BLAS may sum in another order on another machine.
    turned = EYE_UNIT[:, 0:1] * turn[:, 0] + EYE_UNIT[:, 1:2] * turn[:, 1] + EYE_UNIT[:, 2:3] * turn[:, 2]
    return centre + np.float32(radius) * turned, centre, radius
