"""Heads from files: scale, landmarks, colours, and one clear line for each kind of bad mesh."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from ftb.scene.heads import resolve_heads
from ftb.scene.heads_mesh import CROWN_TO_NOSE, MeshHeads


def head_like(unit: float = 1.0) -> trimesh.Trimesh:
    """An egg with a nose, 24 cm high in metres, +Y up, +Z forward; `unit`: metres a file unit."""
    mesh = trimesh.creation.icosphere(subdivisions=4)
    points = mesh.vertices * [0.075, 0.12, 0.095]
    gap = np.hypot(points[:, 0], points[:, 1] + 0.03)
    points[:, 2] += np.where(points[:, 2] > 0, 0.03 * np.exp(-((gap / 0.015) ** 2)), 0.0)
    return trimesh.Trimesh(points / unit, mesh.faces, process=False)


def write(folder: Path, mesh: trimesh.Trimesh, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    mesh.export(folder / name)
    return folder


@pytest.mark.parametrize("suffix", ["obj", "ply", "glb"])
@pytest.mark.parametrize("unit", [1.0, 0.01, 0.0254, 3.7])
def test_any_unit_becomes_metres(
    tmp_path: Path, suffix: str, unit: float, generator: torch.Generator
) -> None:
    head = MeshHeads(write(tmp_path, head_like(unit), f"a.{suffix}")).head(generator)
    nose = head.landmarks[2]
    top = head.mesh.vertices[0, :, 1].max()
    torch.testing.assert_close(top - nose[1], torch.tensor(CROWN_TO_NOSE), atol=1e-5, rtol=0)
    # The nose was put 3 cm below the middle of an egg 12 cm high on each side: 15 cm below its top.
    scale = CROWN_TO_NOSE / 0.15
    assert abs(float(head.mesh.vertices[0, :, 0].max()) - 0.075 * scale) < 0.004
    assert head.landmarks[0, 0] < head.landmarks[1, 0]
    assert head.landmarks[0, 1] > nose[1] > head.landmarks[3, 1]
    assert (head.mesh.normals[0] * (head.mesh.vertices[0] - head.mesh.vertices[0].mean(0))).sum(1).mean() > 0


def test_inside_out_meshes_are_turned(tmp_path: Path, generator: torch.Generator) -> None:
    mesh = head_like()
    mesh.faces = mesh.faces[:, ::-1]
    head = MeshHeads(write(tmp_path, mesh, "a.ply")).head(generator)
    front = head.mesh.vertices[0, :, 2].argmax()
    assert head.mesh.normals[0, front, 2] > 0.8


def test_picture_beside_an_obj_without_material(tmp_path: Path, generator: torch.Generator) -> None:
    mesh = head_like()
    lines = [f"v {x} {y} {z}" for x, y, z in mesh.vertices]
    lines += [f"vt {0.5 + x} {0.5 + y}" for x, y, _ in mesh.vertices]
    lines += ["f " + " ".join(f"{i + 1}/{i + 1}" for i in face) for face in mesh.faces]
    (tmp_path / "bust.obj").write_text("\n".join(lines))
    Image.new("RGB", (64, 32), (188, 128, 100)).save(tmp_path / "bust-color.png")
    head = MeshHeads(tmp_path).head(generator)
    assert head.albedo_linear.shape == (64, 64, 3)
    # sRGB 188 is 0.5029 in linear light.
    torch.testing.assert_close(head.albedo_linear[3, 5, 0], torch.tensor(0.5029), atol=1e-3, rtol=0)
    assert head.name == "bust.obj"


def test_vertex_colours_are_interpolated_exactly(tmp_path: Path, generator: torch.Generator) -> None:
    mesh = head_like()
    shade = ((mesh.vertices[:, 1] - mesh.vertices[:, 1].min()) / np.ptp(mesh.vertices[:, 1]) * 255).astype(
        int
    )
    mesh.visual.vertex_colors = np.stack([shade, shade // 2, shade // 3, np.full_like(shade, 255)], axis=1)
    head = MeshHeads(write(tmp_path, mesh, "a.ply")).head(generator)
    texture = head.albedo_linear.permute(2, 0, 1)[None]
    corners = head.mesh.uvs[head.mesh.faces]  # (F, 3, 2)
    weights = torch.rand(len(corners), 3, generator=generator)
    weights /= weights.sum(dim=1, keepdim=True)
    place = (corners * weights[..., None]).sum(dim=1)

    def sampled(uvs: torch.Tensor) -> torch.Tensor:
        grid = (torch.stack([uvs[:, 0], 1.0 - uvs[:, 1]], dim=1) * 2.0 - 1.0)[None, None]
        return torch.nn.functional.grid_sample(texture, grid, align_corners=False)[0, :, 0].T

    at_corners = torch.stack([sampled(corners[:, corner]) for corner in range(3)], dim=1)
    expected = (at_corners * weights[..., None]).sum(dim=1)
    torch.testing.assert_close(sampled(place), expected, atol=1e-4, rtol=0)


def test_plain_meshes_get_a_tone_of_the_draw(tmp_path: Path) -> None:
    source = MeshHeads(write(tmp_path, head_like(), "a.ply"))
    tones = [source.head(torch.Generator().manual_seed(seed)).tone for seed in (1, 1, 2)]
    assert tones[0] == tones[1] != tones[2]


def broken(folder: Path, kind: str) -> None:
    mesh = head_like()
    if kind == "nan":
        mesh.vertices[5, 1] = np.nan
        (folder / "a.obj").write_text(
            "\n".join(
                [f"v {x} {y} {z}" for x, y, z in mesh.vertices]
                + [f"f {a + 1} {b + 1} {c + 1}" for a, b, c in mesh.faces]
            )
        )
    elif kind == "no faces":
        trimesh.PointCloud(mesh.vertices).export(folder / "a.ply")
    elif kind == "garbage":
        (folder / "a.glb").write_bytes(b"this is no mesh")
    elif kind == "fans":
        points = np.concatenate([[[0, 0, 0], [0, 1, 0]], [[np.cos(t), 0.5, np.sin(t)] for t in range(5)]])
        trimesh.Trimesh(points, [[0, 1, k] for k in range(2, 7)], process=False).export(folder / "a.obj")
    elif kind == "flat":
        mesh.vertices[:, 2] = 0.0
        mesh.export(folder / "a.ply")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("nan", "finite vertices"),
        ("no faces", "no faces"),
        ("garbage", "not a readable mesh"),
        ("fans", "not a manifold surface"),
        ("flat", "flat mesh"),
        ("empty folder", "found none"),
    ],
)
def test_bad_meshes_say_so_in_one_line(tmp_path: Path, kind: str, message: str) -> None:
    broken(tmp_path, kind)
    with pytest.raises(ValueError, match=message) as caught:
        resolve_heads(tmp_path)
    assert "\n" not in str(caught.value)


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a folder"):
        resolve_heads(tmp_path / "nothing")
