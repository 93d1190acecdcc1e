"""The sixteen heads that ship: the same faces for everyone, whatever becomes of the generator."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ftb.assets_path import assets_path
from ftb.maths.color import linear_from_srgb, srgb_from_linear
from ftb.scene.heads import Head, HeadSource
from ftb.scene.heads_anatomy import Anatomy, load_anatomy
from ftb.scene.heads_normals import angle_weighted_normals
from ftb.types import Mesh

QUANTUM = np.float32(2e-5)  # metres a step of the stored int16 positions: ±0.65 m


class FrozenHeads(HeadSource):
    """Heads of assets/heads/frozen_*.npz; `head` picks one, `at(i)` gives number i."""

    name = "frozen"
    recurring = True

    def __init__(self, directory: Path | None = None) -> None:
        directory = directory or assets_path() / "heads"
        files = sorted(directory.glob("frozen_*.npz"))
        if not files:
            raise ValueError(f"heads: expected frozen_*.npz in {directory}; install the package again")
        self.loaded = [read_frozen(path) for path in files]

    def __len__(self) -> int:
        return len(self.loaded)

    def at(self, index: int) -> Head:
        """Head number `index`, 0 to 15."""
        return self.loaded[index]

    def head(self, generator: torch.Generator) -> Head:
        """Draw one of the sixteen."""
        return self.loaded[int(torch.randint(len(self.loaded), (), generator=generator))]


def anatomy_mark(anatomy: Anatomy) -> str:
    """Fingerprint of the topology that frozen vertices refer to."""
    parts = (anatomy.faces.astype(np.int32), anatomy.corner_vertex.astype(np.int32), anatomy.uvs)
    return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()[:16]


def _png(values: np.ndarray) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG", optimize=True)
    return np.frombuffer(buffer.getvalue(), dtype=np.uint8)


def freeze(head: Head, path: Path) -> None:
    """Write one procedural head: vertices in steps of 20 µm, textures as 8-bit PNG."""
    anatomy = load_anatomy()
    welded = np.zeros((anatomy.welded_count, 3), dtype=np.int16)
    welded[anatomy.corner_vertex] = np.round(head.mesh.vertices[0].numpy() / QUANTUM).astype(np.int16)
    albedo_u8 = (srgb_from_linear(head.albedo_linear) * 255.0).round().clamp(0, 255).to(torch.uint8).numpy()
    material_u8 = np.zeros((*head.material.shape[:2], 3), dtype=np.uint8)
    material_u8[..., :2] = (head.material * torch.tensor([255.0, 2550.0])).round().clamp(0, 255).numpy()
    about = {"name": head.name, "tone": head.tone, "anatomy": anatomy_mark(anatomy)}
    np.savez_compressed(
        path,
        vertices=welded,
        landmarks=head.landmarks.numpy(),
        albedo_srgb_png=_png(albedo_u8),
        material_png=_png(material_u8[::2, ::2]),
        about=np.array(json.dumps(about)),
    )


def read_frozen(path: Path) -> Head:
    """Read one frozen head."""
    anatomy = load_anatomy()
    with np.load(path) as data:
        about = json.loads(str(data["about"]))
        if about["anatomy"] != anatomy_mark(anatomy):
            raise ValueError(
                f"{path.name}: made for another anatomy.npz; run experiments/make_heads/make_heads.py"
            )
        vertices = data["vertices"].astype(np.float32) * QUANTUM
        pictures = [
            np.asarray(Image.open(io.BytesIO(data[name].tobytes())), dtype=np.float32) / 255.0
            for name in ("albedo_srgb_png", "material_png")
        ]
        landmarks = torch.from_numpy(data["landmarks"])
    normals = angle_weighted_normals(vertices, anatomy.incidence)
    material = pictures[1][..., :2].repeat(2, axis=0).repeat(2, axis=1) * np.float32([1.0, 0.1])
    return Head(
        mesh=Mesh(
            vertices=torch.from_numpy(vertices[anatomy.corner_vertex])[None],
            faces=torch.from_numpy(anatomy.faces),
            normals=torch.from_numpy(normals[anatomy.corner_vertex])[None],
            uvs=torch.from_numpy(anatomy.uvs),
        ),
        albedo_linear=linear_from_srgb(torch.from_numpy(pictures[0])),
        material=torch.from_numpy(material),
        landmarks=landmarks,
        tone=float(about["tone"]),
        name=path.stem,
    )
