"""Pyramids of textures."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from ftb.render import shade_fused as shade_fused_module
from ftb.render.base import resolve_rasterizer
from ftb.render.light_maps import light_maps
from ftb.render.shade import Skin
from ftb.render.shade_fused import Illumination, shade_fused
from ftb.render.texture import FILLERS, made_late, pyramid
from ftb.scene.skin_texels import empty_texels
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
    texels = torch.rand(2, 32, 32, 5, generator=generator)  # nothing may be read behind its end
    parts = {
        "without room": (texels[..., :3], texels[..., 3:]),
        "exchanged": (texels[..., 2:], texels[..., :2]),
        "of two": (texels[..., :3], texels.clone()[..., 3:]),
        "mirrored": (texels[..., :3], texels.transpose(1, 2)[..., 3:]),
    }
    for name, (albedo, material) in parts.items():
        finest = pyramid(albedo, material).finest.view(2, 32, 32, 5)
        assert finest.untyped_storage().data_ptr() != texels.untyped_storage().data_ptr(), name
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


@pytest.mark.parametrize(("texels", "reach"), [(256, 0.26), (256, 1.2), (1024, 0.5), (250, 1.2)])
def test_levels_made_late_have_the_bits_of_those_in_memory(texels, reach, generator, monkeypatch):
    # a plane that is looked at aslant, so that pixels of one picture ask several levels
    mesh, lighting = square(reach), one_key([0.0, 0.0, 1.0])
    aslant = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.2, 0.98], [0.0, -0.98, 0.2]])
    mesh = replace(mesh, vertices=mesh.vertices @ aslant.T, normals=mesh.normals @ aslant.T)
    skin = Skin(
        albedo_linear=torch.rand(texels, texels, 3, generator=generator),
        material=torch.rand(texels, texels, 2, generator=generator),
    )
    light = Illumination(lighting=lighting, maps=light_maps(lighting), sky_visibility=torch.ones(1, 4, 3))
    camera = frontal_camera()
    fragments = resolve_rasterizer("warp").rasterize(mesh, camera, 64)
    shaded = {}
    for late in (False, True):
        monkeypatch.setattr(shade_fused_module, "made_late", lambda *_, late=late: late)
        shaded[late] = shade_fused(mesh, skin, camera, fragments, light)
    assert float(shaded[False].mask.mean()) > 0.05
    for name in ("albedo_linear", "radiance_linear"):
        assert torch.equal(getattr(shaded[False], name), getattr(shaded[True], name)), name


def test_few_wide_pictures_of_a_head_need_no_coarser_levels():
    albedo = torch.zeros(2, 256, 256, 3)
    assert made_late(albedo, 1, 128)
    assert not made_late(albedo, 16, 128)
    assert not made_late(albedo, 1, 64)
    assert not made_late(albedo.to("meta"), 1, 128)
    assert len(pyramid(albedo, albedo[..., :2], late=True).coarser) == 0
