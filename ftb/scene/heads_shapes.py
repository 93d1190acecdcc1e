"""Blend shapes packed by the part of the face they move: most move a tenth of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ShapeGroup:
    """Shapes of one family. numbers (K,): which of all shapes; places (n,): the coordinates that any of them
    moves, in a flat (3V,) array; rows (K, n) float32, their displacements."""

    numbers: tuple[int, ...]
    places: np.ndarray
    rows: np.ndarray


def pack_shapes(families: Sequence[str], shapes: Sequence[np.ndarray], unit: float) -> list[ShapeGroup]:
    """Group shapes (V, 3), in steps of `unit`, by the name of their family; both in the same order."""
    groups = []
    for family in dict.fromkeys(families):
        numbers = tuple(number for number, name in enumerate(families) if name == family)
        rows = np.stack([shapes[number].ravel() for number in numbers])
        places = np.flatnonzero(rows.any(axis=0))
        groups.append(ShapeGroup(numbers, places, rows[:, places].astype(np.float32) * np.float32(unit)))
    return groups


def add_shapes(total: np.ndarray, groups: Sequence[ShapeGroup], weights: Sequence[float]) -> None:
    """Add all shapes times their weights (K,) to contiguous vertices (V, 3), in place.

    Plain loops: the sum's order, and so its bits, never depend on threads.
    """
    flat = total.reshape(-1)
    for group in groups:
        chosen = [(row, weights[number]) for row, number in zip(group.rows, group.numbers, strict=True)]
        chosen = [(row, weight) for row, weight in chosen if weight != 0.0]
        if not chosen:
            continue
        moved = flat.take(group.places)
        part = np.empty_like(moved)
        for row, weight in chosen:
            np.multiply(row, np.float32(weight), out=part)
            np.add(moved, part, out=moved)
        flat[group.places] = moved
