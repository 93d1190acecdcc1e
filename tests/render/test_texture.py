"""Pyramids of textures, and how finely faces are covered by them."""

from __future__ import annotations

import math

import pytest
import torch

from ftb.render import face_rows
from ftb.render.base import resolve_rasterizer
from ftb.render.light_maps import light_maps
from ftb.render.shade import Skin
from ftb.render.shade_fused import Illumination, shade_fused
from ftb.render.texture import FILLERS, facets, pyramid
from ftb.types import Mesh
from tests.render.shapes import frontal_camera, one_key


def square(side: float) -> Mesh:
    """A square that faces the camera and shows a whole texture."""
    corners = torch.tensor([[-1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [1.0, 1.0, 0.0], [-1.0, 1.0, 0.0]])
    return Mesh(
        vertices=(0.5 * side * corners)[None],
        faces=torch.tensor([[0, 1, 2], [0, 2, 3]]),
        normals=torch.tensor([0.0, 0.0, 1.0]).expand(1, 4, 3).contiguous(),
        uvs=corners[:, :2] * 0.5 + 0.5,
    )


@pytest.mark.parametrize("fill", FILLERS.values(), ids=FILLERS)
def test_levels_are_means(generator, fill, monkeypatch):
    monkeypatch.setitem(FILLERS, "cpu", fill)
    albedo = torch.rand(2, 64, 64, 3, generator=generator)
    material = torch.rand(2, 64, 64, 2, generator=generator)
    levels = pyramid(albedo, material)
    assert levels.starts.tolist() == [0, 64 * 64, 64 * 64 + 32 * 32]
    both = torch.cat([albedo, material], dim=-1).permute(0, 3, 1, 2)
    texels = levels.texels.unflatten(0, (2, -1))
    for start, side in zip(levels.starts.tolist(), (64, 32, 16), strict=True):
        expected = torch.nn.functional.avg_pool2d(both, 64 // side).permute(0, 2, 3, 1).flatten(1, 2)
        torch.testing.assert_close(texels[:, start : start + side * side], expected)
    assert torch.equal(pyramid(albedo[1], material[1]).texels, texels[1])


def test_odd_textures_have_one_level():
    assert pyramid(torch.rand(33, 33, 3), torch.rand(33, 33, 2)).starts.tolist() == [0]


def test_facets_know_their_normals_and_texels():
    found = facets(square(0.2), 64)
    torch.testing.assert_close(found[:, :3], torch.tensor([0.0, 0.0, 1.0]).expand(2, 3))
    torch.testing.assert_close(found[:, 3], torch.full((2,), 64 / 0.2))


@pytest.mark.parametrize("count", [16, 50])
def test_facets_of_many_faces_are_those_of_each(count, generator, monkeypatch):
    mesh = Mesh(
        vertices=torch.randn(3, 40, 3, generator=generator),
        faces=torch.randint(40, (count, 3), generator=generator),
        normals=torch.zeros(3, 40, 3),
        uvs=torch.rand(40, 2, generator=generator),
    )
    for shape in (mesh, Mesh(vertices=mesh.vertices, faces=mesh.faces, normals=mesh.normals)):
        by_rows = facets(shape, 64)
        with monkeypatch.context() as patch:
            patch.setattr(face_rows, "LEAST_FACES", count + 1)
            one_by_one = facets(shape, 64)
        torch.testing.assert_close(by_rows, one_by_one, rtol=1e-5, atol=1e-5)
        assert torch.equal(by_rows.unflatten(0, (3, -1))[1], facets(shape[1:2], 64))
        assert (by_rows[:, 3] > 0.0).any() == (shape.uvs is not None)


def test_facets_of_flat_and_bare_faces():
    mesh = square(0.2)
    flat = torch.cat([mesh.faces, torch.tensor([[0, 1, 1]])])
    found = facets(Mesh(vertices=mesh.vertices, faces=flat, normals=mesh.normals), 64)
    torch.testing.assert_close(found[:2, 3], torch.zeros(2))  # no texture: never coarser than its finest
    torch.testing.assert_close(found[2], torch.zeros(4))


@pytest.mark.parametrize("size", [16, 32])
def test_fine_patterns_do_not_alias(size):
    # A chequerboard of single texels, eight to sixteen a pixel: every pixel must show its mean.
    board = ((torch.arange(256)[:, None] + torch.arange(256)[None]) % 2).float()
    skin = Skin(
        albedo_linear=board[..., None].expand(256, 256, 3).contiguous(),
        material=torch.tensor([0.5, 0.0]).expand(256, 256, 2).contiguous(),
    )
    mesh, lighting = square(0.26), one_key([0.0, 0.0, 1.0])
    light = Illumination(lighting=lighting, maps=light_maps(lighting), sky_visibility=torch.ones(1, 4, 3))
    camera = frontal_camera()
    fragments = resolve_rasterizer("warp").rasterize(mesh, camera, size)
    shaded = shade_fused(mesh, skin, camera, fragments, light)
    torch.testing.assert_close(shaded.albedo_linear, torch.full((1, size, size, 3), 0.5))
    assert math.isclose(float(shaded.radiance_linear.mean()), 0.5, rel_tol=1e-3)
