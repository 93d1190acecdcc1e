"""Points spread over others: the fast way chooses what the readable twin chooses."""

import pytest
import torch

from ftb.render.spread import farthest_points, farthest_points_by_steps
from tests.render.shapes import bumpy_head, mesh_of


def test_points_spread() -> None:
    line = torch.linspace(0.0, 1.0, 101)[:, None] * torch.tensor([1.0, 0.0, 0.0])
    assert farthest_points(line, 5).tolist() == [0, 100, 50, 25, 75]
    assert farthest_points(line, 0).tolist() == []


@pytest.mark.parametrize("width", range(1, 9))
@pytest.mark.parametrize("points", [1, 15, 16, 333])
def test_points_are_the_twins(points: int, width: int, generator: torch.Generator) -> None:
    features = torch.randn(points, width, generator=generator)
    count = min(points, 100)
    assert torch.equal(farthest_points(features, count), farthest_points_by_steps(features, count))


def test_of_equal_distances_the_first_wins(generator: torch.Generator) -> None:
    """On a grid most are equal, and after all of its places everything is at distance 0."""
    grid = torch.randint(0, 4, (200, 3), generator=generator).float()
    found = farthest_points(grid, 80)
    assert torch.equal(found, farthest_points_by_steps(grid, 80))
    assert found[-1] == 0


def test_the_points_of_a_head_are_the_twins() -> None:
    mesh = mesh_of(bumpy_head())
    features = torch.cat([mesh.vertices[0], mesh.normals[0] * 0.02], dim=-1)
    count = min(3000, len(features))
    assert torch.equal(farthest_points(features, count), farthest_points_by_steps(features, count))
