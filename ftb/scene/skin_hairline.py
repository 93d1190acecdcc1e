"""Where the scalp begins: height above the hairline, in the frame of `ftb.scene.skin_fields`."""

from __future__ import annotations

import numpy as np

from ftb.scene.skin_noise import SKULL_Z

# Height (cm) of the hairline against the angle from straight ahead: forehead, temple, sideburn, over the
# ear, behind it, nape.
_HAIRLINE_DEG = (0.0, 20.0, 34.0, 44.0, 53.0, 60.0, 66.0, 72.0, 78.0, 84.0, 105.0, 112.0, 125.0, 150.0, 180.0)
_HAIRLINE_CM = (6.9, 7.1, 6.7, 5.2, 3.4, 1.6, -0.6, -2.4, -1.2, 1.5, 1.2, -2.4, -5.6, -6.8, -7.2)
NO_HAIR = -9.0  # cm: what ears, and all that is not the head, stand above the hairline


def hairline_height(point_cm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Signed distance (…,) above the hairline, cm, and the temple's weight in [0, 1], of points (…, 3)."""
    across, up, forward = np.abs(point_cm[..., 0]), point_cm[..., 1], point_cm[..., 2] - SKULL_Z
    angle = np.degrees(np.arctan2(across, forward))
    line = np.interp(angle, _HAIRLINE_DEG, _HAIRLINE_CM)
    slope = (
        np.interp(angle + 3.0, _HAIRLINE_DEG, _HAIRLINE_CM)
        - np.interp(angle - 3.0, _HAIRLINE_DEG, _HAIRLINE_CM)
    ) / (6.0 * np.pi / 180.0 * 7.5)
    temple = np.exp(-(((angle - 38.0) / 14.0) ** 2))
    return (up - line) / np.sqrt(1.0 + slope * slope), temple


def hair_growth(point_cm: np.ndarray, ears: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """(N,) height above the hairline where hair grows, on `skin` (N,) > 0 without ears (N,) in [0, 1]."""
    return np.where((skin > 0) & (ears < 0.3), hairline_height(point_cm)[0], NO_HAIR)
