"""Rebuilds assets/heads/openness.npz: how much of the sky each corner of the procedural head sees.

python experiments/make_heads/openness.py

The upper quartile over random heads, so that what one hair style or one expression covers stays open.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from make_heads import write_npz

from ftb.maths.random import generator_for
from ftb.maths.sphere import fibonacci_directions
from ftb.render.occlusion import Occluder
from ftb.scene.heads_anny import AnnyHeads

ASSET = Path(__file__).resolve().parents[2] / "assets" / "heads" / "openness.npz"
HEADS, DIRECTIONS = 16, 128


def openness_of(source: AnnyHeads, index: int) -> np.ndarray:
    """Cosine-weighted share (V,) of the sky that each corner of one head sees."""
    mesh = source.head(generator_for(0, "openness", index, "head")).mesh
    directions = fibonacci_directions(DIRECTIONS)
    seen = Occluder(mesh).cosine_transfer(mesh.vertices[0], mesh.normals[0], directions).sum(-1)
    whole = (mesh.normals[0] @ directions.T).clamp_min(0.0).sum(-1)
    return (seen / whole).clamp(0.0, 1.0).numpy()


def main() -> None:
    """Build and write the asset."""
    torch.set_num_threads(1)
    source = AnnyHeads()
    heads = np.stack([openness_of(source, index) for index in range(HEADS)])
    openness = np.quantile(heads, 0.75, axis=0)
    write_npz(ASSET, {"openness": np.round(openness * 255.0).astype(np.uint8)})


if __name__ == "__main__":
    main()
