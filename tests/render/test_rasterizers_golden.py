"""All rasterizers against fragments that PyTorch3D 0.7.9 computed; tests/data/pytorch3d."""

from __future__ import annotations

import pytest
import torch
from scipy.ndimage import binary_erosion
from torch import Tensor

from tests.render.rasterizer_cases import EVERY, SCENES, Golden, golden, rasterizer

# PyTorch3D's inside test is strict: `intersecting` has holes along its diagonals.
SAME_FACE = {"intersecting": 0.989}
DEPTH_RTOL = 2e-5  # PyTorch3D projects in float32, worth 1.2e-5 in `behind_camera`
BARY_ATOL, BARY_SHARE = 1e-4, 0.999
EDGE_PIXELS = 1e-4
NARROW = ("shell_cull",)  # a crescent that erosion would leave nothing of: every pixel is compared


def edge_distance(case: Golden, face: Tensor) -> Tensor:
    """Distance in pixels (B, H, W) of each pixel centre from the nearest edge of its face, ∞ where empty.

    Edges as lines through the projections of their ends, by homogeneous cross products in float64.
    """
    vertices, transform = case.mesh.vertices.double(), case.camera.cam_from_world.double()
    seen = torch.einsum("bij,bvj->bvi", transform[:, :3, :3], vertices) + transform[:, None, :3, 3]
    weight = torch.ones_like(seen[..., 2]) if case.camera.orthographic else -seen[..., 2]
    scale = case.size / 2 / case.camera.half_width.double()[:, None]
    centre = case.size / 2
    corner = torch.stack(
        (centre * weight + scale * seen[..., 0], centre * weight - scale * seen[..., 1], weight), dim=-1
    )
    batch = torch.arange(len(face))[:, None, None, None]
    corner = corner[batch, case.mesh.faces[face.clamp_min(0)]]  # (B, H, W, 3, 3)
    edges = torch.linalg.cross(corner, corner.roll(-1, dims=-2))
    steps = torch.arange(case.size, dtype=torch.float64) + 0.5
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    pixel = torch.stack((x, y, torch.ones_like(x)), dim=-1)
    distance = (edges @ pixel[..., None])[..., 0].abs() / edges[..., :2].norm(dim=-1)
    return torch.where(face >= 0, distance.amin(-1), torch.inf)


def eroded(mask: Tensor) -> Tensor:
    """Masks (B, H, W) less one pixel all around."""
    return torch.stack([torch.from_numpy(binary_erosion(one.numpy())) for one in mask])


def away_from_edges(case: Golden, face: Tensor) -> Tensor:
    """Pixels that are not upon an edge of either face."""
    away = torch.minimum(edge_distance(case, case.fragments.pix_to_face), edge_distance(case, face))
    return away > EDGE_PIXELS


@EVERY
@pytest.mark.parametrize("scene", SCENES)
def test_agrees_with_pytorch3d(name: str, scene: str) -> None:
    case = golden(scene)
    found = rasterizer(name).rasterize(case.mesh, case.camera, case.size, case.cull)
    expected = case.fragments
    covered = expected.pix_to_face >= 0
    inside = covered if scene in NARROW else eroded(covered)
    inside = inside & away_from_edges(case, found.pix_to_face)
    assert inside.sum() > 100
    same = found.pix_to_face == expected.pix_to_face
    assert same[inside].double().mean() >= SAME_FACE.get(scene, 0.999)
    both = inside & same
    torch.testing.assert_close(found.depth[both], expected.depth[both], rtol=DEPTH_RTOL, atol=0.0)
    error = (found.bary_coords - expected.bary_coords).abs().amax(-1)[both]
    assert (error <= BARY_ATOL).double().mean() >= BARY_SHARE


@EVERY
@pytest.mark.parametrize("scene", SCENES)
def test_outline_is_not_biased(name: str, scene: str) -> None:
    """On the boundary pixels may flip, but rarely: no half-pixel shift, no wider or narrower outline."""
    case = golden(scene)
    found = rasterizer(name).rasterize(case.mesh, case.camera, case.size, case.cull).pix_to_face >= 0
    expected = case.fragments.pix_to_face >= 0
    outline = int((expected & ~eroded(expected)).sum())
    holes = 28 if scene == "intersecting" else 0  # PyTorch3D's own
    assert int((found != expected).sum()) <= holes + 0.005 * outline


@EVERY
def test_orthographic_depth_is_along_the_axis(name: str) -> None:
    case = golden("sphere_ortho")
    found = rasterizer(name).rasterize(case.mesh, case.camera, case.size)
    centre = found.depth[0, case.size // 2, case.size // 2]
    assert centre.item() == pytest.approx(2.0, abs=5e-3)  # a unit sphere, seen from 3 m
