"""What hides the sky, as a tree of sixteen children a node: on a CPU three times as fast as `wp.Mesh`.

`ftb.render.occlusion.Occluder` is the readable twin: both answer alike, to the bit, but where `wp.Mesh`
itself loses a hit that exact arithmetic finds, as on slivers far away.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ftb.kernels.starting import floats, launch, packed
from ftb.maths.shapes import expect_shape
from ftb.render import wide_tree_kernel as kernels
from ftb.render.occlusion import RAY_OFFSET_M, SkyDirections, sky_struct
from ftb.render.wide_tree_rays import RAY_NUMBERS
from ftb.types import Mesh

WIDTH = 16
EMPTY = 1e30


class WideTree:
    """As `Occluder`, as far as `sky_rows` goes, of a mesh on the CPU."""

    def __init__(self, mesh: Mesh, chosen: Tensor | None = None) -> None:
        expect_shape(mesh.vertices, "1 V 3", name="mesh.vertices")
        faces = mesh.faces.numpy()
        nodes = grouped(mesh.vertices[0].detach().float().numpy()[faces])
        count, tops = len(nodes), -(-len(nodes) // WIDTH)
        places = np.zeros((count * WIDTH, 3, WIDTH), dtype=np.int32)
        filled = []
        for number, leaves in enumerate(nodes):
            for leaf, triangles in enumerate(leaves, start=number * WIDTH):
                # A triangle of one point three times meets nothing.
                places[leaf] = faces[triangles[0], 0]
                places[leaf, :, : len(triangles)] = faces[triangles].T
                filled.append(leaf)
        self._points = mesh.vertices[0]
        points = len(self._points)
        self._tree = {
            "chosen": (torch.arange(points) if chosen is None else chosen).to(torch.int32),
            "shape": torch.zeros(3 * points),
            "leaves": torch.tensor(filled, dtype=torch.int32),
            "places": torch.from_numpy(places.ravel()),
            "corners": torch.zeros(count * WIDTH * 9 * WIDTH),
            "boxes": _no_boxes(count),
            "tops": _no_boxes(tops),
            "sides": torch.zeros(count * WIDTH),
        }

    def sky_rows(
        self, points: Tensor, normals: Tensor, needed: Tensor, sky: SkyDirections
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As `Occluder.sky_rows`."""
        starts = torch.tensor([0, len(points)], dtype=torch.int32)
        receivers = (points, normals, torch.arange(len(points)), needed)
        return self.sky_rows_of(self._points[None], starts, receivers, sky)

    def sky_rows_of(
        self,
        shapes: Tensor,
        starts: Tensor,
        receivers: tuple[Tensor, Tensor, Tensor, Tensor],
        sky: SkyDirections,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As `Occluder.sky_rows_of`. The tree keeps its branches, whatever the shape."""
        points, normals, asked, needed = receivers
        rows = torch.empty(2, len(asked), len(sky.directions))
        openness = torch.empty(len(asked))
        rays = torch.empty(len(sky.directions) * RAY_NUMBERS)
        inputs = [packed(kernels.Tree, **self._tree, rays=rays), floats(shapes), shapes.shape[1], starts]
        inputs += [floats(points), floats(normals), asked, needed, sky_struct(sky), RAY_OFFSET_M]
        launch(kernels.sky_rows, len(shapes), [*inputs, rows[0], rows[1], openness], points.device)
        return rows[0], rows[1], openness


def _no_boxes(count: int) -> Tensor:
    """Boxes of `count` nodes' children, (count · 6 · 16,), that no ray passes through."""
    boxes = torch.full((count, 6, WIDTH), EMPTY)
    boxes[:, 3:] = -EMPTY
    return boxes.view(-1)


def grouped(triangles: np.ndarray) -> list[list[np.ndarray]]:
    """Numbers of triangles (F, 3, 3) in nodes of up to 16 leaves of up to 16 triangles, near to each other.

    Halved by the surface area heuristic (MacDonald and Booth 1990) down to leaves; the largest branches of
    no more than 16 leaves are the nodes.
    """
    low, high = triangles.min(axis=1), triangles.max(axis=1)

    def nodes(numbers: np.ndarray) -> list[list[np.ndarray]]:
        if len(numbers) <= WIDTH:
            return [[numbers]]
        left, right = (nodes(part) for part in _halved(low[numbers], high[numbers], numbers))
        if len(left) == len(right) == 1 and len(left[0]) + len(right[0]) <= WIDTH:
            return [left[0] + right[0]]
        return left + right

    return nodes(np.arange(len(triangles)))


def _halved(low: np.ndarray, high: np.ndarray, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two parts of the boxes low, high (n, 3), cut square to an axis after a multiple of 16, by `numbers`."""
    cuts = np.arange(WIDTH, len(numbers), WIDTH)
    best, parts = np.inf, (numbers, numbers)
    for axis in range(3):
        order = np.argsort(low[:, axis] + high[:, axis], kind="stable")
        before = _areas(low[order], high[order])[cuts - 1]
        after = _areas(low[order[::-1]], high[order[::-1]])[::-1][cuts]
        costs = before * cuts + after * (len(numbers) - cuts)
        if costs.min() < best:
            best, cut = costs.min(), cuts[costs.argmin()]
            parts = numbers[order[:cut]], numbers[order[cut:]]
    return parts


def _areas(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """(n,) half the surface of the box around the first 1, 2, ... of n boxes."""
    x, y, z = (np.maximum.accumulate(high) - np.minimum.accumulate(low)).T
    return x * y + y * z + z * x
