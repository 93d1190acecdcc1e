"""Blend shapes: what makes a person, what the sliders change of it, and what the face does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ftb.kernels.starting import launch
from ftb.scene import heads_rows

BLOCK = 32  # coordinates that are blended at once: most shapes move few blocks


@dataclass(frozen=True)
class Shapes:
    """template (V, 3) metres; side (V, 1): −1 on one half of the face, 1 on the other; stages: displacements
    (K, V, 3) of people, sliders and actions, int16 in steps of `unit` metres."""

    template: np.ndarray
    side: np.ndarray
    stages: Sequence[np.ndarray]
    unit: float


def blend(shapes: Shapes, weights: Sequence[np.ndarray], asymmetry: float) -> np.ndarray:
    """Vertices (V, 3) of a head by plain sums: the readable twin of `PackedShapes.blend`. weights: of each
    stage, (K,).

    One half of the face has a little more of every slider than the other, by `asymmetry`.
    """
    people, sliders, actions = (
        np.tensordot(np.float64(shapes.unit) * weight, stage, 1)
        for weight, stage in zip(weights, shapes.stages, strict=True)
    )
    return shapes.template + people + (1.0 + asymmetry * shapes.side) * sliders + actions


class PackedShapes:
    """Shapes cut into blocks of 32 coordinates, without the blocks in which a shape moves nothing; sorted by
    tiles of `heads_rows.TILE` blocks, then by shape."""

    def __init__(self, shapes: Shapes) -> None:
        self._shape, self._unit = shapes.template.shape, shapes.unit
        # (K, blocks, 32) of all stages
        stages = [_blocks(stage.reshape(len(stage), -1)) for stage in shapes.stages]
        everything = np.concatenate(stages)
        self._count = len(everything)
        self._ends = np.cumsum([0, *(len(stage) for stage in stages)])
        number, block = np.nonzero(everything.any(axis=2))
        tiled = block // heads_rows.TILE * self._count + number
        order = np.argsort(tiled, kind="stable")
        number, block, tiled = number[order], block[order], tiled[order]
        tiles = -(-everything.shape[1] // heads_rows.TILE)
        bounds = np.searchsorted(tiled, np.arange(tiles * self._count + 1))
        rows = (bounds.astype(np.int32), block.astype(np.int32), everything[number, block])
        self._rows = [torch.from_numpy(part) for part in rows]
        side = np.broadcast_to(shapes.side, shapes.template.shape).reshape(1, -1)
        flat = [_blocks(shapes.template.reshape(1, -1)), _blocks(side)]
        self._start, self._side = (torch.from_numpy(part.astype(np.float32).ravel()) for part in flat)

    def blend(self, weights: Sequence[np.ndarray], asymmetry: Sequence[float]) -> Tensor:
        """Vertices of H heads, (H, 3V) filled up to whole blocks. weights: of each stage, (H, K). The order
        of the sums, and so their bits, never depend on threads or on other heads."""
        whole = np.concatenate(weights, axis=1).ravel() * self._unit
        active = np.flatnonzero(whole)
        ends = np.searchsorted(active, np.arange(len(asymmetry))[:, None] * self._count + self._ends)
        chosen = [(active % self._count).astype(np.int32), whole[active].astype(np.float32)]
        chosen += [ends.astype(np.int32), np.array(asymmetry, dtype=np.float32)]
        result = torch.empty(len(asymmetry), len(self._start))
        inputs = [self._start, self._side, *self._rows, self._count, *map(torch.from_numpy, chosen), result]
        launch(heads_rows.blend, 1, inputs, result.device)
        return result


def _blocks(rows: np.ndarray) -> np.ndarray:
    """Coordinates (K, n) as (K, blocks, 32), the last block filled up with zeros."""
    return np.pad(rows, ((0, 0), (0, -rows.shape[1] % BLOCK))).reshape(len(rows), -1, BLOCK)
