"""Writes tests/data/anny_heads.npz: vertices that Anny's own model gives for three people, for the tests."""

from __future__ import annotations

from pathlib import Path

import anny
import numpy as np
import torch

PEOPLE = (
    {
        "gender": 0.1,
        "age": 0.72,
        "muscle": 0.6,
        "weight": 0.4,
        "african": 0.2,
        "asian": 0.3,
        "caucasian": 0.5,
    },
    {
        "gender": 0.9,
        "age": 0.40,
        "muscle": 0.4,
        "weight": 0.7,
        "african": 0.7,
        "asian": 0.2,
        "caucasian": 0.1,
    },
    {
        "gender": 0.5,
        "age": 0.91,
        "muscle": 0.5,
        "weight": 0.5,
        "african": 0.1,
        "asian": 0.8,
        "caucasian": 0.1,
    },
)
ACTIONS = ({}, {"jawOpen": 0.5, "mouthSmileLeft": 0.7}, {"eyeBlinkLeft": 1.0, "browInnerUp": 0.4})
LOCAL = ({}, {"nose-hump-incr": 0.5, "chin-width-incr": -0.3}, {"mouth-scale-horiz-incr": 0.4})


def main() -> None:
    """Run Anny's full body model and keep what the asset's basis holds."""
    root = Path(__file__).resolve().parents[2]
    with np.load(root / "assets" / "heads" / "anatomy.npz") as asset:
        base = asset["base"]
    model = anny.Anny(
        rig="makehuman", topology="makehuman", local_changes="all", facial_actions="all", phenotypes="all"
    )
    rows = []
    for person, actions, local in zip(PEOPLE, ACTIONS, LOCAL, strict=True):
        phenotype = {name: torch.tensor([value]).double() for name, value in person.items()}
        output = model(phenotype_kwargs=phenotype, facial_actions=actions, local_changes_kwargs=local)
        vertices = output["rest_vertices"][0].numpy()[base]
        rows.append(vertices[:, [0, 2, 1]] * [1.0, 1.0, -1.0])
    path = root / "tests" / "data" / "anny_heads.npz"
    path.parent.mkdir(exist_ok=True)
    np.savez_compressed(path, vertices=np.stack(rows).astype(np.float32)[:, ::7], base=base[::7])
    print(path, f"{path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
