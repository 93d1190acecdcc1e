"""The atlas seen texel by texel: which part of the head each texel lies on, computed once per texture
size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ftb.scene.heads_anatomy import Anatomy, load_anatomy
from ftb.scene.heads_curtain import CURTAIN_PLACE
from ftb.scene.heads_eyes import EYE_POLAR, EYE_UNIT
from ftb.scene.heads_normals import angle_weighted_normals
from ftb.scene.skin_hairline import hair_growth


@dataclass(frozen=True)
class Atlas:
    """N covered texels of a T × T texture, row 0 at v = 1. texel (N,) flat index; fill (T·T,) covered
    texel (0..N−1) whose value each texel takes, its own or the nearest; chart (N,); point, normal (N, 3)
    on the template, origin between the eyes; masks: painted regions, name → (N,); eye_polar (Ne, 2) of the
    eye's texels; rows: chart name → slice of 0..N−1. Texels are sorted by chart, and those of the head from
    face to crown (`skin_hairline.hair_growth`), so that hair covers the last of them."""

    size: int
    texel: np.ndarray
    fill: np.ndarray
    chart: np.ndarray
    point: np.ndarray
    normal: np.ndarray
    masks: dict[str, np.ndarray]
    eye_polar: np.ndarray
    rows: dict[str, slice]


def _raster(uvs: np.ndarray, faces: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Texels whose centres lie in a triangle: flat texel, face, barycentric coordinates (…, 3)."""
    corner = uvs[faces] * size  # (F, 3, 2), in texels, y up
    low = np.floor(corner.min(axis=1) - 0.5).astype(np.int64)
    high = np.ceil(corner.max(axis=1) + 0.5).astype(np.int64)
    low, high = np.clip(low, 0, size - 1), np.clip(high, 0, size - 1)
    extent = high - low + 1
    counts = extent[:, 0] * extent[:, 1]
    face = np.repeat(np.arange(len(faces)), counts)
    step = np.arange(len(face)) - np.repeat(np.cumsum(counts) - counts, counts)
    x = low[face, 0] + step % extent[face, 0]
    y = low[face, 1] + step // extent[face, 0]
    a, b, c = (corner[face, k] for k in range(3))
    point = np.stack([x + 0.5, y + 0.5], axis=1)
    area = _cross(b - a, c - a)
    safe = np.where(np.abs(area) < 1e-12, 1.0, area)
    bary = (
        np.stack(
            [_cross(b - point, c - point), _cross(c - point, a - point), _cross(a - point, b - point)], axis=1
        )
        / safe[:, None]
    )
    inside = (bary.min(axis=1) >= -1e-6) & (np.abs(area) >= 1e-12)
    return ((size - 1 - y) * size + x)[inside], face[inside], bary[inside]


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def _nearest_fill(covered: np.ndarray, size: int) -> np.ndarray:
    """(T·T,) for each texel the covered texel it copies: grown outwards step by step, the rest by 0."""
    fill = np.full((size, size), -1, dtype=np.int64)
    fill.ravel()[covered] = np.arange(len(covered))
    for _ in range(max(8, size // 16)):
        for axis, shift in ((0, 1), (0, -1), (1, 1), (1, -1)):
            moved = np.roll(fill, shift, axis=axis)
            fill = np.where(fill < 0, moved, fill)
    return np.where(fill < 0, 0, fill).ravel()


def template_vertices(anatomy: Anatomy) -> np.ndarray:
    """Welded template (W, 3); each eye as the unit eye about its own centre, hanging hair by its place on the
    sheet in decimetres (around, down, side): what texels there ask for."""
    parts = [anatomy.refine(anatomy.template), EYE_UNIT, EYE_UNIT, CURTAIN_PLACE * 0.1]
    return np.concatenate(parts).astype(np.float64)


@lru_cache(maxsize=4)
def build_atlas(size: int) -> Atlas:
    """Rasterise the atlas once (about a second at 512²); deterministic."""
    anatomy = load_anatomy()
    welded = template_vertices(anatomy)
    normals = angle_weighted_normals(welded, anatomy.incidence)
    texel, face, bary = _raster(anatomy.uvs.astype(np.float64), anatomy.faces, size)
    texel, first = np.unique(texel, return_index=True)
    face, bary = face[first], bary[first]
    chart = anatomy.corner_chart[anatomy.faces[face, 0]]
    masks = {name: (mask[anatomy.faces[face]] * bary).sum(axis=1) for name, mask in anatomy.masks.items()}
    point = (welded[anatomy.welded_faces[face]] * bary[..., None]).sum(axis=1)
    on_head = (chart == anatomy.charts.index("head")).astype(np.float64)
    order = np.lexsort((hair_growth(point * 100.0, masks["ears"], on_head), chart))
    texel, face, bary, chart = texel[order], face[order], bary[order], chart[order]
    corners = anatomy.welded_faces[face]
    bounds = np.searchsorted(chart, np.arange(len(anatomy.charts) + 1))
    rows = {name: slice(int(bounds[k]), int(bounds[k + 1])) for k, name in enumerate(anatomy.charts)}
    normal = (normals[corners] * bary[..., None]).sum(axis=1)
    return Atlas(
        size=size,
        texel=texel,
        fill=_nearest_fill(texel, size),
        chart=chart,
        point=point[order].astype(np.float32),
        normal=(normal / np.linalg.norm(normal, axis=1, keepdims=True)).astype(np.float32),
        masks={name: mask[order].astype(np.float32) for name, mask in masks.items()},
        eye_polar=_eye_polar(anatomy, texel[rows["eye"]], size),
        rows=rows,
    )


def _eye_polar(anatomy: Anatomy, texel: np.ndarray, size: int) -> np.ndarray:
    """(Ne, 2) polar angle from the eye's front and azimuth, of the texels of the eyes' shared chart."""
    left, bottom, right, top = anatomy.boxes["eye"].astype(np.float64)
    u = (texel % size + 0.5) / size
    v = 1.0 - (texel // size + 0.5) / size
    across, up = (u - left) / (right - left) - 0.5, (v - bottom) / (top - bottom) - 0.5
    polar = 2.0 * np.hypot(across, up) * EYE_POLAR[:, 0].max()
    return np.stack([polar, np.arctan2(up, across)], axis=1).astype(np.float32)
