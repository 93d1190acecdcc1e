"""Interpolation and differentiable barycentrics against autograd's finite differences and plain loops."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from ftb.render.base import bary_from_vertices, interpolate, pixel_rays, resolve_rasterizer, view_vertices
from ftb.types import Camera, Fragments
from tests.render.rasterizer_cases import golden, icosphere, mesh_of, orthographic, pinhole

BOTH = {"pinhole": pinhole(0.6), "orthographic": orthographic(1.1)}
CAMERAS = pytest.mark.parametrize("camera", BOTH.values(), ids=BOTH)


def scene(camera: Camera, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Camera, Fragments]:
    """Two bumpy balls 2.5 m away: vertices (2, V, 3), faces, two cameras, and their fragments."""
    generator = torch.Generator().manual_seed(0)
    one, faces = icosphere(1, generator, bumps=0.2)
    other, _ = icosphere(1, generator, bumps=0.2)
    vertices = (torch.stack((one, other)) - torch.tensor([0.0, 0.0, 2.5])).to(dtype)
    camera = camera.map(lambda t: t.expand(2, *t.shape[1:]).to(dtype).contiguous())
    fragments = resolve_rasterizer("reference").rasterize(mesh_of(vertices, faces), camera, (5, 6))
    assert {-1} < set(fragments.pix_to_face.unique().tolist())
    return vertices, faces, camera, fragments


def test_interpolation_is_the_weighted_sum_of_corners() -> None:
    _, faces, _, fragments = scene(pinhole(0.6))
    attributes = torch.randn(2, 42, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = interpolate(fragments, faces, attributes)
    for b, i, j in torch.cartesian_prod(torch.arange(2), torch.arange(5), torch.arange(6)).tolist():
        face = int(fragments.pix_to_face[b, i, j])
        expected = torch.zeros(4, dtype=torch.float64)
        if face >= 0:
            for k in range(3):
                expected += fragments.bary_coords[b, i, j, k] * attributes[b, faces[face, k]]
        torch.testing.assert_close(found[b, i, j], expected)
    shared = interpolate(fragments, faces, attributes[:1])
    torch.testing.assert_close(shared[0], found[0])
    torch.testing.assert_close(shared[1], interpolate(fragments, faces, attributes[:1].expand(2, -1, -1))[1])


@CAMERAS
def test_interpolated_positions_lie_on_the_pixels_rays(camera: Camera) -> None:
    """Perspective-correct, by the geometry alone: the interpolated point projects onto its own pixel."""
    vertices, faces, camera, fragments = scene(camera)
    point = interpolate(fragments, faces, view_vertices(vertices, camera))
    covered = fragments.pix_to_face >= 0
    reach = 1.0 if camera.orthographic else point[..., 2:]
    rays = pixel_rays(camera, (5, 6))
    torch.testing.assert_close((point[..., :2] / reach)[covered], rays[covered], rtol=0, atol=1e-12)
    torch.testing.assert_close(point[..., 2][covered], fragments.depth[covered])


@CAMERAS
def test_bary_from_vertices_gives_what_was_rasterized(camera: Camera) -> None:
    vertices, faces, camera, fragments = scene(camera)
    bary, depth = bary_from_vertices(fragments, faces, vertices, camera)
    torch.testing.assert_close(bary, fragments.bary_coords)
    torch.testing.assert_close(depth, fragments.depth)


def test_bary_from_vertices_agrees_with_warp_on_heads() -> None:
    case = golden("heads")
    fragments = resolve_rasterizer("warp").rasterize(case.mesh, case.camera, case.size)
    vertices, camera = case.mesh.vertices.double(), case.camera.to(torch.float64)
    bary, depth = bary_from_vertices(fragments, case.mesh.faces, vertices, camera)
    # Warp keeps what snapping by 1e-5 pixel moved outside a triangle within it.
    torch.testing.assert_close(bary, fragments.bary_coords.double(), rtol=0, atol=2e-4)
    torch.testing.assert_close(depth, fragments.depth.double(), rtol=1e-6, atol=0)


@CAMERAS
def test_gradients_reach_attributes_vertices_and_camera(camera: Camera) -> None:
    vertices, faces, camera, fragments = scene(camera)
    attributes = torch.randn(2, 42, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)

    def image(vertices: Tensor, attributes: Tensor, pose: Tensor, width: Tensor) -> tuple[Tensor, Tensor]:
        moved = dataclasses.replace(camera, cam_from_world=pose, half_width=width)
        bary, depth = bary_from_vertices(fragments, faces, vertices, moved)
        seen = Fragments(pix_to_face=fragments.pix_to_face, bary_coords=bary, depth=depth)
        return interpolate(seen, faces, attributes), depth

    inputs = (vertices, attributes, camera.cam_from_world, camera.half_width)
    torch.autograd.gradcheck(image, [t.clone().requires_grad_() for t in inputs], atol=1e-6)


def test_empty_pixels_give_finite_zero_gradients() -> None:
    """A degenerate first face, which empty pixels look up: no NaN may leave the branch not taken."""
    vertices = torch.zeros(1, 3, 3, dtype=torch.float64, requires_grad=True)
    faces = torch.tensor([[0, 0, 0]])
    camera = pinhole().to(torch.float64)
    fragments = resolve_rasterizer("reference").rasterize(mesh_of(vertices.detach(), faces), camera, 4)
    bary, depth = bary_from_vertices(fragments, faces, vertices, camera)
    assert (bary == -1).all()
    (bary.sum() + depth.sum()).backward()
    assert (vertices.grad == 0).all()


def test_nothing_to_interpolate() -> None:
    faces = torch.zeros(0, 3, dtype=torch.int64)
    fragments = resolve_rasterizer("reference").rasterize(mesh_of(torch.zeros(0, 3), faces), pinhole(), 4)
    assert (interpolate(fragments, faces, torch.zeros(1, 0, 5)) == torch.zeros(1, 4, 4, 5)).all()
    bary, _ = bary_from_vertices(fragments, faces, torch.zeros(1, 0, 3), pinhole())
    assert (bary == -1).all()


def test_interpolation_on_cuda(cuda: torch.device) -> None:
    vertices, faces, camera, fragments = scene(pinhole(0.6))
    here = interpolate(fragments, faces, vertices)
    there = interpolate(fragments.to(cuda), faces.to(cuda), vertices.to(cuda))
    torch.testing.assert_close(there.cpu(), here)
    bary, _ = bary_from_vertices(fragments.to(cuda), faces.to(cuda), vertices.to(cuda), camera.to(cuda))
    torch.testing.assert_close(bary.cpu(), fragments.bary_coords)
