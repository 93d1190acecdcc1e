"""The tree of sixteen children a node against Warp's own rays."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ftb.render.occlusion import Occluder, SkyDirections, sky_directions
from ftb.render.wide_tree import WIDTH, WideTree, grouped
from ftb.types import Mesh
from tests.render.shapes import bumpy_head, mesh_of


def soup(count: int) -> Mesh:
    """Small triangles anywhere in a box of 20 cm."""
    generator = torch.Generator().manual_seed(1)
    centre = torch.rand(count, 1, 3, generator=generator) * 0.2 - 0.1
    corners = centre + 0.02 * torch.randn(count, 3, 3, generator=generator)
    vertices = corners.view(1, -1, 3)
    return Mesh(vertices=vertices, faces=torch.arange(3 * count).view(-1, 3), normals=vertices)


def places(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    points = torch.rand(count, 3, generator=generator) * 0.3 - 0.15
    normals = torch.nn.functional.normalize(torch.randn(count, 3, generator=generator), dim=-1)
    return points, normals


def along_axes() -> SkyDirections:
    """Directions that lie in the planes between axes, each of which casts a ray."""
    steps = torch.tensor([-1.0, 0.0, 1.0])
    directions = torch.cartesian_prod(steps, steps, steps)
    directions = torch.nn.functional.normalize(directions[directions.any(-1)], dim=-1)
    neighbours = torch.zeros(len(directions), 3, dtype=torch.int32)
    return SkyDirections(directions=directions, neighbours=neighbours, few=len(directions))


# One leaf that is not full, one node, and so many nodes that their boxes take several rows.
@pytest.mark.parametrize("count", [5, 200, 6000])
@pytest.mark.parametrize(
    "sky",
    [along_axes(), *(sky_directions(directions, "cpu") for directions in (3, 17, 90, 144))],
    ids=["axes", "3", "17", "90", "144"],
)
def test_answers_are_those_of_warp(count, sky):
    mesh, (points, normals) = soup(count), places(300)
    needed = torch.arange(len(points)).remainder(3).ne(0).to(torch.uint8)
    found = WideTree(mesh).sky_rows(points, normals, needed, sky)
    expected = Occluder(mesh).sky_rows(points, normals, needed, sky)
    hidden = (expected[1] > 0) & (expected[0] == 0)
    assert hidden.any() or count * len(sky.directions) < 100  # so few may all miss
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_a_vertex_that_is_no_number_takes_no_other_triangle_away():
    mesh, sky, (points, normals) = soup(200), sky_directions(48, "cpu"), places(40)
    everyone = torch.ones(len(points), dtype=torch.uint8)
    starts = torch.tensor([0, len(points)], dtype=torch.int32)
    for face in range(0, 200, 3):  # wherever it lies in its leaf
        broken = mesh.vertices.clone()
        broken[0, 3 * face + 2, face % 3] = torch.nan
        receivers = (points, normals, torch.arange(len(points)), everyone)
        found = WideTree(mesh).sky_rows_of(broken, starts, receivers, sky)[0]
        rest = mesh.faces[torch.arange(200) != face]
        others = Mesh(vertices=mesh.vertices, faces=rest, normals=mesh.normals)
        assert torch.equal(found, Occluder(others).sky_rows(points, normals, everyone, sky)[0])


def test_answers_on_a_surface_are_those_of_warp():
    mesh, sky = mesh_of(bumpy_head()), sky_directions(300, "cpu")
    points, normals = mesh.vertices[0], mesh.normals[0]
    needed = torch.ones(len(points), dtype=torch.uint8)
    found = WideTree(mesh).sky_rows(points, normals, needed, sky)
    expected = Occluder(mesh).sky_rows(points, normals, needed, sky)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_every_triangle_is_in_one_leaf():
    nodes = grouped(soup(3000).vertices.view(-1, 3, 3).numpy())
    leaves = [leaf for node in nodes for leaf in node]
    assert max(map(len, nodes)) <= WIDTH
    assert max(map(len, leaves)) <= WIDTH
    assert np.sort(np.concatenate(leaves)).tolist() == list(range(3000))
    assert len(nodes) < 3 * 3000 / WIDTH**2  # mostly full
