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
        torch.testing.assert_close(rows.depth, pixels.depth, rtol=0, atol=1e-5)
        torch.testing.assert_close(rows.bary_coords, pixels.bary_coords, rtol=0, atol=3e-5)
        if rows.seen is not None:
            corners = mesh.faces[rows.pix_to_face[rows.pix_to_face >= 0]].unique()
            assert torch.equal(rows.seen[0].nonzero()[:, 0], corners)
            assert torch.equal(rows.seen, seen_vertices(mesh, replace(pixels, seen=None)))


def edge_on(count: int, seed: int) -> Mesh:
    """Triangles whose planes hold the eye of `drawn`, to float32's rounding: they show only since corners
    snap to the grid."""
    generator = torch.Generator().manual_seed(seed)
    across = torch.nn.functional.normalize(torch.randn(count, 1, 2, generator=generator), dim=-1)
    away = 1.0 + torch.rand(count, 3, 1, generator=generator)
    beside = 0.8 * (2.0 * torch.rand(count, 3, 1, generator=generator) - 1.0)
    corners = torch.cat([across * beside * away, 1.5 - away], dim=-1)
    mesh = soup(0.1, seed)
    return replace(mesh, vertices=corners.view(1, -1, 3), faces=torch.arange(3 * count).view(-1, 3))


def test_depths_are_those_of_the_barycentrics_even_edge_on():
    """Of slivers that the pixel's centre hits by rounding alone: no NaN, and one point for both."""
    mesh = edge_on(100_000, seed=0)
    found = drawn(mesh, (256, 256), 0.05, flat=False, cull=False)
    shown = found.pix_to_face >= 0
    assert int(shown.sum()) >= 10
    shares = found.bary_coords[shown]
    depths = 1.5 - mesh.vertices[0, mesh.faces[found.pix_to_face[shown]], 2]
    torch.testing.assert_close(shares.sum(-1), torch.ones(len(shares)))
    assert float(shares.min()) >= 0.0
    torch.testing.assert_close(found.depth[shown], (shares * depths).sum(-1), rtol=1e-5, atol=1e-5)
