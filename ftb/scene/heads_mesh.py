"""Heads from the user's files: GLB, OBJ or PLY, read through trimesh."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ftb.scene.heads import SKIN_F0, Head, HeadSource
from ftb.scene.heads_mesh_read import RawMesh, read_mesh
from ftb.scene.heads_normals import angle_weighted_normals, corner_incidence
from ftb.scene.skin_color import lightness, melanin_of_tone, skin_reflectance, tone_lightness
from ftb.types import Mesh

SUFFIXES = (".glb", ".gltf", ".obj", ".ply")
CROWN_TO_NOSE = 0.158  # metres, of an adult; the scale of every mesh is set by it
# Landmarks from the nose tip, metres: eyes' and mouth corners' sideways and vertical offsets.
EYE_OFFSET, MOUTH_OFFSET = (0.0305, 0.036), (0.025, -0.031)
ORIGIN_BEHIND_EYES = 0.08
ROUGHNESS = 0.45


class MeshHeads(HeadSource):
    """Every head of a folder, in the order of the names; `head` picks one.

    Heads must look along +Z with +Y up, in any unit. The scale is set so that the crown stands 0.158 m
    above the nose tip. The nose tip is the most forward vertex between 0.4 and 1.35 breadths (of the mesh's
    top quarter) below the crown. Eyes and mouth corners are the most forward surface at an adult's distances
    from it.
    Rejected, each with one line: unreadable files, no faces, NaN, and non-manifold meshes (see
    `heads_mesh_read`). Open boundaries are fine.
    """

    name = "meshes"
    recurring = True

    def __init__(self, directory: Path) -> None:
        if not directory.is_dir():
            raise ValueError(f"heads: expected a folder of .glb, .obj or .ply heads, got {directory}")
        files = sorted(path for path in directory.iterdir() if path.suffix.lower() in SUFFIXES)
        if not files:
            raise ValueError(f"heads: expected .glb, .obj or .ply files in {directory}, found none")
        self.loaded = [load_head(path) for path in files]
        self.plain = [head.name for head in self.loaded if head.albedo_linear.shape[0] == 1]

    def head(self, generator: torch.Generator) -> Head:
        """Draw one of the folder's heads; one without colours gets a skin tone of the draw."""
        index = int(torch.randint(len(self.loaded), (), generator=generator))
        tone = 1.0 + 9.0 * float(torch.rand((), generator=generator, dtype=torch.float64))
        head = self.loaded[index]
        return _with_tone(head, tone) if head.name in self.plain else head


def _with_tone(head: Head, tone: float) -> Head:
    skin = skin_reflectance(np.array(melanin_of_tone(tone)), np.array(0.022), np.array(0.8))
    return Head(
        mesh=head.mesh,
        albedo_linear=torch.from_numpy(skin).float().reshape(1, 1, 3),
        material=head.material,
        landmarks=head.landmarks,
        tone=tone,
        name=head.name,
    )


def load_head(path: Path) -> Head:
    """Read, check, scale and place one head; plain heads have a texture of one texel."""
    raw = read_mesh(path)
    vertices, landmarks = place_head(raw.vertices, name=path.name)
    unique, inverse = np.unique(vertices, axis=0, return_inverse=True)
    welded = inverse.reshape(-1)[raw.faces]
    normals = angle_weighted_normals(unique, corner_incidence(welded))[inverse.reshape(-1)]
    albedo = (
        raw.albedo_linear if raw.albedo_linear is not None else np.full((1, 1, 3), 0.35, dtype=np.float32)
    )
    material = np.empty((*albedo.shape[:2], 2), dtype=np.float32)
    material[...] = (ROUGHNESS, SKIN_F0)
    return Head(
        mesh=Mesh(
            vertices=torch.from_numpy(vertices)[None],
            faces=torch.from_numpy(raw.faces),
            normals=torch.from_numpy(normals)[None],
            uvs=torch.from_numpy(raw.uvs),
        ),
        albedo_linear=torch.from_numpy(albedo),
        material=torch.from_numpy(material),
        landmarks=torch.from_numpy(landmarks),
        tone=_tone(raw),
        name=path.name,
    )


def _tone(raw: RawMesh) -> float:
    """The Monk tone whose lightness is the middle of the texture's upper half: hair and shadows lie below."""
    if raw.albedo_linear is None:
        return 5.0
    values = lightness(raw.albedo_linear.reshape(-1, 3).astype(np.float64))
    tones = np.linspace(1.0, 10.0, 91)
    ruler = np.array([tone_lightness(tone) for tone in tones])
    return float(tones[np.abs(ruler - np.quantile(values, 0.7)).argmin()])


def place_head(vertices: np.ndarray, *, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) of any unit into the head frame, metres, and landmarks (5, 3); see `MeshHeads`."""
    top, height = vertices[:, 1].max(), np.ptp(vertices[:, 1])
    upper = vertices[vertices[:, 1] > top - 0.25 * height]
    breadth = float(np.ptp(upper[:, 0]))
    face = vertices[(vertices[:, 1] > top - 1.35 * breadth) & (vertices[:, 1] < top - 0.4 * breadth)]
    if breadth <= 0.0 or len(face) == 0:
        raise ValueError(f"{name}: expected a head with +Y up and +Z forward, found no face below its top")
    tip = face[face[:, 2].argmax()]
    placed = (vertices - tip) * (CROWN_TO_NOSE / float(top - tip[1]))
    places = [
        (-EYE_OFFSET[0], EYE_OFFSET[1]),
        EYE_OFFSET,
        (0.0, 0.0),
        (-MOUTH_OFFSET[0], MOUTH_OFFSET[1]),
        MOUTH_OFFSET,
    ]
    landmarks = np.array([_surface(placed, x, y) for x, y in places])
    origin = np.array([0.0, EYE_OFFSET[1], float(landmarks[:2, 2].mean()) - ORIGIN_BEHIND_EYES])
    return (placed - origin).astype(np.float32), (landmarks - origin).astype(np.float32)


def _surface(placed: np.ndarray, x: float, y: float) -> tuple[float, float, float]:
    """The most forward vertex within a centimetre of (x, y), or the nearest one, put at (x, y)."""
    gap = np.hypot(placed[:, 0] - x, placed[:, 1] - y)
    near = placed[gap < max(0.01, float(gap.min()) * 1.01)]
    return x, y, float(near[:, 2].max())
