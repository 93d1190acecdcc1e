"""Small meshes and heads that render tests share."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
import trimesh

from ftb.maths import sh
from ftb.scene.heads import Head, HeadSource
from ftb.types import Camera, Lighting, Mesh


def mesh_of(shape: trimesh.Trimesh) -> Mesh:
    """A seam-type mesh of one trimesh shape, smooth normals, uvs in the middle of the texture."""
    vertices = torch.tensor(shape.vertices.copy()).float()
    return Mesh(
        vertices=vertices[None],
        faces=torch.tensor(shape.faces.copy()).long(),
        normals=torch.tensor(shape.vertex_normals.copy()).float()[None],
        uvs=torch.full((len(vertices), 2), 0.5),
    )


def bumpy_head(seed: int = 0) -> trimesh.Trimesh:
    """A wobbly sphere of 10 cm with a ball for a nose and a bar for a brow, which cast shadows."""
    skull = trimesh.creation.icosphere(subdivisions=4, radius=0.1)
    skull.vertices *= 1.0 + 0.01 * np.sin(60.0 * skull.vertices[:, :1] + seed)
    nose = trimesh.creation.icosphere(subdivisions=3, radius=0.02)
    nose.apply_translation([0.0, -0.01, 0.11])
    brow = trimesh.creation.capsule(height=0.08, radius=0.012)
    brow.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, [0.0, 1.0, 0.0]))
    brow.apply_translation([0.0, 0.04, 0.1])
    return trimesh.util.concatenate([skull, nose, brow])


def square(side: float) -> Mesh:
    """A square that faces the camera and shows a whole texture."""
    corners = torch.tensor([[-1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [1.0, 1.0, 0.0], [-1.0, 1.0, 0.0]])
    return Mesh(
        vertices=(0.5 * side * corners)[None],
        faces=torch.tensor([[0, 1, 2], [0, 2, 3]]),
        normals=torch.tensor([0.0, 0.0, 1.0]).expand(1, 4, 3).contiguous(),
        uvs=corners[:, :2] * 0.5 + 0.5,
    )


class BumpyHeads(HeadSource):
    """A head source without the cost of a real one."""

    name = "bumpy"

    def head(self, generator: torch.Generator) -> Head:
        seed = int(torch.randint(0, 1000, (1,), generator=generator))
        albedo = torch.rand(3, generator=generator) * 0.4 + 0.2
        return Head(
            mesh=mesh_of(bumpy_head(seed)),
            albedo_linear=albedo.expand(16, 16, 3).contiguous(),
            material=torch.tensor([0.4, 0.028]).expand(16, 16, 2).contiguous(),
            landmarks=torch.tensor(
                [
                    [-0.03, 0.03, 0.09],
                    [0.03, 0.03, 0.09],
                    [0.0, 0.0, 0.12],
                    [-0.02, -0.04, 0.09],
                    [0.02, -0.04, 0.09],
                ]
            ),
            tone=5.0,
            name=f"bumpy-{seed}",
        )


class AlikeHeads(BumpyHeads):
    """Heads of one topology, each of its own colours all over."""

    def __init__(self) -> None:
        mesh = super().head(torch.Generator().manual_seed(0)).mesh
        around = torch.atan2(mesh.normals[0, :, 0], mesh.normals[0, :, 2]) / (2.0 * math.pi) + 0.5
        self.faces = mesh.faces
        self.uvs = torch.stack([around, mesh.normals[0, :, 1] * 0.5 + 0.5], dim=-1).clamp(0.0, 1.0)

    def head(self, generator: torch.Generator) -> Head:
        head = super().head(generator)
        assert torch.equal(head.mesh.faces, self.faces)
        return replace(
            head,
            mesh=replace(head.mesh, faces=self.faces, uvs=self.uvs),
            albedo_linear=torch.rand(64, 64, 3, generator=generator) * 0.6 + 0.1,
            material=torch.rand(64, 64, 2, generator=generator) * torch.tensor([0.6, 0.04]) + 0.02,
        )


def one_key(direction: list[float], radius: float = 0.0, environment: float = 0.0) -> Lighting:
    """One key light of irradiance π (white) and a constant environment; leading dimension 1."""
    sky = torch.full((1, 32, 64, 3), environment)
    towards = torch.tensor(direction)
    return Lighting(
        sh_coeffs=sh.project_environment(sky, 4),
        key_dirs=(towards / towards.norm())[None, None],
        key_irradiance=torch.full((1, 1, 3), math.pi),
        key_angular_radius=torch.full((1, 1), radius),
        environment=sky,
    )


def frontal_camera(half_width: float = 0.13) -> Camera:
    """Orthographic, looking along −Z from one metre."""
    cam_from_world = torch.eye(4)[None].clone()
    cam_from_world[:, 2, 3] = -1.0
    return Camera(
        cam_from_world=cam_from_world,
        half_width=torch.tensor([half_width]),
        near=torch.tensor([0.01]),
        orthographic=True,
    )
