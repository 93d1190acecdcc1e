"""No hole and no double hit along shared edges, at the vertices where they meet, and at the near plane."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ftb.maths.rotation import rotation_about_axis
from ftb.types import Camera
from tests.render.rasterizer_cases import (
    WATERTIGHT,
    hits,
    icosphere,
    mesh_of,
    orthographic,
    pinhole,
    rasterizer,
)

BOTH = pytest.mark.parametrize("name", WATERTIGHT)


@BOTH
@pytest.mark.parametrize("seed", range(4))
def test_closed_mesh_from_inside_is_hit_once_everywhere(name: str, seed: int) -> None:
    """From inside a star-shaped mesh every ray leaves through one triangle, wherever its corners lie."""
    generator = torch.Generator().manual_seed(seed)
    vertices, faces = icosphere(2, generator, bumps=0.1)
    axis = torch.randn(3, generator=generator)
    turned = vertices @ rotation_about_axis(axis / axis.norm(), torch.tensor(0.7 + seed)).mT
    count = hits(rasterizer(name), mesh_of(turned, faces), pinhole(half_width=3.0), 48)
    assert count.min() == 1
    assert count.max() == 1


def test_many_small_triangles_from_inside_leave_no_hole() -> None:
    vertices, faces = icosphere(5, torch.Generator().manual_seed(5), bumps=0.2)  # 20,480, a few pixels each
    fragments = rasterizer("warp").rasterize(mesh_of(vertices, faces), pinhole(half_width=1.0), 256)
    assert (fragments.pix_to_face >= 0).all()


def quad(angle: float, half: float, depth: float) -> tuple[Tensor, Tensor]:
    """A square of two triangles, turned in the image, tilted in depth."""
    corners = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]) * half
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    flat = corners @ turn.mT
    return torch.cat((flat, -depth + 0.3 * flat[:, :1]), dim=1), torch.tensor([[0, 1, 2], [0, 2, 3]])


@BOTH
@pytest.mark.parametrize("angle", [0.0, math.pi / 4, math.pi / 2, *(0.37 * k for k in range(1, 12))])
@pytest.mark.parametrize("camera", [pinhole(), orthographic()], ids=["pinhole", "orthographic"])
def test_quads_are_hit_once(name: str, angle: float, camera: Camera) -> None:
    """Inside the outline once, outside never: the diagonal belongs to one of its sides."""
    vertices, faces = quad(angle, half=0.5, depth=2.0)
    count = hits(rasterizer(name), mesh_of(vertices, faces), camera, 64)
    assert count.max() == 1
    outline = vertices[:, :2] if camera.orthographic else vertices[:, :2] / -vertices[:, 2:]
    steps = (torch.arange(64) + 0.5) / 32 - 1
    y, x = torch.meshgrid(-steps, steps, indexing="ij")
    inside = _distance_inside(torch.stack((x, y), dim=-1) * camera.half_width, outline)
    assert (count == 1)[inside > 1e-4].all()
    assert (count == 0)[inside < -1e-4].all()


def _distance_inside(points: Tensor, outline: Tensor) -> Tensor:
    """Least signed distance (H, W) of points from the edges of a convex outline (N, 2), counter-clockwise."""
    edge = outline.roll(-1, 0) - outline
    offset = points[..., None, :] - outline
    return ((edge[:, 0] * offset[..., 1] - edge[:, 1] * offset[..., 0]) / edge.norm(dim=-1)).amin(-1)


@BOTH
@pytest.mark.parametrize("step", [1.0, 0.5, 2.0])
@pytest.mark.parametrize("flipped", [False, True])
def test_grids_upon_pixel_centres_are_hit_once(name: str, step: float, flipped: bool) -> None:
    """The worst case: every vertex, edge and diagonal of the grid passes through pixel centres."""
    size, count = 16, int(6 / step) + 1
    positions = torch.arange(count) * step + 2.5 - size / 2  # pixels from the centre: on pixel centres
    y, x = torch.meshgrid(positions, positions, indexing="ij")
    vertices = torch.stack((x / 8, y / 8, torch.full_like(x, -2.0)), dim=-1).flatten(0, 1)
    corner = (torch.arange(count - 1)[:, None] * count + torch.arange(count - 1)).flatten()
    lower = torch.stack((corner, corner + 1, corner + count + 1), dim=-1)
    upper = torch.stack((corner, corner + count + 1, corner + count), dim=-1)
    faces = torch.cat((lower, upper)).flip(1 if flipped else 0)
    found = hits(rasterizer(name), mesh_of(vertices, faces), orthographic(), size)
    assert found.max() == 1
    # Columns 2 to 8 and rows 7 to 13 count as if moved right and down, so the last of each lies outside.
    assert int(found.sum()) == 36


def fan(apex: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Seven triangles around an apex (3,) at depth 1, whose rim is partly behind a camera at the origin.

    The rim goes round the apex's ray, before the camera as behind it, so that in the image no two overlap.
    """
    angles = (torch.arange(7) + torch.rand(7, generator=generator)) * (2 * math.pi / 7)
    depth = 2.0 - 4.0 * torch.rand(7, generator=generator)
    rim = torch.stack((3 * angles.cos(), 3 * angles.sin(), torch.zeros(7)), dim=-1) + depth[:, None] * apex
    numbers = torch.arange(7)
    faces = torch.stack((torch.zeros(7, dtype=torch.int64), 1 + numbers, 1 + (numbers + 1) % 7), dim=-1)
    return torch.cat((apex[None], rim)), faces


@BOTH
@pytest.mark.parametrize("seed", range(6))
def test_fan_around_the_axis_is_hit_once(name: str, seed: int) -> None:
    """Triangles that meet exactly in a pixel centre, some of them reaching behind the camera."""
    generator = torch.Generator().manual_seed(seed)
    mesh = mesh_of(*fan(torch.tensor([0.0, 0.0, -1.0]), generator))
    count = hits(rasterizer(name), mesh, pinhole(), 33)  # odd: the axis meets a pixel centre
    assert count[14:19, 14:19].eq(1).all()
    assert count.max() == 1


@BOTH
def test_ground_plane_up_to_the_near_plane_is_hit_once(name: str) -> None:
    """Vertices beside and behind the camera: below the horizon every pixel is hit, until near clips it."""
    x = torch.linspace(-40, 40, 9)
    grid = torch.stack(torch.meshgrid(x, x, indexing="ij"), dim=-1)
    vertices = torch.stack((grid[..., 0], torch.full_like(grid[..., 0], -0.1), grid[..., 1]), dim=-1)
    corner = (torch.arange(8)[:, None] * 9 + torch.arange(8)).flatten()
    faces = torch.cat(
        (
            torch.stack((corner, corner + 1, corner + 10), dim=-1),
            torch.stack((corner, corner + 10, corner + 9), dim=-1),
        )
    )
    camera = pinhole(half_width=1.0, near=0.2)
    count = hits(rasterizer(name), mesh_of(vertices.flatten(0, 1), faces), camera, 64)
    slope = 1 - (torch.arange(64) + 0.5) / 32  # y at unit depth; the ground is at depth 0.1 / −slope
    seen = (slope < -0.1 / 39) & (slope > -0.1 / 0.2)
    assert (count[seen] == 1).all()
    assert (count[~seen & (slope.abs() - 0.1 / 40).abs().gt(1e-3)] == 0).all()


def test_fans_around_any_pixel_centre_are_hit_once() -> None:
    """Warp's edges are exact at every vertex in the image, also those that lead behind the camera."""
    generator = torch.Generator().manual_seed(7)
    for _ in range(60):
        row, column = torch.randint(8, 56, (2,), generator=generator).tolist()
        # A half width that no edge function is a round number of; the apex snaps to the pixel centre.
        apex = torch.tensor([0.7 * ((column + 0.5) / 32 - 1), 0.7 * (1 - (row + 0.5) / 32), -1.0])
        count = hits(rasterizer("warp"), mesh_of(*fan(apex, generator)), pinhole(half_width=0.7), 64)
        assert count[row, column] == 1


@BOTH
def test_edge_within_a_millionth_of_a_pixel_of_centres_is_hit_once(name: str) -> None:
    """An edge that leaves a pixel centre by one step of Warp's grid over 256 rows, in units of pixels."""
    vertices = torch.tensor([[0.5, 128.0], [0.5 + 2**-15, -128.0], [-60.0, 0.0], [60.0, 0.0]])
    vertices = torch.cat((vertices, torch.full((4, 1), -1.0)), dim=1)
    mesh = mesh_of(vertices, torch.tensor([[0, 2, 1], [0, 1, 3]]))
    count = hits(rasterizer(name), mesh, orthographic(half_width=128.0), 256)
    assert (count[:, 128] == 1).all()
    assert count.max() == 1
