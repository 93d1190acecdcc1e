"""Triangles drawn and resolved several pixels at a time against the same one by one."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch

from ftb.render import warp_backend
from ftb.render.shade_fused import seen_vertices
from ftb.types import Camera, Fragments, Mesh

SIZES = [(64, 64), (32, 56), (33, 56), (200, 256), (10, 8), (9, 8), (7, 5)]


def soup(extent: float, seed: int) -> Mesh:
    """Triangles all over the picture, before it, beyond its border and behind the camera."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(300, 1, 3, generator=generator) * torch.tensor([1.0, 1.0, 0.6])
    corners = centres + extent * torch.randn(300, 3, 3, generator=generator)
    vertices = corners.reshape(1, -1, 3)
    return Mesh(
        vertices=vertices,
        faces=torch.arange(vertices.shape[1]).view(-1, 3),
        normals=torch.zeros_like(vertices),
        uvs=None,
    )


def test_a_triangle_seen_edge_on_lies_halfway():
    """Exactly edge-on in float64, drawn only since its corners snap to the grid, or not at all: no NaN."""
    vertices = torch.tensor([[[0.1, 0.0, 0.0], [0.3, 0.0, -0.4], [0.2, 0.0, -0.1]]])
    mesh = replace(soup(0.1, 0), vertices=vertices, faces=torch.tensor([[0, 1, 2]]))
    for flat in (False, True):
        found = drawn(mesh, (64, 64), 0.05, flat, cull=False)
        assert bool(found.depth.isfinite().all())
        assert bool(found.bary_coords.isfinite().all())


def drawn(mesh: Mesh, size: tuple[int, int], near: float, flat: bool, cull: bool) -> Fragments:
    world = torch.eye(4)
    world[2, 3] = -1.5
    camera = Camera(
        cam_from_world=world[None],
        half_width=torch.ones(1),
        near=torch.full((1,), near),
        orthographic=flat,
    )
    return warp_backend.WarpRasterizer().rasterize(mesh, camera, size, cull_backfaces=cull)


@pytest.mark.parametrize(("size", "extent"), list(itertools.product(SIZES, (0.1, 0.4, 1.5))))
def test_rows_draw_what_pixels_do(monkeypatch, size: tuple[int, int], extent: float):
    for near, flat, cull in itertools.product((0.05, 0.7), (False, True), (False, True)):
        mesh = soup(extent, seed=size[0])
        rows = drawn(mesh, size, near, flat, cull)
        with monkeypatch.context() as patch:
            patch.setitem(warp_backend.DRAWERS, "cpu", warp_backend.draw_by_triangles)
            pixels = drawn(mesh, size, near, flat, cull)
        assert bool((rows.pix_to_face >= 0).any())
        assert torch.equal(rows.pix_to_face, pixels.pix_to_face)
        torch.testing.assert_close(rows.depth, pixels.depth, rtol=0, atol=3e-5)
        torch.testing.assert_close(rows.bary_coords, pixels.bary_coords, rtol=0, atol=3e-5)
        if rows.seen is not None:
            corners = mesh.faces[rows.pix_to_face[rows.pix_to_face >= 0]].unique()
            assert torch.equal(rows.seen[0].nonzero()[:, 0], corners)
            assert torch.equal(rows.seen, seen_vertices(mesh, replace(pixels, seen=None)))
