"""What the rasterizer tests share: the PyTorch3D goldens, cameras, and the rasterizers themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ftb.maths.rotation import look_at
from ftb.render.base import RASTERIZERS, Rasterizer, resolve_rasterizer
from ftb.types import Camera, Fragments, Mesh

GOLDENS = Path(__file__).parents[1] / "data" / "pytorch3d"
SCENES = (
    "behind_camera",
    "heads",
    "intersecting",
    "near_plane",
    "shell",
    "shell_cull",
    "soup",
    "sphere",
    "sphere_cull",
    "sphere_ortho",
    "triangle",
)
WATERTIGHT = ("warp", "reference")


def rasterizer(name: str) -> Rasterizer:
    """The rasterizer of that name; the test is skipped where its package is missing."""
    if name == "pytorch3d":
        pytest.importorskip("pytorch3d", reason="PyTorch3D is not installed")
    return resolve_rasterizer(name)


EVERY = pytest.mark.parametrize("name", RASTERIZERS)


@dataclass(frozen=True, kw_only=True)
class Golden:
    """A scene, and what PyTorch3D sees of it; size in pixels."""

    mesh: Mesh
    camera: Camera
    size: int
    cull: bool
    fragments: Fragments


def golden(scene: str) -> Golden:
    """Read a golden. PyTorch3D clips at half its znear, and not at all if orthographic."""
    stored = np.load(GOLDENS / f"{scene}.npz")
    batch, width = len(stored["eye"]), float(stored["fov_or_halfwidth"])
    orthographic = bool(stored["orthographic"])
    half_width = width if orthographic else float(np.tan(np.radians(width / 2)))
    vertices = torch.stack([torch.from_numpy(stored[f"verts_{i}"]) for i in range(batch)])
    eye, at = torch.from_numpy(stored["eye"]), torch.from_numpy(stored["at"])
    return Golden(
        mesh=mesh_of(vertices, torch.from_numpy(stored["faces_0"])),
        camera=Camera(
            cam_from_world=look_at(eye, at, torch.tensor([0.0, 1.0, 0.0])),
            half_width=torch.full((batch,), half_width),
            near=torch.full((batch,), float(stored["znear"]) / 2),
            orthographic=orthographic,
        ),
        size=int(stored["image_size"]),
        cull=bool(stored["cull_backfaces"]),
        fragments=Fragments(
            pix_to_face=torch.from_numpy(stored["pix_to_face"]).long(),
            bary_coords=torch.from_numpy(stored["bary_coords"]),
            depth=torch.from_numpy(stored["zbuf"]),
        ),
    )


def mesh_of(vertices: Tensor, faces: Tensor) -> Mesh:
    """A mesh of vertices (B, V, 3) or (V, 3) whose normals no test reads."""
    vertices = vertices if vertices.ndim == 3 else vertices[None]
    return Mesh(vertices=vertices, faces=faces.long(), normals=torch.zeros_like(vertices))


def pinhole(half_width: float = 0.5, near: float = 0.05, batch: int = 1) -> Camera:
    """Cameras at the origin that look along −Z."""
    return Camera(
        cam_from_world=torch.eye(4).expand(batch, 4, 4).contiguous(),
        half_width=torch.full((batch,), half_width),
        near=torch.full((batch,), near),
    )


def orthographic(half_width: float = 1.0, near: float = 0.05, batch: int = 1) -> Camera:
    """Cameras at the origin that look along −Z, without perspective."""
    camera = pinhole(half_width, near, batch)
    return Camera(
        cam_from_world=camera.cam_from_world,
        half_width=camera.half_width,
        near=camera.near,
        orthographic=True,
    )


def hits(rasterizer: Rasterizer, mesh: Mesh, camera: Camera, size: int | tuple[int, int]) -> Tensor:
    """How many triangles cover each pixel (H, W), each drawn alone."""
    alone = [mesh_of(mesh.vertices, face[None]) for face in mesh.faces]
    return sum((rasterizer.rasterize(one, camera, size).pix_to_face[0] >= 0).int() for one in alone)


def icosphere(subdivisions: int, generator: torch.Generator, bumps: float = 0.0) -> tuple[Tensor, Tensor]:
    """Vertices (V, 3) and faces (F, 3), outward, of a unit sphere whose radii are jittered by `bumps`."""
    import trimesh

    sphere = trimesh.creation.icosphere(subdivisions=subdivisions)
    vertices = torch.tensor(sphere.vertices.copy(), dtype=torch.float32)
    radii = 1 + bumps * (2 * torch.rand(len(vertices), 1, generator=generator) - 1)
    return vertices * radii, torch.tensor(sphere.faces.copy())
