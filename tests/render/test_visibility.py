"""Shadows and sky: maps against rays, rays against analysis."""

from __future__ import annotations

import math

import pytest
import torch
import trimesh

from ftb.maths import sphere
from ftb.render.base import interpolate, resolve_rasterizer
from ftb.render.light_maps import light_maps
from ftb.render.occlusion import Occluder, sky_directions
from ftb.render.shade import Skin
from ftb.render.shade_fused import Illumination, shade_fused
from ftb.render.sky import (
    MARKS,
    SHARES,
    SkyTransfer,
    choose_receivers,
    needed_receivers,
    shadowed_share,
    sky_transfer,
    sky_visibility,
)
from ftb.render.sky_occluder import kept_occluder
from ftb.types import Mesh
from tests.render.shapes import bumpy_head, frontal_camera, mesh_of, one_key


@pytest.mark.parametrize(
    "direction", [[0.9, 0.2, 0.4], [-0.5, 0.8, 0.3], [0.2, -0.9, 0.4], [-0.8, -0.2, 0.55]]
)
@pytest.mark.parametrize("radius", [0.0, 0.1])
def test_shadow_maps_agree_with_rays(direction, radius):
    mesh, camera = mesh_of(bumpy_head()), frontal_camera()
    lighting = one_key(direction, radius=radius)
    skin = Skin(albedo_linear=torch.full((4, 4, 3), 0.5), material=torch.zeros(4, 4, 2))
    light = Illumination(
        lighting=lighting, maps=light_maps(lighting), sky_visibility=torch.ones(1, mesh.vertices.shape[1], 3)
    )
    fragments = resolve_rasterizer("warp").rasterize(mesh, camera, 96)
    shaded = shade_fused(mesh, skin, camera, fragments, light)
    # Grazing pixels carry almost no light, and their shadow is a matter of the facets.
    lit = ((shaded.normals @ lighting.key_dirs[0, 0]) > 0.15) & (shaded.mask > 0)
    points = interpolate(fragments, mesh.faces, mesh.vertices)[lit]
    rays = Occluder(mesh).light_visibility(
        points, shaded.normals[lit], lighting.key_dirs[0, 0], radius, samples=1 if radius == 0.0 else 64
    )
    maps = shaded.light_visibility[..., 0][lit]
    assert lit.sum() > 800
    assert float(rays.min()) < 0.1
    assert float((maps - rays).abs().mean()) < 0.02
    assert abs(float((maps - rays).mean())) < 0.01


def test_sky_over_a_floor_with_a_wall():
    # A floor point beside a wall that hides half of the sky up to a known height sees
    # 1 − (1 − cos θ)/2 of a white sky's irradiance, θ the wall's elevation (two-dimensional wall).
    floor = trimesh.creation.box(extents=(20.0, 0.01, 20.0))
    wall = trimesh.creation.box(extents=(20.0, 2.0, 0.01))
    wall.apply_translation([0.0, 1.0, -1.0])
    mesh = mesh_of(trimesh.util.concatenate([floor, wall]))
    point = torch.tensor([[0.0, 0.0051, 0.0]])
    up = torch.tensor([[0.0, 1.0, 0.0]])
    directions = sphere.fibonacci_directions(4000)
    transfer = Occluder(mesh).cosine_transfer(point, up, directions)
    seen = float(transfer.sum() * 4.0 * math.pi / 4000 / math.pi)
    elevation = math.atan2(2.0, 1.0)
    assert math.isclose(seen, 1.0 - (1.0 - math.cos(elevation)) / 2.0, abs_tol=0.01)


def test_convex_shape_sees_the_whole_sky():
    mesh = mesh_of(trimesh.creation.icosphere(subdivisions=3, radius=0.1))
    lighting = one_key([0.0, 0.0, 1.0], environment=0.7)
    transfer = sky_transfer(mesh, choose_receivers(mesh, 100), directions=64)
    visibility = sky_visibility(transfer, lighting, torch.eye(3)[None])
    # Facets hide a little of the horizon that smooth normals promise.
    assert float(visibility.min()) > 0.97


def test_receivers_borrow_from_themselves():
    mesh = mesh_of(bumpy_head())
    receivers = choose_receivers(mesh, 50)
    assert len(receivers.vertices.unique()) == 50
    own = receivers.weights[receivers.vertices].max(dim=-1)
    assert float(own.values.min()) > 0.999
    torch.testing.assert_close(receivers.weights.sum(-1), torch.ones(mesh.vertices.shape[1]))


def test_fewer_rays_find_the_same_openness():
    mesh = mesh_of(bumpy_head())
    points, normals = mesh.vertices[0][::20], mesh.normals[0][::20]
    sky = sky_directions(144, "cpu")
    exact = Occluder(mesh).cosine_transfer(points, normals, sky.directions)
    needed = torch.ones(len(points), dtype=torch.uint8)
    fewer = Occluder(mesh).adaptive_transfer(points, normals, needed, sky)
    assert float((exact > 0).float().mean()) < 0.48  # something is hidden
    assert float(((exact > 0) != (fewer > 0)).float().mean()) < 0.01
    torch.testing.assert_close(fewer[:, : sky.few], exact[:, : sky.few])
    off = (fewer.sum(-1) - exact.sum(-1)) / exact.sum(-1).clamp_min(1.0)
    assert abs(float(off.mean())) < 0.01


def test_rows_hold_light_and_openness():
    # On a convex shape nothing is hidden but what lies below the facets at the horizon.
    mesh = mesh_of(trimesh.creation.icosphere(subdivisions=3, radius=0.1))
    needed = torch.ones(mesh.vertices.shape[1], dtype=torch.uint8)
    sky = sky_directions(400, "cpu")
    rows = Occluder(mesh).sky_rows(mesh.vertices[0], mesh.normals[0], needed, sky)
    shadowed, unshadowed, openness = rows
    pi = torch.full_like(openness, math.pi)
    torch.testing.assert_close(unshadowed.sum(-1), pi, rtol=0.02, atol=0)
    torch.testing.assert_close(shadowed.sum(-1), openness * unshadowed.sum(-1), rtol=1e-5, atol=1e-6)
    assert float(openness.min()) > 0.97


@pytest.mark.parametrize("scattered", [False, True], ids=["all", "chosen"])
def test_kept_occluder_is_every_mesh_it_is_asked_for(scattered):
    rest = mesh_of(bumpy_head())
    wider = rest.vertices[0] * torch.tensor([1.3, 0.9, 1.1])
    sky = sky_directions(64, "cpu")
    needed = torch.ones(len(wider[::20]), dtype=torch.uint8)
    exact = Occluder(Mesh(vertices=wider[None], faces=rest.faces, normals=rest.normals))
    expected = exact.sky_rows(wider[::20], rest.normals[0][::20], needed, sky)[0]
    assert float((expected > 0).float().mean()) < 0.48  # something is hidden
    shapes = torch.stack([rest.vertices[0] * 5.0, wider])
    normals, chosen, places = rest.normals.expand(2, -1, -1), None, torch.arange(len(wider))
    if scattered:  # the same triangles among other vertices
        chosen = places = torch.randperm(2 * len(wider), generator=torch.Generator().manual_seed(5))[places]
        shapes, normals = (among(values, places) for values in (shapes, normals))
    starts = torch.tensor([0, 7, 7 + len(needed)], dtype=torch.int32)
    asked = torch.cat([places[:7], shapes.shape[1] + places[::20]])
    receivers = (shapes.flatten(0, 1), normals.flatten(0, 1), asked, torch.cat([needed[:7], needed]))
    for faces in (rest.faces, rest.faces, rest.faces.clone()):  # built, asked again, and built anew
        for occluder in (kept_occluder(faces, rest.vertices[0], chosen), Occluder(rest, chosen)):
            found = occluder.sky_rows_of(shapes, starts, receivers, sky)
            torch.testing.assert_close(found[0][7:], expected, rtol=0, atol=0)


def among(values, places):
    """Rows (B, V, 3) at these places (V,) of twice as many."""
    more = torch.ones(len(values), 2 * len(places), 3)
    more[:, places] = values
    return more


def test_what_no_picture_shows_stays_in_the_dark():
    mesh = mesh_of(bumpy_head())
    receivers = choose_receivers(mesh, 60)
    used = torch.zeros(2, mesh.vertices.shape[1], dtype=torch.uint8)
    used[0, 5] = used[1, 700] = 1
    needed = needed_receivers(receivers, used)
    assert sorted(needed.nonzero()[:, 0].tolist()) == sorted(
        {int(number) for vertex in (5, 700) for number in receivers.neighbours[vertex]}
    )
    whole = sky_transfer(mesh, receivers, directions=48)
    part = sky_transfer(mesh, receivers, directions=48, needed=needed)
    assert len(part.shadowed) == int(needed.sum()), "the others cast no rays"
    torch.testing.assert_close(part.shadowed, whole.shadowed[needed.bool()], rtol=0, atol=0)
    radiance = torch.rand(2, 48, 3, generator=torch.Generator().manual_seed(0))
    expected, found = shadowed_share(whole, radiance), shadowed_share(part, radiance, used)
    torch.testing.assert_close(found[used > 0], expected[used > 0], rtol=0, atol=0)
    assert float(found[used > 0].min()) < 1.0
    assert (found[used == 0] == 1.0).all()


def naive_share(transfer: SkyTransfer, radiance: torch.Tensor) -> torch.Tensor:
    """Vertex by vertex: neighbours that see more of the sky say more."""
    shadowed, unshadowed = (
        torch.einsum("nd,sdc->nsc", rows.double(), radiance.double())
        for rows in (transfer.shadowed, transfer.unshadowed)
    )
    ratio = torch.where(unshadowed > 1e-8, shadowed / unshadowed, 1.0).clamp(0.0, 1.0)  # (N, S, 3)
    near = transfer.receivers.neighbours
    weights = transfer.receivers.weights * (transfer.openness[near].square() + 1e-4)
    weights = weights / weights.sum(-1, keepdim=True)
    return torch.einsum("vn,vnsc->svc", weights.double(), ratio[near]).float()


@pytest.mark.parametrize("mark", MARKS.values(), ids=MARKS)
def test_each_head_needs_what_its_own_pictures_show(mark: tuple, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(MARKS, "cpu", mark)
    receivers = choose_receivers(mesh_of(bumpy_head()), 60)
    used = torch.zeros(4, len(receivers.neighbours), dtype=torch.uint8)
    used[1, 5] = used[2, 70] = used[3, 700] = 1
    needed = needed_receivers(receivers, used, heads=2).unflatten(0, (2, -1))
    for row, vertices in zip(needed, [[5], [70, 700]], strict=True):
        assert set(row.nonzero()[:, 0].tolist()) == set(receivers.neighbours[vertices].flatten().tolist())


@pytest.mark.parametrize("samples", [1, 3, 6, 17, 32])
@pytest.mark.parametrize("way", SHARES.values(), ids=SHARES)
def test_shares_are_those_of_the_naive_sum(samples: int, way: tuple, monkeypatch: pytest.MonkeyPatch):
    """Of an odd number of directions, and of fewer and more colours than registers hold."""
    monkeypatch.setitem(SHARES, "cpu", way)
    mesh = mesh_of(bumpy_head())
    transfer = sky_transfer(mesh, choose_receivers(mesh, 60), directions=49)
    radiance = torch.rand(samples, 49, 3, generator=torch.Generator().manual_seed(0)) ** 4
    radiance[0, :, 1] = 0.0  # no green light: nothing to divide by
    expected = naive_share(transfer, radiance)
    assert float(expected.min()) < 0.8
    torch.testing.assert_close(shadowed_share(transfer, radiance), expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("way", SHARES.values(), ids=SHARES)
def test_shares_of_several_heads_are_those_of_each(way: tuple, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(SHARES, "cpu", way)
    shapes = [mesh_of(bumpy_head(seed)) for seed in (0, 1)]
    receivers = choose_receivers(shapes[0], 60)
    both = Mesh(
        vertices=torch.cat([mesh.vertices for mesh in shapes]),
        faces=shapes[0].faces,
        normals=torch.cat([mesh.normals for mesh in shapes]),
    )
    radiance = torch.rand(6, 49, 3, generator=torch.Generator().manual_seed(0)) ** 4
    found = shadowed_share(sky_transfer(both, receivers, directions=49), radiance)
    for mesh, mine, sky in zip(shapes, found.split(3), radiance.split(3), strict=True):
        alone = shadowed_share(sky_transfer(mesh, receivers, directions=49), sky)
        torch.testing.assert_close(mine, alone, rtol=0, atol=2e-6)
    other = shadowed_share(sky_transfer(shapes[1], receivers, directions=49), radiance[:3])
    assert not torch.allclose(found[:3], other, atol=1e-3)
