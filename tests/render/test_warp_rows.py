"""Triangles drawn and resolved eight pixels at a time against the same one by one."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch

from ftb.render import warp_backend
from ftb.render.shade_fused import seen_vertices
from ftb.types import Camera, Fragments, Mesh

SIZES = [(64, 64), (33, 56), (200, 256), (9, 8), (7, 5)]


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
def test_rows_draw_what_pixels_do_to_the_bit(monkeypatch, size: tuple[int, int], extent: float):
    for near, flat, cull in itertools.product((0.05, 0.7), (False, True), (False, True)):
        mesh = soup(extent, seed=size[0])
        rows = drawn(mesh, size, near, flat, cull)
        with monkeypatch.context() as patch:
            patch.setitem(warp_backend.DRAWERS, "cpu", warp_backend.draw_by_triangles)
            pixels = drawn(mesh, size, near, flat, cull)
        assert bool((rows.pix_to_face >= 0).any())
        assert torch.equal(rows.pix_to_face, pixels.pix_to_face)
        assert torch.equal(rows.depth, pixels.depth)
        assert torch.equal(rows.bary_coords, pixels.bary_coords)
        if rows.seen is not None:
            corners = mesh.faces[rows.pix_to_face[rows.pix_to_face >= 0]].unique()
            assert torch.equal(rows.seen[0].nonzero()[:, 0], corners)
            assert torch.equal(rows.seen, seen_vertices(mesh, replace(pixels, seen=None)))
