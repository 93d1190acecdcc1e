"""Lays the head's charts out in one square texture, so that the face gets most of the texels."""

from __future__ import annotations

import numpy as np
from topology import CHARTS

# Boxes (left, bottom, right, top) in the atlas, v up. Eyes and eyelids of both sides share one chart.
BOXES = {
    "head": (0.004, 0.262, 0.996, 0.996),
    "torso": (0.004, 0.004, 0.370, 0.250),
    "eye": (0.504, 0.004, 0.750, 0.250),
    "mouth": (0.760, 0.110, 0.996, 0.250),
    "socket": (0.760, 0.004, 0.858, 0.100),
    "teeth": (0.868, 0.004, 0.996, 0.050),
    "tongue": (0.868, 0.060, 0.996, 0.100),
    "lash": (0.505, 0.005, 0.533, 0.033),  # a corner that the round eye chart leaves free
    "curtain": (0.380, 0.004, 0.494, 0.250),
}
FACE_U, FACE_V = 0.872, 0.4835  # middle of the face in MakeHuman's layout, where up is −u
STRETCH_X, STRETCH_Y = 6.0, 4.0  # how much denser the texels are at the middle of the face


def _stretch(value: np.ndarray, scale: float, strength: float) -> np.ndarray:
    """Monotone map with slope falling away from 0."""
    return np.arcsinh(strength * value / scale)


def _unit(value: np.ndarray) -> np.ndarray:
    return (value - value.min()) / (value.max() - value.min())


def _chart_head(uv: np.ndarray) -> np.ndarray:
    across = _stretch(uv[:, 1] - FACE_V, 0.335, STRETCH_X)
    up = _stretch(FACE_U - uv[:, 0], 0.234, STRETCH_Y)
    return np.stack([_unit(-across), _unit(up)], axis=1)


def _chart_plain(uv: np.ndarray) -> np.ndarray:
    return np.stack([_unit(uv[:, 0]), _unit(uv[:, 1])], axis=1)


def _chart_torso(uv: np.ndarray) -> np.ndarray:
    """The neck is at the top middle of MakeHuman's torso; below it is cloth of one colour."""
    across = _stretch(uv[:, 0] - 0.380, 0.26, 4.0)
    up = -_stretch(0.974 - uv[:, 1], 0.32, 8.0)
    return np.stack([_unit(across), _unit(up)], axis=1)


def _chart_socket(uv: np.ndarray) -> np.ndarray:
    """Both sockets over each other, mirrored."""
    left = uv[:, 0] > 0.0815
    across = np.where(left, 0.163 - uv[:, 0], uv[:, 0])
    return np.stack([_unit(across), _unit(uv[:, 1])], axis=1)


def _chart_tongue(uv: np.ndarray) -> np.ndarray:
    return np.stack([_unit(uv[:, 1]), _unit(uv[:, 0])], axis=1)


CHART_MAPS = {
    "head": _chart_head,
    "socket": _chart_socket,
    "tongue": _chart_tongue,
    "mouth": _chart_plain,
    "torso": _chart_torso,
    "teeth": _chart_plain,
    "lash": _chart_plain,
}


def lay_out(corner_uv: np.ndarray, corner_chart: np.ndarray) -> np.ndarray:
    """MakeHuman uvs (V, 2) and chart numbers (V,) to atlas uvs (V, 2)."""
    uvs = np.zeros_like(corner_uv)
    for name, chart_map in CHART_MAPS.items():
        inside = corner_chart == CHARTS.index(name)
        left, bottom, right, top = BOXES[name]
        uvs[inside] = chart_map(corner_uv[inside]) * [right - left, top - bottom] + [left, bottom]
    return uvs
