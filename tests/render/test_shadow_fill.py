"""Shadow maps drawn by rows against the same texel by texel, and against planes."""

from __future__ import annotations

import pytest
import torch
import trimesh

from ftb.render.shadow import draw_by_lights, draw_by_triangles
from tests.render import shapes


def drawn(draw, corners: torch.Tensor, faces: torch.Tensor, size: int) -> torch.Tensor:
    """Map (T, T) of vertices (V, 3) in texels and metres."""
    depth = torch.empty(1, size, size)
    samples = torch.zeros(1, dtype=torch.int32)
    corners = torch.nn.functional.pad(corners, (0, 1))
    draw([corners, faces.to(torch.int32), len(corners), size, samples, depth])
    return depth[0]


def soup(count: int, size: int, extent: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Triangles about `extent` texels wide, some of them beyond the map's border."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.rand(count, 1, 3, generator=generator) * torch.tensor([1.2 * size, 1.2 * size, 0.3])
    centres = centres - torch.tensor([0.1 * size, 0.1 * size, 0.0])
    around = torch.randn(count, 3, 3, generator=generator) * torch.tensor([extent, extent, 0.01])
    return (centres + around).flatten(0, 1), torch.arange(3 * count).view(-1, 3)


@pytest.mark.parametrize(("size", "extent"), [(192, 1.0), (200, 4.0), (204, 30.0), (8, 3.0)])
def test_rows_draw_what_texels_do(size: int, extent: float):
    corners, faces = soup(6000, size, extent, seed=int(extent))
    rows, texels = (drawn(draw, corners, faces, size) for draw in (draw_by_lights, draw_by_triangles))
    told_apart = (rows - texels).abs() > 1e-4
    # where a centre lies upon an edge, rounding decides
    assert told_apart.sum() <= 2e-4 * rows.numel()
    assert 0.05 < (rows < 1e5).float().mean()


def test_a_plane_is_drawn_as_it_is():
    """Two triangles over the whole map, z = 1 + 0.002 x − 0.001 y at the texel centres."""
    size = 192
    corners = torch.tensor([[-5.0, -5.0], [400.0, -5.0], [400.0, 400.0], [-5.0, 400.0]])
    z = 1.0 + 0.002 * corners[:, :1] - 0.001 * corners[:, 1:]
    depth = drawn(draw_by_lights, torch.cat([corners, z], 1), torch.tensor([[0, 1, 2], [0, 2, 3]]), size)
    centres = torch.arange(size) + 0.5
    expected = 1.0 + 0.002 * centres[None, :] - 0.001 * centres[:, None]
    torch.testing.assert_close(depth, expected, atol=1e-5, rtol=0.0)


@pytest.mark.parametrize("turned", [False, True])
def test_what_faces_away_is_left_out_only_behind_something(turned: bool):
    """A wide triangle and small ones before and behind it, all turned away from the light or none."""
    wide = torch.tensor([[-300.0, -300.0, 0.5], [900.0, -300.0, 0.5], [-300.0, 900.0, 0.5]])
    small = torch.tensor([[40.0, 40.0, 0.0], [90.0, 40.0, 0.0], [40.0, 90.0, 0.0]])
    before, behind = small + torch.tensor([0.0, 0.0, 0.3]), small + torch.tensor([60.0, 20.0, 0.7])
    beside = torch.tensor([[2.0, 2.0, 0.4], [4.0, 2.0, 0.4], [2.0, 4.0, 0.4]])
    corners = torch.cat([behind, wide, before, beside])
    faces = torch.arange(12).view(4, 3)
    faces = torch.cat([faces.flip(1) if turned else faces, faces[1:2].flip(1)])
    rows, texels = (drawn(draw, corners, faces, 192) for draw in (draw_by_lights, draw_by_triangles))
    torch.testing.assert_close(rows, texels, atol=1e-6, rtol=0.0)
    assert [round(float(rows[y, x]), 3) for y, x in ((45, 45), (70, 110), (2, 2), (150, 30))] == [
        *(0.3, 0.5, 0.4, 0.5)
    ]


def test_slivers_stay_within_their_depths():
    """A triangle of almost no width, whose plane is almost the light's way."""
    corners = torch.tensor([[10.0, 10.5, 0.1], [30.0, 10.5, 0.2], [20.0, 10.5 + 1e-5, 0.3]])
    for draw in (draw_by_lights, draw_by_triangles):
        depth = drawn(draw, corners, torch.tensor([[0, 1, 2]]), 192)
        covered = depth[depth < 1e5]
        assert len(covered) == 0 or (0.1 <= covered.min() and covered.max() <= 0.3)


def test_a_closed_surface_has_no_holes():
    """Every texel well within a sphere's outline is covered."""
    mesh = shapes.mesh_of(trimesh.creation.icosphere(subdivisions=5))
    corners = mesh.vertices[0].float() * 90.0 + torch.tensor([96.3, 95.8, 100.0])
    depth = drawn(draw_by_lights, corners, mesh.faces, 192)
    centres = torch.arange(192) + 0.5
    inside = (centres[None, :] - 96.3) ** 2 + (centres[:, None] - 95.8) ** 2 < 88.0**2
    assert bool((depth[inside] < 1e5).all())
