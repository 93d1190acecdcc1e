"""Vertex normals on a fixed topology, fast: face normals weighted by the angle at the vertex."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ftb.kernels.lanes import WIDTH as LANES
from ftb.kernels.starting import launch
from ftb.scene import heads_rows


@dataclass(frozen=True)
class Incidence:
    """Which corners of F faces meet at each vertex. corners (3, F): vertices of all first, all second, all
    third corners; order (3F,): these sorted by vertex; starts, vertices (U,): of the runs in it; blocks
    (⌈F/16⌉ · 3 · 16,) int32: corners of sixteen faces after sixteen, filled up with faces of one point."""

    corners: np.ndarray
    order: np.ndarray
    starts: np.ndarray
    vertices: np.ndarray
    blocks: Tensor


def corner_incidence(faces: np.ndarray) -> Incidence:
    """What `angle_weighted_normals` wants to know of faces (F, 3)."""
    corners = np.ascontiguousarray(faces.T)
    order = np.argsort(corners.ravel(), kind="stable")
    vertices, starts = np.unique(corners.ravel()[order], return_index=True)
    filled = np.pad(corners, ((0, 0), (0, -len(faces) % LANES))).reshape(3, -1, LANES)
    blocks = torch.from_numpy(filled.transpose(1, 0, 2).astype(np.int32).ravel())
    return Incidence(corners=corners, order=order, starts=starts, vertices=vertices, blocks=blocks)


def corner_normals(points: Tensor, incidence: Incidence, welded: Tensor) -> Tensor:
    """As `angle_weighted_normals` of H heads, fast, at each corner of their meshes: places and unit normals
    (2, H, V, 3) float32 of the welded vertices (V,) int32 among points (H, W, 4), whose last number is
    unused."""
    heads, count, _ = points.shape
    corners = torch.empty(2, heads, len(welded), 3)
    inputs = [heads, count, points, incidence.blocks, welded, torch.empty(count, 4), corners[0], corners[1]]
    launch(heads_rows.finish, 1, inputs, points.device)
    return corners


def angle_weighted_normals(vertices: np.ndarray, incidence: Incidence) -> np.ndarray:
    """Unit normals (V, 3) of vertices (V, 3); Thürmer & Wüthrich, "Computing vertex normals from polygonal
    facets", JGT 3(1), 1998. `incidence`: `corner_incidence` of the faces.

    Vertices of no face, or whose faces are all degenerate, get +Z.
    """
    # One row for each coordinate: whole rows go through the vector units.
    planes = np.ascontiguousarray(vertices.T)
    first, second, third = (planes.take(column, axis=1) for column in incidence.corners)  # each (3, F)
    edges = [second - first, third - second, first - third]
    (ax, ay, az), (bx, by, bz), _ = edges
    normal = np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])
    normal *= 1.0 / np.maximum(_length(normal), 1e-20)
    lengths = [np.maximum(_length(edge), 1e-12) for edge in edges]
    angles = np.empty_like(normal)  # (3, F) by corner
    for corner in range(3):
        cosine = _dot(edges[corner], edges[corner - 1]) / (lengths[corner] * lengths[corner - 1])
        np.arccos(np.clip(-cosine, -1.0, 1.0), out=angles[corner])
    sums = [np.add.reduceat((angles * row).ravel().take(incidence.order), incidence.starts) for row in normal]
    length = _length(sums)
    share = 1.0 / np.maximum(length, 1e-12)
    result = np.zeros_like(vertices)
    result[:, 2] = 1.0
    flat = length <= 1e-12
    for axis, (row, alone) in enumerate(zip(sums, (0.0, 0.0, 1.0), strict=True)):
        row *= share
        row[flat] = alone
        result[incidence.vertices, axis] = row
    return result


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _length(a: np.ndarray | list[np.ndarray]) -> np.ndarray:
    return np.sqrt(_dot(a, a))
