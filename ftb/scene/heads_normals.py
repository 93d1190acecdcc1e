"""Vertex normals on a fixed topology, fast: face normals weighted by the angle at the vertex."""

from __future__ import annotations

import numpy as np

Incidence = tuple[np.ndarray, np.ndarray, np.ndarray]


def corner_incidence(faces: np.ndarray) -> Incidence:
    """Corners of faces (F, 3) sorted by vertex: their order (3F,) in the corner-major list of all first, all
    second, all third corners, and the starts and vertices of the runs."""
    flat = faces.T.ravel()
    order = np.argsort(flat, kind="stable")
    vertices, starts = np.unique(flat[order], return_index=True)
    return order, starts, vertices


def angle_weighted_normals(vertices: np.ndarray, faces: np.ndarray, incidence: Incidence) -> np.ndarray:
    """Unit normals (V, 3) of vertices (V, 3); Thürmer & Wüthrich, "Computing vertex normals from polygonal
    facets", JGT 3(1), 1998. `incidence`: `corner_incidence(faces)`.

    Vertices of no face, or whose faces are all degenerate, get +Z.
    """
    # One row for each coordinate: whole rows go through the vector units.
    planes = np.ascontiguousarray(vertices.T)
    corners = [planes[:, faces[:, corner]] for corner in range(3)]  # each (3, F)
    edges = [corners[1] - corners[0], corners[2] - corners[1], corners[0] - corners[2]]
    (ax, ay, az), (bx, by, bz), _ = edges
    normal = np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])
    normal *= 1.0 / np.maximum(_length(normal), 1e-20)
    lengths = [np.maximum(_length(edge), 1e-12) for edge in edges]
    angles = []
    for corner in range(3):
        cosine = -_dot(edges[corner], edges[corner - 1]) / (lengths[corner] * lengths[corner - 1])
        angles.append(np.arccos(np.clip(cosine, -1.0, 1.0)))
    order, starts, used = incidence
    angle = np.concatenate(angles)[order]
    face = order % len(faces)
    sums = np.stack([np.add.reduceat(angle * row[face], starts) for row in normal])
    length = _length(sums)
    result = np.zeros_like(vertices)
    result[:, 2] = 1.0
    result[used] = np.where(length > 1e-12, sums / np.maximum(length, 1e-12), result[used].T).T
    return result


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _length(a: np.ndarray) -> np.ndarray:
    return np.sqrt(_dot(a, a))
