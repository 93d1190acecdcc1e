"""The contract of all rasterizers: what they draw, what they leave out, what they refuse."""

from __future__ import annotations

import sys

import pytest
import torch
from torch import Tensor

from ftb.render.base import RASTERIZERS, resolve_rasterizer
from ftb.types import Camera, Mesh, concatenate
from tests.render.rasterizer_cases import (
    EVERY,
    WATERTIGHT,
    golden,
    icosphere,
    mesh_of,
    orthographic,
    pinhole,
    rasterizer,
)

ONE = torch.tensor([[0, 1, 2]])
# Faces the camera, 2 m away, right-angled: covers x + y < 0 of the image's inner square.
FRONT = torch.tensor([[-0.5, -0.5, -2.0], [0.5, -0.5, -2.0], [-0.5, 0.5, -2.0]])


@EVERY
def test_one_triangle_by_hand(name: str) -> None:
    found = rasterizer(name).rasterize(mesh_of(FRONT, ONE), pinhole(), 4)
    # Half a metre at 2 m with half width 0.5: the triangle spans the middle half of the image. Two more
    # centres lie upon its hypotenuse, to the right of the inside.
    expected = torch.full((4, 4), -1)
    expected[2, 1] = 0
    assert torch.equal(found.pix_to_face[0], expected)
    assert found.pix_to_face.dtype == torch.int64
    row, column = 2, 1
    torch.testing.assert_close(found.bary_coords[0, row, column], torch.tensor([0.5, 0.25, 0.25]))
    assert found.depth[0, row, column].item() == pytest.approx(2.0)
    empty = found.pix_to_face < 0
    assert (found.bary_coords[empty] == -1).all()
    assert (found.depth[empty] == -1).all()


@EVERY
def test_row_zero_is_on_top_and_x_goes_right(name: str) -> None:
    small = FRONT * torch.tensor([0.2, 0.2, 1.0])
    for x, y, where in ((0.7, 0.7, (0, 1)), (-0.7, 0.7, (0, 0)), (-0.7, -0.7, (1, 0)), (0.7, -0.7, (1, 1))):
        mesh = mesh_of(small + torch.tensor([x, y, 0.0]), ONE)
        covered = rasterizer(name).rasterize(mesh, pinhole(), 32).pix_to_face[0] >= 0
        assert {(row // 16, column // 16) for row, column in covered.nonzero().tolist()} == {where}


@EVERY
def test_nearer_triangle_wins_and_ties_go_to_the_lower_face(name: str) -> None:
    near, far = FRONT, FRONT * torch.tensor([2.0, 2.0, 2.0])
    mesh = mesh_of(torch.cat((far, near)), torch.tensor([[0, 1, 2], [3, 4, 5], [3, 4, 5]]))
    assert rasterizer(name).rasterize(mesh, pinhole(), 16).pix_to_face.unique().tolist() == [-1, 1]


@EVERY
def test_culling_drops_what_appears_clockwise(name: str) -> None:
    front, back = mesh_of(FRONT, ONE), mesh_of(FRONT, ONE.flip(1))
    for camera in (pinhole(), orthographic()):
        draw = rasterizer(name).rasterize
        assert (draw(front, camera, 16, True).pix_to_face == 0).any()
        assert (draw(back, camera, 16).pix_to_face == 0).any()
        assert (draw(back, camera, 16, cull_backfaces=True).pix_to_face == -1).all()


@EVERY
def test_what_lies_behind_is_not_seen(name: str) -> None:
    behind = FRONT * torch.tensor([1.0, 1.0, -1.0])
    for camera in (pinhole(), orthographic()):
        assert (rasterizer(name).rasterize(mesh_of(behind, ONE), camera, 16).pix_to_face == -1).all()


@EVERY
def test_near_plane_cuts_at_its_depth(name: str) -> None:
    """A plane that recedes: z = −1 + 2y. Its depth at a pixel is known, and those below `near` are gone."""
    vertices = torch.tensor([[-9.0, -2.0, -5.0], [9.0, -2.0, -5.0], [9.0, 2.0, 3.0], [-9.0, 2.0, 3.0]])
    mesh = mesh_of(vertices, torch.tensor([[0, 1, 2], [0, 2, 3]]))
    for camera, y_of in (
        (orthographic(near=0.7), lambda plane: plane),
        (pinhole(near=0.7), lambda plane: plane / (1 + 2 * plane)),
    ):
        found = rasterizer(name).rasterize(mesh, camera, (20, 40))
        plane = (10 - torch.arange(20) - 0.5) / 20 * camera.half_width
        depth = 1 - 2 * y_of(plane)
        expected = torch.where(depth >= 0.7, depth, -1.0)[None, :, None].expand(1, 20, 40)
        torch.testing.assert_close(found.depth, expected, atol=1e-5, rtol=1e-5)
        assert (depth < 0.7).any()


@EVERY
def test_no_faces_no_vertices_no_images(name: str) -> None:
    draw = rasterizer(name).rasterize
    nothing = torch.zeros(0, 3, dtype=torch.int64)
    for vertices in (FRONT, torch.zeros(0, 3)):
        found = draw(mesh_of(vertices, nothing), pinhole(), (3, 5))
        assert found.pix_to_face.shape == (1, 3, 5)
        assert (found.pix_to_face == -1).all()
        assert (found.depth == -1).all()
    if name != "pytorch3d":
        found = draw(mesh_of(torch.zeros(0, 3, 3), ONE), pinhole(batch=0), 4)
        assert found.bary_coords.shape == (0, 4, 4, 3)


@EVERY
@pytest.mark.parametrize("camera", [pinhole(), orthographic()], ids=["pinhole", "orthographic"])
def test_degenerate_and_non_finite_triangles_cover_nothing(name: str, camera: Camera) -> None:
    """Points, lines, edge-on triangles; NaN and ∞ vertices. Their neighbours are drawn as ever."""
    bad = torch.tensor(
        [
            [0.0, 0.0, -1.0],
            [0.3, 0.3, -1.0],
            [-0.3, -0.3, -1.0],
            [torch.nan, 0.0, -1.0],
            [0.0, torch.inf, -1.0],
            [0.1, 0.0, -torch.inf],
        ]
    )
    faces = torch.tensor([[3, 3, 3], [3, 4, 5], [4, 5, 3], [0, 1, 6], [0, 7, 1], [8, 0, 1], [0, 1, 2]])
    faces = torch.cat((faces, torch.tensor([[0, 0, 0], [0, 1, 1]])))
    mesh = mesh_of(torch.cat((FRONT, bad)), faces)
    found = rasterizer(name).rasterize(mesh, camera, 32)
    alone = rasterizer(name).rasterize(mesh_of(FRONT, ONE), camera, 32)
    assert torch.equal(found.pix_to_face >= 0, alone.pix_to_face >= 0)
    assert torch.equal(found.depth, alone.depth)
    assert found.bary_coords.isfinite().all()


@EVERY
@pytest.mark.parametrize("size", [(48, 96), (96, 48)])
def test_other_shapes_are_crops_of_the_square(name: str, size: tuple[int, int]) -> None:
    """half_width spans the width; the height shows as much as fits, in square pixels."""
    case = golden("sphere")
    mesh, camera, draw = case.mesh, case.camera, rasterizer(name).rasterize
    found = draw(mesh, camera, size)
    square = draw(mesh, camera, size[1])
    if size[0] < size[1]:
        square = square.map(lambda t: t[:, 24:72])
    else:
        found = found.map(lambda t: t[:, 24:72])
    same = found.pix_to_face == square.pix_to_face
    assert same.double().mean() > 0.999
    torch.testing.assert_close(found.depth[same], square.depth[same], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", WATERTIGHT)
def test_batch_of_many_is_many_batches_of_one(name: str) -> None:
    case, generator = golden("heads"), torch.Generator().manual_seed(3)
    camera = concatenate([case.camera] * 3)[:8]
    vertices = case.mesh.vertices[torch.arange(8) % 3]
    vertices = vertices + 0.01 * torch.randn(8, 1, 3, generator=generator)
    mesh = mesh_of(vertices, case.mesh.faces)
    draw = rasterizer(name).rasterize
    together = draw(mesh, camera, 64)
    alone = concatenate([draw(mesh[b : b + 1], camera[b : b + 1], 64) for b in range(8)])
    assert (together.pix_to_face >= 0).any()
    assert torch.equal(together.pix_to_face, alone.pix_to_face)
    assert torch.equal(together.bary_coords, alone.bary_coords)
    assert torch.equal(together.depth, alone.depth)


@EVERY
def test_one_mesh_serves_all_cameras_and_one_camera_all_meshes(name: str) -> None:
    case, draw = golden("heads"), rasterizer(name).rasterize
    for mesh, camera in ((case.mesh[:1], case.camera), (case.mesh, case.camera[1:2])):
        whole_mesh = mesh_of(mesh.vertices.expand(3, -1, -1), mesh.faces)
        whole_camera = camera if camera.near.shape[0] == 3 else concatenate([camera] * 3)
        shared, whole = draw(mesh, camera, 40), draw(whole_mesh, whole_camera, 40)
        assert torch.equal(shared.pix_to_face, whole.pix_to_face)
        assert torch.equal(shared.depth, whole.depth)


@pytest.mark.parametrize("threads", [2, 3, 16])
def test_threads_change_nothing(threads: int) -> None:
    case = golden("heads")
    mesh = mesh_of(case.mesh.vertices[torch.arange(7) % 3], case.mesh.faces)
    camera = concatenate([case.camera] * 3)[:7]
    one = resolve_rasterizer("warp").rasterize(mesh, camera, 64)
    many = resolve_rasterizer("warp", threads=threads).rasterize(mesh, camera, 64)
    assert torch.equal(one.pix_to_face, many.pix_to_face)
    assert torch.equal(one.bary_coords, many.bary_coords)
    assert torch.equal(one.depth, many.depth)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("perspective", [True, False])
def test_warp_equals_the_reference_on_soups(seed: int, perspective: bool) -> None:
    """Random triangles of all sizes, through the near plane and far outside the image."""
    generator = torch.Generator().manual_seed(seed)
    spread = 10 ** (3 * torch.rand(80, 1, 1, generator=generator) - 2)
    vertices = torch.randn(80, 3, 3, generator=generator) * spread + torch.tensor([0.0, 0.0, -1.5])
    mesh = mesh_of(vertices.flatten(0, 1), torch.arange(240).view(80, 3))
    camera = pinhole() if perspective else orthographic()
    cull = seed % 2 == 1
    warp, reference = (resolve_rasterizer(n).rasterize(mesh, camera, (60, 80), cull) for n in WATERTIGHT)
    same = warp.pix_to_face == reference.pix_to_face
    assert (reference.pix_to_face >= 0).double().mean() > 0.3
    assert int((~same).sum()) <= 2  # edges that pass within rounding of a centre
    # triangles many metres wide, of which float32 knows a pixel's depth to micrometres
    torch.testing.assert_close(warp.depth[same], reference.depth[same], rtol=2e-6, atol=2e-6)
    torch.testing.assert_close(warp.bary_coords[same], reference.bary_coords[same], rtol=0, atol=2e-5)


def test_reference_computes_in_the_dtype_of_the_vertices() -> None:
    mesh = mesh_of(FRONT.double(), ONE)
    found = resolve_rasterizer("reference").rasterize(mesh, pinhole().to(torch.float64), 8)
    assert found.depth.dtype == torch.float64
    assert found.bary_coords.dtype == torch.float64
    assert found.bary_coords[found.pix_to_face >= 0].sum(-1).sub(1).abs().max() < 1e-15


def test_rasterizing_gives_no_gradient() -> None:
    mesh = mesh_of(FRONT.clone().requires_grad_(), ONE)
    for name in WATERTIGHT:
        assert not rasterizer(name).rasterize(mesh, pinhole(), 8).depth.requires_grad


def test_auto_is_the_fastest_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve_rasterizer("auto").name == "warp"
    monkeypatch.setitem(sys.modules, "warp", None)
    monkeypatch.setitem(sys.modules, "pytorch3d", None)
    assert resolve_rasterizer("auto").name == "reference"


@pytest.mark.parametrize("name", ["warp", "pytorch3d"])
def test_missing_backend_says_how_to_install_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ValueError, match=rf"^renderer '{name}' is not installed: pip install"):
        resolve_rasterizer(name)


def test_unknown_backend_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=f"expected one of auto, {', '.join(RASTERIZERS)}, got 'vulkan'"):
        resolve_rasterizer("vulkan")
    with pytest.raises(ValueError, match="threads: expected at least 1, got 0"):
        resolve_rasterizer("warp", threads=0)


@pytest.mark.parametrize(
    ("vertices", "faces", "size", "message"),
    [
        (FRONT[None, :, :2], ONE, 8, r"mesh.vertices: expected \(A, V, 3\)"),
        (FRONT[None], ONE[:, :2], 8, r"mesh.faces: expected \(F, 3\)"),
        (FRONT[None], ONE.int(), 8, r"mesh.faces: expected int64, got torch.int32"),
        (FRONT[None].to("meta"), ONE, 8, "camera: expected on meta as mesh, got cpu"),
        (FRONT[None], ONE + 1, 8, r"mesh.faces: expected vertex numbers in \[0, 3\), got \[1, 3\]"),
        (FRONT[None], ONE - 1, 8, r"mesh.faces: expected vertex numbers in \[0, 3\), got \[-1, 1\]"),
        (FRONT.expand(3, 3, 3), ONE, 8, "camera: expected a batch of 3 as mesh.vertices, got 2"),
        (FRONT[None], ONE, (0, 8), "size: expected positive pixels"),
    ],
)
def test_wrong_input_is_refused(vertices: Tensor, faces: Tensor, size: object, message: str) -> None:
    mesh = Mesh(vertices=vertices, faces=faces, normals=vertices)
    with pytest.raises(ValueError, match=message):
        resolve_rasterizer("reference").rasterize(mesh, pinhole(batch=2), size)  # type: ignore[arg-type]


def test_cuda_equals_cpu(cuda: torch.device) -> None:
    case, generator = golden("heads"), torch.Generator().manual_seed(0)
    vertices, faces = icosphere(4, generator, bumps=0.3)
    inside = (mesh_of(vertices, faces), pinhole(half_width=2.0))
    for mesh, camera in ((case.mesh, case.camera), inside):
        here = resolve_rasterizer("warp").rasterize(mesh, camera, 256)
        there = resolve_rasterizer("warp", cuda).rasterize(mesh.to(cuda), camera.to(cuda), 256).to("cpu")
        same = here.pix_to_face == there.pix_to_face
        assert same.double().mean() > 0.9999
        torch.testing.assert_close(here.depth[same], there.depth[same], rtol=1e-5, atol=0)
        torch.testing.assert_close(here.bary_coords[same], there.bary_coords[same], rtol=0, atol=1e-4)
    assert (there.pix_to_face >= 0).all()
