"""Pyramids of textures."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from ftb.render import shade_fused as shade_fused_module
from ftb.render.base import resolve_rasterizer
from ftb.render.faces import face_planes, facets
from ftb.render.light_maps import light_maps
from ftb.render.shade import Skin
from ftb.render.shade_fused import Illumination, shade_fused
from ftb.render.texture import FILLERS, made_late, pyramid
from ftb.scene.skin_texels import empty_texels
from ftb.types import Mesh
from tests.render.shapes import frontal_camera, one_key, square


@pytest.mark.parametrize("fill", FILLERS.values(), ids=FILLERS)
def test_levels_are_means(generator, fill, monkeypatch):
    monkeypatch.setitem(FILLERS, "cpu", fill)
    albedo = torch.rand(2, 64, 64, 3, generator=generator)
    material = torch.rand(2, 64, 64, 2, generator=generator)
    levels = pyramid(albedo, material)
    assert levels.starts.tolist() == [0, 0, 32 * 32]
    both = torch.cat([albedo, material], dim=-1).permute(0, 3, 1, 2)
    finest, coarser = (texels.unflatten(0, (2, -1)) for texels in (levels.finest, levels.coarser))
    for texels, start, side in zip(
        (finest, coarser, coarser), levels.starts.tolist(), (64, 32, 16), strict=True
    ):
        expected = torch.nn.functional.avg_pool2d(both, 64 // side).permute(0, 2, 3, 1).flatten(1, 2)
        torch.testing.assert_close(texels[:, start : start + side * side], expected)
    alone = pyramid(albedo[1], material[1])
    assert torch.equal(alone.finest, finest[1])
    assert torch.equal(alone.coarser, coarser[1])


def test_woven_textures_are_not_copied(generator):
    texels = empty_texels(2, 32)
    texels.copy_(torch.rand(2, 32, 32, 5, generator=generator))
    levels = pyramid(texels[..., :3], texels[..., 3:])
    assert levels.finest.data_ptr() == texels.data_ptr()
    assert torch.equal(levels.coarser, pyramid(texels[..., :3].clone(), texels[..., 3:].clone()).coarser)


def test_textures_that_only_seem_woven_are_copied(generator):
    roomy = empty_texels(3, 32)
    roomy.copy_(torch.rand(3, 32, 32, 5, generator=generator))
    texels = roomy[:2]
    parts = {
        "exchanged": (texels[..., 2:], texels[..., :2]),
        "of two": (texels[..., :3], roomy.clone()[:2, ..., 3:]),
        "mirrored": (texels[..., :3], texels.transpose(1, 2)[..., 3:]),
        "of other heads": (texels[..., :3], roomy[1:, ..., 3:]),
    }
    tight = torch.rand(2, 32, 32, 5, generator=generator)  # nothing may be read behind its end
    parts["without room"] = (tight[..., :3], tight[..., 3:])
    for name, (albedo, material) in parts.items():
        finest = pyramid(albedo, material).finest.view(2, 32, 32, 5)
        known = [part.untyped_storage().data_ptr() for part in (albedo, material)]
        assert finest.untyped_storage().data_ptr() not in known, name
        assert torch.equal(finest, torch.cat([albedo, material], dim=-1)), name


def test_odd_textures_have_one_level():
    assert pyramid(torch.rand(33, 33, 3), torch.rand(33, 33, 2)).starts.tolist() == [0]


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


def strips() -> Mesh:
    """Eight upright strips, each of which shows twice as much of the texture as the one before."""
    edges = torch.linspace(-1.0, 1.0, 9)
    places, uvs, faces = [], [], []
    for number, (left, right) in enumerate(pairwise(edges.tolist())):
        corner = 4 * number
        places += [[left, -1.0, 0.0], [right, -1.0, 0.0], [right, 1.0, 0.0], [left, 1.0, 0.0]]
        wide = 2.0 ** (number - 7)
        uvs += [[0.0, 0.0], [wide, 0.0], [wide, wide], [0.0, wide]]
        faces += [[corner, corner + 1, corner + 2], [corner, corner + 2, corner + 3]]
    return Mesh(
        vertices=0.13 * torch.tensor([places]),
        faces=torch.tensor(faces),
        normals=torch.tensor([0.0, 0.0, 1.0]).repeat(1, len(places), 1),
        uvs=torch.tensor(uvs),
    )


@pytest.mark.parametrize("texels", [250, 256, 1024])
def test_levels_made_late_have_the_bits_of_those_in_memory(texels, generator, monkeypatch):
    mesh, lighting = strips(), one_key([0.0, 0.0, 1.0])
    skin = Skin(
        albedo_linear=torch.rand(texels, texels, 3, generator=generator),
        material=torch.rand(texels, texels, 2, generator=generator),
    )
    vertices = mesh.vertices.shape[1]
    visible = torch.ones(1, vertices, 3)
    light = Illumination(lighting=lighting, maps=light_maps(lighting), sky_visibility=visible)
    camera = frontal_camera()
    fragments = resolve_rasterizer("warp").rasterize(mesh, camera, 64)
    density = facets(mesh, face_planes(mesh), texels)[:, 3] * 2.0 * float(camera.half_width) / 64
    assert len(density.mul(math.sqrt(2.0)).log2().floor().clamp_min(0.0).unique()) >= 3  # levels asked
    shaded = {}
    for late in (False, True):
        monkeypatch.setattr(shade_fused_module, "made_late", lambda *_, late=late: late)
        shaded[late] = shade_fused(mesh, skin, camera, fragments, light)
    assert float(shaded[False].mask.mean()) > 0.5
    for name in ("albedo_linear", "radiance_linear"):
        assert torch.equal(getattr(shaded[False], name), getattr(shaded[True], name)), name


def test_nothing_is_asked_of_a_mesh_without_faces():
    mesh = replace(square(0.26), faces=torch.zeros(0, 3, dtype=torch.int64))
    lighting, skin = (
        one_key([0.0, 0.0, 1.0]),
        Skin(albedo_linear=torch.full((16, 16, 3), 0.5), material=torch.full((16, 16, 2), 0.5)),
    )
    light = Illumination(lighting=lighting, maps=light_maps(lighting), sky_visibility=torch.ones(1, 4, 3))
    camera = frontal_camera()
    fragments = resolve_rasterizer("warp").rasterize(mesh, camera, 32)
    shaded = shade_fused(mesh, skin, camera, fragments, light)
    assert float(shaded.mask.sum()) == float(shaded.radiance_linear.sum()) == 0.0


def test_few_wide_pictures_of_a_head_need_no_coarser_levels():
    albedo = torch.zeros(2, 256, 256, 3)
    assert made_late(albedo, 1, 128)
    assert not made_late(albedo, 16, 128)
    assert not made_late(albedo, 1, 64)
    assert not made_late(torch.zeros(1, 1024, 1024, 3), 1, 1024)
    assert not made_late(albedo.to("meta"), 1, 128)
    assert len(pyramid(albedo, albedo[..., :2], late=True).coarser) == 0
