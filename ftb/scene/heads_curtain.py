"""Hanging hair: a closed sheet around the back and the sides of the head, hidden inside it when hair is
short."""

from __future__ import annotations

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


def shape_curtain(curtain: Curtain, half_width: float, back: float, front: float) -> np.ndarray:
    """Vertices (C, 3) in metres, origin between the ears at eye level, of a head with hair of these half
    axes (m): sideways, backwards and forwards to the temples."""
    around, down, side = CURTAIN_PLACE.T
    if curtain.fall <= 0.0:  # a millimetre wide, where nobody sees it
        return (np.stack([around, -down, side], axis=1) * 1e-3 - [0.0, 0.0, 0.02]).astype(np.float32)
    angle = np.radians(180.0 + around * (180.0 - curtain.opening))  # from straight ahead, round the back
    amplitude, phase, second = curtain.waves
    length = curtain.fall * (1.0 + 0.06 * np.cos(9.0 * around + phase) - 0.14 * around**6)
    height = TOP_CM - down * (TOP_CM + length)
    # The skull narrows above the temples; below the jaw, hair hangs a little closer.
    scale = np.interp(height, (-30.0, -12.0, -5.0, 1.0, 4.0, TOP_CM), (0.99, 0.95, 1.00, 1.00, 0.95, 0.80))
    wave = (
        amplitude
        * down
        * (np.sin(17.0 * around + 0.35 * height + phase) + np.sin(31.0 * around + second))
        * 0.5
    )
    full = np.clip((3.5 - height) / 6.0, 0.0, 1.0) * (
        1.0 - 0.8 * down**4
    )  # swells over the ears, turns in at the tips
    out = curtain.volume * full + wave + SHEET * side * np.clip(down * 3.0, 0.0, 1.0)
    depth = np.where(np.cos(angle) < 0.0, back, front) * 100.0
    x = np.sin(angle) * (half_width * 100.0 * scale + out)
    z = np.cos(angle) * (depth * scale + out)
    return (np.stack([x, height, z], axis=1) * 0.01).astype(np.float32)
