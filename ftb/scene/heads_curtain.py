"""Hanging hair: a closed sheet around the back and the sides of the head, hidden inside it when hair is
short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

COLUMNS, ROWS = 26, 11  # around the head on each side of the sheet, and down it
SHEET = 0.5  # cm between the sheet's middle and its sides
TOP_CM = 6.2  # where it leaves the cap, above the eyes


def _grid() -> tuple[np.ndarray, np.ndarray]:
    """(C, 3): column in [−1, 1] around the head, row in [0, 1] down, side (+1 outer, −1 inner); faces (Fc,
    3)."""
    around = np.linspace(-1.0, 1.0, COLUMNS)
    ring = np.concatenate(
        [np.stack([around, np.ones(COLUMNS)], axis=1), np.stack([around[::-1], -np.ones(COLUMNS)], axis=1)]
    )
    rows = np.linspace(0.0, 1.0, ROWS)
    count = len(ring)
    place = np.concatenate([np.column_stack([ring[:, 0], np.full(count, row), ring[:, 1]]) for row in rows])
    index = np.arange(count)
    after = (index + 1) % count
    faces = []
    for row in range(ROWS - 1):
        upper, lower = row * count, (row + 1) * count
        faces.append(np.stack([upper + index, lower + index, lower + after], axis=1))
        faces.append(np.stack([upper + index, lower + after, upper + after], axis=1))
    outer, inner = np.arange(COLUMNS - 1), count - 1 - np.arange(COLUMNS - 1)
    for row, flip in ((0, True), (ROWS - 1, False)):  # close the top and the bottom
        start = row * count
        cap = [
            np.stack([start + outer, start + inner, start + inner - 1], axis=1),
            np.stack([start + outer, start + inner - 1, start + outer + 1], axis=1),
        ]
        faces += [part[:, ::-1] for part in cap] if flip else cap
    return place, np.concatenate(faces)


CURTAIN_PLACE, CURTAIN_FACES = _grid()
_AROUND, _DOWN, _SIDE = np.ascontiguousarray(CURTAIN_PLACE.T)
# Hair is shorter towards the face and turns in at the tips; the sides of the sheet part below its top.
_SHORTER, _INWARD = 0.14 * _AROUND**6, 1.0 - 0.8 * _DOWN**4
_APART = SHEET * _SIDE * np.clip(_DOWN * 3.0, 0.0, 1.0)
# Of short hair, a millimetre wide, where nobody sees it.
_HIDDEN = (np.stack([_AROUND, -_DOWN, _SIDE], axis=1) * 1e-3 - [0.0, 0.0, 0.02]).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Curtain:
    """Hanging hair of one person: fall, cm below the eyes (0: none); opening, degrees from straight ahead
    where it begins; volume, cm off the cap; waves: amplitude (cm), and two phases."""

    fall: float
    opening: float
    volume: float
    waves: tuple[float, float, float]


def curtain_uvs(box: np.ndarray) -> np.ndarray:
    """(C, 2) atlas uvs; both sides of the sheet share texels."""
    flat = np.stack([0.5 + 0.5 * CURTAIN_PLACE[:, 0], 1.0 - CURTAIN_PLACE[:, 1]], axis=1)
    return box[:2] + flat * (box[2:] - box[:2])


def shape_curtains(
    curtains: Sequence[Curtain], half_widths: np.ndarray, backs: np.ndarray, front: float
) -> np.ndarray:
    """Vertices (H, C, 3) in metres, origin between the ears at eye level, of heads with hair of these half
    axes (m): sideways (H,), backwards (H,) and forwards to the temples."""
    vertices = np.empty((len(curtains), len(CURTAIN_PLACE), 3), dtype=np.float32)
    hanging = np.array([curtain.fall > 0.0 for curtain in curtains])
    vertices[~hanging] = _HIDDEN
    if hanging.any():
        long = [curtain for curtain in curtains if curtain.fall > 0.0]
        vertices[hanging] = _hung(long, half_widths[hanging, None], backs[hanging, None], front)
    return vertices


def _hung(curtains: list[Curtain], half_width: np.ndarray, back: np.ndarray, front: float) -> np.ndarray:
    """As `shape_curtains`, of hair that hangs; half axes (H, 1)."""
    numbers = [[each.fall, each.opening, each.volume, *each.waves] for each in curtains]
    fall, opening, volume, amplitude, phase, second = np.array(numbers).T[..., None]  # (H, 1) each
    angle = np.radians(180.0 + _AROUND * (180.0 - opening))  # from straight ahead, round the back
    length = fall * (1.0 + 0.06 * np.cos(9.0 * _AROUND + phase) - _SHORTER)
    height = TOP_CM - _DOWN * (TOP_CM + length)
    # The skull narrows above the temples; below the jaw, hair hangs a little closer.
    scale = np.interp(height, (-30.0, -12.0, -5.0, 1.0, 4.0, TOP_CM), (0.99, 0.95, 1.00, 1.00, 0.95, 0.80))
    wave = (
        amplitude
        * _DOWN
        * (np.sin(17.0 * _AROUND + 0.35 * height + phase) + np.sin(31.0 * _AROUND + second))
        * 0.5
    )
    full = np.clip((3.5 - height) / 6.0, 0.0, 1.0) * _INWARD  # swells over the ears
    out = volume * full + wave + _APART
    ahead = np.cos(angle)
    depth = np.where(ahead < 0.0, back, front) * 100.0
    x = np.sin(angle) * (half_width * 100.0 * scale + out)
    z = ahead * (depth * scale + out)
    return (np.stack([x, height, z], axis=2) * 0.01).astype(np.float32)
