"""Shading: the fused kernel against its readable twin, the twin against analysis and gradcheck."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from ftb.maths import color, sh
from ftb.render.base import interpolate, resolve_rasterizer
from ftb.render.develop import meter
from ftb.render.light_functions import SHARP_ALPHA
from ftb.render.light_maps import light_maps
from ftb.render.shade import (
    EnvironmentLight,
    Skin,
    Surface,
    environment_light,
    sample_texture,
    shade_surface,
)
from ftb.render.shade_fused import SHADERS, VERTEX_LIGHTERS, Illumination, shade_fused
from ftb.render.sky import choose_receivers, sky_transfer, sky_visibility
from ftb.scene.lighting_ops import total_sh
from tests.render.shapes import bumpy_head, frontal_camera, mesh_of, one_key


def lit_scene(size=48, texels=32):
    generator = torch.Generator().manual_seed(3)
    mesh, camera = mesh_of(bumpy_head()), frontal_camera()
    mesh = mesh.__class__(
        vertices=mesh.vertices, faces=mesh.faces, normals=mesh.normals, uvs=mesh.vertices[0, :, :2] * 4 + 0.5
    )
    skin = Skin(
        albedo_linear=torch.rand(texels, texels, 3, generator=generator),
        material=torch.rand(texels, texels, 2, generator=generator) * torch.tensor([0.8, 0.05])
        + torch.tensor([0.1, 0.02]),
    )
    lighting = one_key([0.7, 0.4, 0.6], radius=0.05, environment=0.2)
    sky = torch.rand(1, 32, 64, 3, generator=generator)
    lighting = lighting.__class__(
        sh_coeffs=sh.project_environment(sky, 4),
        key_dirs=lighting.key_dirs,
        key_irradiance=lighting.key_irradiance,
        key_angular_radius=lighting.key_angular_radius,
        environment=sky,
    )
    transfer = sky_transfer(mesh, choose_receivers(mesh, 200), directions=64)
    light = Illumination(
        lighting=lighting,
        maps=light_maps(lighting),
        sky_visibility=sky_visibility(transfer, lighting, camera.cam_from_world[:, :3, :3]),
    )
    fragments = resolve_rasterizer("warp").rasterize(mesh, camera, size)
    return mesh, skin, camera, fragments, light


def at_vertices(mesh, skin, light) -> Surface:
    views = torch.nn.functional.normalize(torch.tensor([0.0, 0.0, 1.0]) - mesh.vertices, dim=-1)
    material = sample_texture(skin.material, mesh.uvs)[None]
    return Surface(
        normals=mesh.normals,
        view_dirs=views,
        albedo_linear=sample_texture(skin.albedo_linear, mesh.uvs)[None],
        # Sharper reflections are looked up at pixels.
        material=torch.cat([material[..., :1].clamp_min(0.1**0.5), material[..., 1:]], dim=-1),
        sky_visibility=light.sky_visibility,
        light_visibility=torch.ones(*views.shape[:2], light.lighting.key_dirs.shape[-2]),
    )


def test_fused_kernels_equal_their_twin():
    mesh, skin, camera, fragments, light = lit_scene()
    fused = shade_fused(mesh, skin, camera, fragments, light)
    covered = fused.mask[0] > 0
    interpolated = lambda values: interpolate(fragments, mesh.faces, values)[0][covered]  # noqa: E731
    vertices = at_vertices(mesh, skin, light)
    from_sky = environment_light(vertices, light.maps)
    uvs = interpolated(mesh.uvs[None])
    views = torch.tensor([0.0, 0.0, 1.0]) - interpolated(mesh.vertices)
    surface = Surface(
        normals=torch.nn.functional.normalize(interpolated(mesh.normals), dim=-1)[None],
        view_dirs=torch.nn.functional.normalize(views, dim=-1)[None],
        albedo_linear=sample_texture(skin.albedo_linear, uvs)[None],
        material=sample_texture(skin.material, uvs)[None],
        sky_visibility=interpolated(light.sky_visibility)[None],
        light_visibility=fused.light_visibility[0][covered][None],
    )
    sharp = surface.material[..., :1].clamp(0.05, 1.0).square() < SHARP_ALPHA
    assert 0.05 < float(sharp.float().mean()) < 0.95
    gloss = torch.where(
        sharp, environment_light(surface, light.maps).gloss, interpolated(from_sky.gloss)[None]
    )
    environment = EnvironmentLight(arriving=interpolated(from_sky.arriving)[None], gloss=gloss)
    twin = shade_surface(surface, light.lighting, environment)[0]
    # float32 against float32 in another order of operations.
    torch.testing.assert_close(fused.radiance_linear[0][covered], twin, rtol=2e-4, atol=2e-5)
    expected = sh.irradiance_from_sh(total_sh(light.lighting, 2), mesh.normals)
    torch.testing.assert_close(
        fused.irradiance_linear[0][covered], interpolated(expected), rtol=1e-4, atol=1e-5
    )


# one texel; several pixels a texel; several texels a pixel, so that coarser levels are read
@pytest.mark.parametrize("texels", [1, 32, 1024])
def test_rows_equal_pixels(monkeypatch, texels):
    scene = lit_scene(96, texels)
    by_rows = shade_fused(*scene)
    monkeypatch.setitem(SHADERS, "cpu", SHADERS["cuda"])
    by_pixels = shade_fused(*scene)
    by_pixels = replace(by_pixels, metered=meter(by_rows))  # of the same pixels, whatever flipped
    for name, rows in vars(by_rows).items():
        pixels = getattr(by_pixels, name)
        if name == "metered":
            torch.testing.assert_close(rows.sum(1, keepdim=True), pixels, rtol=1e-4, atol=1e-4)
            continue
        assert bool(torch.isfinite(rows).all()), name
        off = (rows - pixels).abs() > 2e-5 + 2e-4 * pixels.abs()
        # A shadow's edge may fall on the other side of a few pixels.
        assert float(off.float().mean()) < 1e-3, name
    torch.testing.assert_close(by_rows.mask, by_pixels.mask, rtol=0, atol=0)
    if texels == 1:
        covered = by_rows.mask[..., None].expand_as(by_rows.albedo_linear) > 0
        expected = scene[1].albedo_linear.expand_as(by_rows.albedo_linear)
        torch.testing.assert_close(by_rows.albedo_linear[covered], expected[covered])


def test_sixteen_vertices_are_lit_as_one(monkeypatch):
    scene = lit_scene(96, 32)
    sixteen = shade_fused(*scene)
    monkeypatch.setitem(VERTEX_LIGHTERS, "cpu", VERTEX_LIGHTERS["cuda"])
    one = shade_fused(*scene)
    for name in ("radiance_linear", "irradiance_linear", "normals", "visibility"):
        assert float(getattr(one, name).abs().mean()) > 0.01
        torch.testing.assert_close(getattr(sixteen, name), getattr(one, name), rtol=2e-5, atol=2e-6)


def test_light_at_vertices_is_close_to_light_at_pixels():
    mesh, skin, camera, fragments, light = lit_scene()
    smooth = light.maps.map(lambda tensor: tensor.mean((-2, -3), keepdim=True).expand_as(tensor).contiguous())
    fused = shade_fused(mesh, skin, camera, fragments, light.__class__(**(vars(light) | {"maps": smooth})))
    expected = sh.irradiance_from_sh(total_sh(light.lighting, 2), fused.normals[0].reshape(1, -1, 3))
    covered = fused.mask[0].flatten() > 0
    off = (fused.irradiance_linear[0].reshape(-1, 3) - expected[0])[covered].norm()
    assert float(off / expected[0][covered].norm()) < 0.01


def test_white_furnace_lambert_is_albedo():
    mesh = mesh_of(bumpy_head())
    lighting = one_key([0.0, 0.0, 1.0], environment=1.0)
    lighting = lighting.__class__(
        sh_coeffs=lighting.sh_coeffs,
        key_dirs=lighting.key_dirs,
        key_irradiance=torch.zeros(1, 1, 3),
        key_angular_radius=lighting.key_angular_radius,
        environment=lighting.environment,
    )
    skin = Skin(
        albedo_linear=torch.full((4, 4, 3), 0.4),
        material=torch.tensor([0.5, 0.0]).expand(4, 4, 2).contiguous(),
    )
    camera = frontal_camera()
    light = Illumination(
        lighting=lighting, maps=light_maps(lighting), sky_visibility=torch.ones(1, mesh.vertices.shape[1], 3)
    )
    fragments = resolve_rasterizer("warp").rasterize(mesh, camera, 32)
    shaded = shade_fused(mesh, skin, camera, fragments, light)
    covered = shaded.mask > 0
    assert covered.sum() > 300
    radiance = shaded.radiance_linear[covered]
    torch.testing.assert_close(radiance, torch.full_like(radiance, 0.4), rtol=1e-4, atol=0.0)
    torch.testing.assert_close(shaded.visibility[covered], torch.ones(int(covered.sum())))


@pytest.mark.parametrize(("name", "index"), [("normals", 0), ("albedo", 1), ("key", 2), ("sky", 3)])
def test_gradients_of_shading(name, index):
    generator = torch.Generator().manual_seed(1)
    lighting = one_key([0.3, 0.5, 0.8], radius=0.03, environment=0.3).to(torch.float64)
    normals = torch.nn.functional.normalize(
        torch.randn(1, 5, 3, generator=generator, dtype=torch.float64) * 0.3 + torch.tensor([0.1, 0.1, 1.0]),
        dim=-1,
    )
    inputs = [
        normals,
        torch.rand(1, 5, 3, generator=generator, dtype=torch.float64),
        lighting.key_irradiance,
        torch.rand(1, 16, 32, 3, generator=generator, dtype=torch.float64),
    ]
    inputs = [tensor.clone().requires_grad_(position == index) for position, tensor in enumerate(inputs)]

    def radiance(normals, albedo, irradiance, sky):
        light = lighting.__class__(
            sh_coeffs=lighting.sh_coeffs,
            key_dirs=lighting.key_dirs,
            key_irradiance=irradiance,
            key_angular_radius=lighting.key_angular_radius,
            environment=None,
        )
        maps = light_maps(one_key([0.0, 0.0, 1.0], environment=0.3)).to(torch.float64)
        maps = maps.__class__(irradiance=sky, glossy=maps.glossy, mirror=maps.mirror)
        surface = Surface(
            normals=normals,
            view_dirs=torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64).expand(1, 5, 3),
            albedo_linear=albedo,
            material=torch.tensor([0.4, 0.028], dtype=torch.float64).expand(1, 5, 2),
            sky_visibility=torch.full((1, 5, 3), 0.8, dtype=torch.float64),
            light_visibility=torch.ones(1, 5, 1, dtype=torch.float64),
        )
        return shade_surface(surface, light, environment_light(surface, maps))

    # along random directions: one texel of the sky after the other would be 1,536 pictures
    assert torch.autograd.gradcheck(radiance, tuple(inputs), eps=1e-6, atol=1e-5, fast_mode=True), name


def test_key_light_is_lambert_where_it_faces():
    mesh = mesh_of(bumpy_head())
    camera = frontal_camera()
    skin = Skin(
        albedo_linear=torch.full((4, 4, 3), 0.5),
        material=torch.tensor([0.5, 0.0]).expand(4, 4, 2).contiguous(),
    )
    lighting = one_key([0.0, 0.0, 1.0])
    light = Illumination(
        lighting=lighting, maps=light_maps(lighting), sky_visibility=torch.ones(1, mesh.vertices.shape[1], 3)
    )
    shaded = shade_fused(mesh, skin, camera, resolve_rasterizer("warp").rasterize(mesh, camera, 64), light)
    # Seen from where the light stands nothing is in shadow: L = albedo/π · π · n_z.
    covered = (shaded.mask > 0) & (shaded.normals[..., 2] > 0.3)
    expected = 0.5 * shaded.normals[..., 2][covered]
    radiance = color.luminance(shaded.radiance_linear)[covered]
    assert ((radiance - expected).abs() > 1e-3).float().mean() < 0.01
    assert math.isclose(float(radiance.mean()), float(expected.mean()), rel_tol=5e-3)


def test_pictures_are_rows_of_sixteen():
    with pytest.raises(ValueError, match="multiple of 16, got H = 40"):
        shade_fused(*lit_scene(40))
