"""Soft edges: exact on straight outlines, near supersampling on a head, nothing done elsewhere."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
import trimesh

from ftb.render.antialias import Outlines, antialias, covered, mesh_edges
from ftb.render.antialias_fused import soften
from ftb.render.base import interpolate, resolve_rasterizer
from ftb.render.develop_fused import DEVELOPERS
from ftb.render.faces import face_planes
from ftb.render.pair import HeadCache, render_chunk
from ftb.scene.sampler import sample_chunk
from ftb.scene.scene_config import SceneConfig
from ftb.types import Camera, Fragments, Mesh, concatenate
from tests.render.shapes import BumpyHeads, bumpy_head, frontal_camera, mesh_of

SIZE = 48
FINE = 8  # samples along a pixel
STEP = 1.0 / 510.0  # of the kernels' shares


def seen(mesh: Mesh, camera: Camera, *, culled: bool = True, size: int = SIZE) -> tuple[Outlines, Fragments]:
    fragments = resolve_rasterizer("warp").rasterize(mesh, camera, size, cull_backfaces=culled)
    outlines = Outlines(
        mesh=mesh,
        edges=mesh_edges(mesh),
        planes=face_planes(mesh),
        camera=camera,
        depth=fragments.depth,
        culled=culled,
    )
    return outlines, fragments


def softened(pictures: torch.Tensor, outlines: Outlines) -> torch.Tensor:
    planes = pictures.permute(0, 3, 1, 2).contiguous().clone()
    soften(planes, outlines)
    return planes.permute(0, 2, 3, 1)


def pinhole(distance: float = 0.5) -> Camera:
    camera = frontal_camera(0.15 / distance)
    camera.cam_from_world[:, 2, 3] = -distance
    return replace(camera, orthographic=False)


def half_plane(angle: float, offset: float) -> Mesh:
    """A quad whose one side, seen by `frontal_camera(1)`, passes `offset` from the middle."""
    quad = torch.tensor([[0.0, -9.0, 0.0], [0.0, 9.0, 0.0], [-9.0, 9.0, 0.0], [-9.0, -9.0, 0.0]])
    quad[:, 0] += offset
    turn = torch.tensor(
        [
            [math.cos(angle), -math.sin(angle), 0.0],
            [math.sin(angle), math.cos(angle), 0.0],
            [0.0, 0.0, 1.0],
        ]
    )
    vertices = quad @ turn.T
    normals = torch.tensor([0.0, 0.0, 1.0]).expand(4, 3)
    return Mesh(
        vertices=vertices[None], faces=torch.tensor([[0, 1, 2], [0, 2, 3]]), normals=normals[None], uvs=None
    )


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0, 4.0])
@pytest.mark.parametrize("at", [-1.0, -0.6, -0.1, 0.0, 0.45, 0.9])
def test_coverage_equals_quadrature(slope, at):
    rows = (torch.arange(4000, dtype=torch.float64) + 0.5) / 4000 - 0.5
    expected = float((at + slope * rows + 0.5).clamp(0.0, 1.0).mean())
    assert covered(at, slope) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("degrees", [0.0, 20.0, 45.0, 70.0, 90.0, 160.0, 225.0, 300.0])
def test_a_straight_edge_covers_what_it_covers(degrees):
    angle, offset, size = math.radians(degrees), 0.0137, 32
    outlines, fragments = seen(half_plane(angle, offset), frontal_camera(1.0), size=size)
    steps = (torch.arange(size * 64, dtype=torch.float64) + 0.5) / (size * 32) - 1.0
    inside = steps[None, :] * math.cos(angle) - steps[:, None] * math.sin(angle) < offset
    expected = inside.float().view(size, 64, size, 64).mean((1, 3))
    picture = (fragments.pix_to_face >= 0).float()[..., None].expand(-1, -1, -1, 3)
    off = (softened(picture, outlines)[0, ..., 0] - expected).abs()
    off[:, [0, -1]], off[[0, -1]] = 0.0, 0.0  # a pixel's neighbour may lie outside the picture
    assert float(off.max()) < STEP + 5e-3  # of the quadrature
    assert float((picture[0, ..., 0] - expected).abs().max()) > 0.15


@pytest.mark.parametrize("camera", [frontal_camera(), pinhole()], ids=["orthographic", "pinhole"])
@pytest.mark.parametrize("culled", [True, False])
def test_kernels_equal_their_twin(camera, culled):
    mesh = mesh_of(bumpy_head())
    if not culled:  # borders, from both sides
        mesh = replace(mesh, faces=mesh.faces[mesh.vertices[0, :, 1][mesh.faces].amax(-1) < 0.03])
    outlines, _ = seen(mesh, camera, culled=culled, size=32)
    picture = torch.rand(1, 32, 32, 3, generator=torch.Generator().manual_seed(0))
    expected = antialias(picture, outlines)
    assert float((expected != picture).any(-1).float().mean()) > 0.03
    torch.testing.assert_close(softened(picture, outlines), expected, rtol=0.0, atol=4 * 0.5 * STEP)


@pytest.mark.parametrize("culled", [True, False])
def test_pictures_are_softened_as_planes_are(monkeypatch, culled):
    """The renderer's own way on the CPU, where only what outlines touch is looked at; two pictures share its
    scratch, of which one is partly hidden."""
    config = SceneConfig(samples_per_head=2)
    chunk = sample_chunk(config, BumpyHeads(), None, seed=1, split="test", chunk=3)
    rasterizer, made = resolve_rasterizer("warp"), []
    for developer in ("cpu", "cuda"):
        heads = HeadCache(config, BumpyHeads(), rasterizer)
        monkeypatch.setattr(heads, "front_only", lambda head: culled)
        monkeypatch.setitem(DEVELOPERS, "cpu", DEVELOPERS[developer])
        made.append(render_chunk(chunk, rasterizer, heads, size=96, ball_size=16).photo_srgb)
    plain = HeadCache(replace(config, antialias=False), BumpyHeads(), rasterizer)
    hard = render_chunk(chunk, rasterizer, plain, size=96, ball_size=16).photo_srgb
    assert float(((made[0] - hard).abs() > 0.02).float().mean()) > 0.002
    assert float(((made[0] - made[1]).abs() > 1e-3).float().mean()) < 1e-3


def lit(mesh: Mesh, fragments: Fragments) -> torch.Tensor:
    """A face of simple shading before a bright wall."""
    normals = interpolate(fragments, mesh.faces, mesh.normals)
    light = torch.tensor([[0.5, 0.4, 0.7], [-0.6, 0.2, 0.6], [0.1, -0.8, 0.5]])
    shade = 0.05 + (normals @ light.T).clamp_min(0.0)
    return torch.where((fragments.pix_to_face >= 0)[..., None], shade, torch.tensor([0.8, 0.9, 1.0]))


def test_near_supersampling_at_edges_and_not_worse_elsewhere():
    mesh, camera = mesh_of(bumpy_head()), pinhole()
    outlines, fragments = seen(mesh, camera)
    fine = seen(mesh, camera, size=SIZE * FINE)[1]
    reference = lit(mesh, fine).view(SIZE, FINE, SIZE, FINE, 3).mean((1, 3))
    deep = torch.where(fine.depth < 0, 1.0, fine.depth).view(SIZE, FINE, SIZE, FINE)
    # Where a pixel sees two surfaces a centimetre or more apart.
    edges = deep.amax((1, 3)) - deep.amin((1, 3)) > 0.01
    plain = lit(mesh, fragments)
    soft = softened(plain, outlines)
    rms = lambda picture, where: float((picture[0] - reference)[where].square().mean().sqrt())  # noqa: E731
    assert int(edges.sum()) > 150
    assert rms(soft, edges) < 0.35 * rms(plain, edges)
    assert rms(soft, ~edges) <= rms(plain, ~edges)


def test_what_no_outline_passes_stays_as_it_is():
    mesh, camera = mesh_of(bumpy_head()), pinhole()
    outlines, fragments = seen(mesh, camera)
    picture = torch.rand(1, SIZE, SIZE, 3, generator=torch.Generator().manual_seed(0))
    changed = (softened(picture, outlines) != picture).any(-1)
    face = torch.nn.functional.max_pool2d((fragments.depth > 0).float()[:, None], 3, 1, 1)[:, 0] > 0
    assert not bool((changed & ~face).any())
    assert float(changed.float().mean()) < 0.2
    # A flat colour stays one, whatever is blended.
    flat = torch.full_like(picture, 0.375)
    torch.testing.assert_close(softened(flat, outlines), flat, rtol=0.0, atol=0.0)


def test_hidden_outlines_leave_no_trace():
    ball = trimesh.creation.icosphere(subdivisions=2, radius=0.03)
    ball.apply_translation([0.0, 0.0, -0.3])
    wall = trimesh.creation.box(extents=[0.2, 0.2, 0.02])
    picture = torch.rand(1, SIZE, SIZE, 3, generator=torch.Generator().manual_seed(0))
    pictures = []
    for shapes in ([wall], [wall, ball]):
        outlines, _ = seen(mesh_of(trimesh.util.concatenate(shapes)), frontal_camera())
        pictures.append(softened(picture, outlines))
    torch.testing.assert_close(pictures[0], pictures[1], rtol=0.0, atol=0.0)


def test_outlines_behind_something_else_leave_no_trace():
    outlines, _ = seen(mesh_of(bumpy_head()), pinhole())
    picture = torch.rand(1, SIZE, SIZE, 3, generator=torch.Generator().manual_seed(0))
    shown = torch.ones(1, SIZE, SIZE)
    shown[:, :, : SIZE // 2] = 0.0
    everywhere = (softened(picture, outlines) != picture).any(-1)
    outlines.hide(0, (shown[0] == 0.0).float())
    changed = (softened(picture, outlines) != picture).any(-1)
    assert bool((everywhere & (shown == 0)).any())
    assert not bool((changed & (shown == 0)).any())
    assert torch.equal(changed[:, :, SIZE // 2 + 1 :], everywhere[:, :, SIZE // 2 + 1 :])


def test_pictures_do_not_depend_on_each_other():
    mesh = mesh_of(bumpy_head())
    cameras = [pinhole(distance) for distance in (0.4, 0.5, 0.7)]
    camera = concatenate(cameras)
    outlines, _ = seen(mesh, camera)
    pictures = torch.rand(3, SIZE, SIZE, 3, generator=torch.Generator().manual_seed(0))
    together = softened(pictures, outlines)
    for number in range(3):
        part = slice(number, number + 1)
        assert torch.equal(softened(pictures[part], outlines.picture(number)), together[part])


def test_seams_are_no_borders_and_borders_are():
    box = mesh_of(trimesh.creation.box())
    apart = replace(  # every face with vertices of its own
        box,
        vertices=box.vertices[:, box.faces.flatten()],
        normals=box.normals[:, box.faces.flatten()],
        faces=torch.arange(36).view(12, 3),
        uvs=None,
    )
    for mesh in (box, apart):
        edges = mesh_edges(mesh)
        assert len(edges) == 18
        assert int(edges[:, 3].min()) >= 0
        assert sorted(edges[:, 2:].flatten().tolist()) == sorted(list(range(12)) * 3)
    open_box = replace(box, faces=box.faces[1:])
    assert int((mesh_edges(open_box)[:, 3] < 0).sum()) == 3
    twice = replace(box, faces=torch.cat([box.faces, box.faces[:1]]))  # three borders of three faces
    assert int((mesh_edges(twice)[:, 3] < 0).sum()) == 9


def test_photographs_alone_are_softened():
    rasterizer = resolve_rasterizer("warp")
    pairs = []
    for wanted in (False, True):
        config = SceneConfig(samples_per_head=2, sky_receivers=50, sky_directions=32, antialias=wanted)
        chunk = sample_chunk(config, BumpyHeads(), None, seed=0, split="test", chunk=0)
        heads = HeadCache(config, BumpyHeads(), rasterizer)
        with torch.inference_mode():
            pairs.append(render_chunk(chunk, rasterizer, heads, size=SIZE, ball_size=16))
    for name in ("mask", "normals", "albedo_linear", "visibility", "residual_linear", "ball_linear"):
        assert torch.equal(getattr(pairs[0], name), getattr(pairs[1], name)), name
    assert not torch.equal(pairs[0].photo_srgb, pairs[1].photo_srgb)
