"""Angle-weighted normals against a naive loop and against a cube's analytic corners."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ftb.scene.heads_normals import angle_weighted_normals, corner_incidence, corner_normals


def naive(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    total = np.zeros_like(vertices)
    for face in faces:
        a, b, c = vertices[face]
        facet = np.cross(b - a, c - a)
        facet /= np.linalg.norm(facet)
        for here, left, right in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
            u, v = vertices[face[left]] - vertices[face[here]], vertices[face[right]] - vertices[face[here]]
            angle = math.acos(np.clip(u @ v / np.linalg.norm(u) / np.linalg.norm(v), -1, 1))
            total[face[here]] += angle * facet
    return total / np.linalg.norm(total, axis=1, keepdims=True)


def cube() -> tuple[np.ndarray, np.ndarray]:
    vertices = np.array([[x, y, z] for x in (-1.0, 1) for y in (-1.0, 1) for z in (-1.0, 1)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return vertices, np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])


def test_cube_corners_are_diagonal_however_quads_are_cut() -> None:
    vertices, faces = cube()
    found = angle_weighted_normals(vertices, corner_incidence(faces))
    np.testing.assert_allclose(found, vertices / math.sqrt(3), atol=1e-12)


def test_matches_the_naive_loop() -> None:
    vertices, faces = cube()
    vertices = vertices + np.random.default_rng(0).normal(scale=0.2, size=vertices.shape)
    found = angle_weighted_normals(vertices, corner_incidence(faces))
    np.testing.assert_allclose(found, naive(vertices, faces), atol=1e-12)


def test_lonely_and_degenerate_vertices_get_a_unit_normal() -> None:
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [5, 5, 5]])
    faces = np.array([[0, 1, 2]])
    found = angle_weighted_normals(vertices, corner_incidence(faces))
    np.testing.assert_allclose(found, np.tile([0.0, 0.0, 1.0], (4, 1)))


@pytest.mark.parametrize("count", [15, 16, 50])
def test_normals_by_a_kernel_are_the_plain_ones(count: int) -> None:
    """Sixteen faces at a time, the last of them filled up; some have a corner twice. Two heads of 20
    vertices, whose meshes have 37 corners."""
    draw = np.random.default_rng(count)
    vertices, faces = draw.normal(size=(2, 20, 3)), draw.integers(0, 19, (count, 3))
    faces[:3] = (4, 4, 5), (6, 7, 6), (8, 8, 8)
    incidence = corner_incidence(faces)
    welded = draw.integers(0, 20, 37)
    welded[[0, 15, 36]] = 19  # of no face
    points = torch.from_numpy(np.pad(vertices.astype(np.float32), ((0, 0), (0, 0), (0, 1))))
    places, normals = corner_normals(points, incidence, torch.from_numpy(welded.astype(np.int32)))
    used = np.isin(np.arange(20), faces[(faces != np.roll(faces, 1, axis=1)).all(axis=1)])
    lonely = ~np.isin(np.arange(20), faces)
    for head in range(2):
        assert torch.equal(places[head], points[head, welded, :3])
        expected = angle_weighted_normals(vertices[head], incidence)
        known = (used | lonely)[welded]
        np.testing.assert_allclose(normals[head].numpy()[known], expected[welded][known], atol=1e-4)
        assert (normals[head, [0, 15, 36]] == torch.tensor([0.0, 0.0, 1.0])).all()
