"""Vertex normals on a fixed topology, fast: face normals weighted by the angle at the vertex."""

from __future__ import annotations

import numpy as np


def angle_weighted_normals(
    vertices: np.ndarray, faces: np.ndarray, incidence: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> np.ndarray:
    """Unit normals (V, 3) of vertices (V, 3); Thürmer & Wüthrich, "Computing vertex normals from polygonal
    facets", JGT 3(1), 1998. `incidence`: order, starts and vertices of the corners sorted by vertex.

    Vertices of no face, or whose faces are all degenerate, get +Z.
    """
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    edges = (b - a, c - b, a - c)
    normal = np.cross(edges[0], edges[1])
    normal /= np.maximum(np.sqrt((normal * normal).sum(axis=1, keepdims=True)), 1e-20)
    lengths = [np.maximum(np.sqrt((edge * edge).sum(axis=1)), 1e-12) for edge in edges]
    weighted = np.empty((len(faces), 3, 3), dtype=vertices.dtype)
    for corner in range(3):
        cosine = -(edges[corner] * edges[corner - 1]).sum(axis=1) / (lengths[corner] * lengths[corner - 1])
        weighted[:, corner] = np.arccos(np.clip(cosine, -1.0, 1.0))[:, None] * normal
    order, starts, used = incidence
    sums = np.add.reduceat(weighted.reshape(-1, 3)[order], starts, axis=0)
    length = np.sqrt((sums * sums).sum(axis=1, keepdims=True))
    result = np.zeros_like(vertices)
    result[:, 2] = 1.0
    result[used] = np.where(length > 1e-12, sums / np.maximum(length, 1e-12), result[used])
    return result
