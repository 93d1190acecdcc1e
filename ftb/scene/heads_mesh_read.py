"""Reading one mesh file: geometry checks, and its colours as a linear base-colour texture."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ftb.maths.color import linear_from_srgb

logger = logging.getLogger(__name__)
TEXTURE_LIMIT = 1024
# Renderers do not mind an edge with three faces, but a mesh full of them is not a surface. A scan's few
# are kept, with a warning.
NON_MANIFOLD_SHARE = 0.002
PICTURE_NAMES = ("{stem}-color", "{stem}_color", "{stem}")
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True, kw_only=True)
class RawMesh:
    """vertices (V, 3) float64 in the file's unit; faces (F, 3) int64; uvs (V, 2) float32; albedo_linear
    (T, T, 3) float32, or None for a mesh without colours."""

    vertices: np.ndarray
    faces: np.ndarray
    uvs: np.ndarray
    albedo_linear: np.ndarray | None


def read_mesh(path: Path) -> RawMesh:
    """Read a GLB, OBJ or PLY file. Raises ValueError, one line, for what cannot be used."""
    mesh = _load(path)
    vertices, faces = np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces, dtype=np.int64)
    check_geometry(vertices, faces, name=path.name)
    faces = _drop_degenerate(vertices, faces)
    faces = _outward(vertices, faces)
    uvs = getattr(mesh.visual, "uv", None)
    picture = _picture(mesh, path) if uvs is not None and len(uvs) == len(vertices) else None
    if picture is not None:
        uvs = np.asarray(uvs, dtype=np.float64)
        if not np.isfinite(uvs).all():
            raise ValueError(f"{path.name}: expected finite texture coordinates, got NaN or infinity")
        return RawMesh(vertices=vertices, faces=faces, uvs=_into_tile(uvs), albedo_linear=_linear(picture))
    if mesh.visual.kind == "vertex" and len(mesh.visual.vertex_colors) == len(vertices):
        return _from_vertex_colours(vertices, faces, np.asarray(mesh.visual.vertex_colors)[:, :3])
    return RawMesh(
        vertices=vertices,
        faces=faces,
        uvs=np.full((len(vertices), 2), 0.5, dtype=np.float32),
        albedo_linear=None,
    )


def _load(path: Path) -> object:
    import trimesh  # slow to import, and only needed with --heads

    try:
        mesh = trimesh.load_mesh(path, process=False, maintain_order=True)
    except OSError as error:
        raise ValueError(f"{path.name}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # its parsers raise whatever the broken bytes lead them to
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path.name}: not a readable mesh ({reason})") from error
    if isinstance(mesh, trimesh.Scene):
        mesh = mesh.to_geometry() if mesh.geometry else None
    if not isinstance(mesh, trimesh.Trimesh) or len(mesh.faces) == 0:
        raise ValueError(f"{path.name}: expected a triangle mesh, found no faces")
    return mesh


def check_geometry(vertices: np.ndarray, faces: np.ndarray, *, name: str) -> None:
    """Raise a one-line ValueError for NaN, bad indices or a mesh that is not a surface.

    Not a surface: more than 0.2 % of its edges are shared by more than two faces, seams of equal positions
    closed (any such edge counts in a mesh of fewer than 500 edges).
    """
    if not np.isfinite(vertices).all():
        bad = int((~np.isfinite(vertices)).any(axis=1).sum())
        raise ValueError(f"{name}: expected finite vertices, got NaN or infinity in {bad} of {len(vertices)}")
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise ValueError(f"{name}: expected face indices below {len(vertices)}, got {int(faces.max())}")
    if np.ptp(vertices, axis=0).min() <= 0.0:
        raise ValueError(f"{name}: expected a solid head, got a flat mesh")
    _, welded = np.unique(vertices, axis=0, return_inverse=True)
    corners = welded.reshape(-1)[_drop_degenerate(vertices, faces)]
    corners = np.unique(np.sort(corners, axis=1), axis=0)  # double-sided faces count once
    edges = np.sort(np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]]), axis=1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    crowded = int((counts > 2).sum())
    if crowded > NON_MANIFOLD_SHARE * len(counts):
        raise ValueError(
            f"{name}: not a manifold surface: {crowded} of {len(counts)} edges are shared by more "
            "than two faces; repair the mesh"
        )
    if crowded:
        logger.warning(
            "%s: %d of %d edges are shared by more than two faces; kept", name, crowded, len(counts)
        )


def _drop_degenerate(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    return faces[area > 0.0]


def _outward(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Counter-clockwise from outside: an inside-out mesh has a negative signed volume about its centre."""
    a, b, c = (vertices[faces[:, corner]] - vertices.mean(axis=0) for corner in range(3))
    volume = (a * np.cross(b, c)).sum()
    return faces if volume >= 0.0 else faces[:, ::-1].copy()


def _picture(mesh: object, path: Path) -> Image.Image | None:
    """The base-colour picture: in the file, or beside it as STEM-color.jpg, STEM.png, …"""
    for pattern in PICTURE_NAMES:
        for suffix in PICTURE_SUFFIXES:
            beside = path.with_name(pattern.format(stem=path.stem) + suffix)
            if beside.is_file() and _own_picture(mesh) is None:
                try:
                    return Image.open(beside).convert("RGB")
                except OSError as error:
                    raise ValueError(f"{beside.name}: not a readable picture ({error})") from error
    own = _own_picture(mesh)
    return None if own is None else own.convert("RGB")


def _own_picture(mesh: object) -> Image.Image | None:
    """The picture trimesh found. It makes up a tiny grey one when an .mtl is missing: that is none."""
    material = getattr(mesh.visual, "material", None)
    picture = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
    return picture if picture is not None and min(picture.size) > 4 else None


def _linear(picture: Image.Image) -> np.ndarray:
    """Square linear texture (T, T, 3), T at most 1024."""
    size = min(TEXTURE_LIMIT, max(picture.size))
    if picture.size != (size, size):
        picture = picture.resize((size, size), Image.Resampling.LANCZOS)
    encoded = torch.from_numpy(np.asarray(picture).astype(np.float32) / 255.0)
    return linear_from_srgb(encoded).numpy()


def _into_tile(uvs: np.ndarray) -> np.ndarray:
    """Coordinates of a single shifted tile brought to [0, 1]; what lies across tiles is clamped."""
    shift = np.floor(uvs.min(axis=0) + 1e-6)
    return np.clip(uvs - shift, 0.0, 1.0).astype(np.float32)


def _from_vertex_colours(vertices: np.ndarray, faces: np.ndarray, colours_u8: np.ndarray) -> RawMesh:
    """Vertex colours as a texture: each face owns 2 × 2 texels, between which bilinear lookup is exactly the
    linear interpolation of its corners' colours."""
    count = len(faces)
    side = int(np.ceil(np.sqrt(count)))
    row, column = np.divmod(np.arange(count), side)
    linear = linear_from_srgb(torch.from_numpy(colours_u8.astype(np.float32) / 255.0)).numpy()
    first, second, third = (linear[faces[:, corner]] for corner in range(3))
    texture = np.zeros((2 * side, 2 * side, 3), dtype=np.float32)
    texture[2 * row, 2 * column] = first
    texture[2 * row, 2 * column + 1] = second
    texture[2 * row + 1, 2 * column] = third
    texture[2 * row + 1, 2 * column + 1] = second + third - first
    offsets = np.array([[0.5, 0.5], [1.5, 0.5], [0.5, 1.5]])
    place = (2 * np.stack([column, row], axis=1)[:, None] + offsets) / (2 * side)
    place[..., 1] = 1.0 - place[..., 1]
    return RawMesh(
        vertices=vertices[faces.ravel()],
        faces=np.arange(3 * count).reshape(-1, 3),
        uvs=place.reshape(-1, 2).astype(np.float32),
        albedo_linear=texture,
    )
