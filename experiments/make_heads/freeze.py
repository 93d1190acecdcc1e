"""Chooses and writes the sixteen heads that ship, assets/heads/frozen_00.npz to frozen_15.npz."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ftb.scene.heads_anny import AnnyHeads
from ftb.scene.heads_expression import sample_expression
from ftb.scene.heads_frozen import freeze
from ftb.scene.heads_identity import sample_identity

COUNT, SEEDS, TEXTURE = 16, 4000, 256
# Anny's age of the four quarters: child, young, middle, old; men and women by turns.
AGES = ((0.25, 0.48), (0.55, 0.68), (0.68, 0.80), (0.80, 0.95))
QUIET = ("rest", "smile", "talk", "rest")


def choose_seeds(source: AnnyHeads) -> list[int]:
    """For each of the sixteen cells (tone × age × gender) the first seed that falls into it."""
    seeds: dict[int, int] = {}
    for seed in range(SEEDS):
        generator = torch.Generator().manual_seed(seed)
        person = sample_identity(source.slider_spread, generator=generator)
        expression = sample_expression(list(source.anatomy.actions), generator=generator)
        cell = min(int((person.tone - 1.0) / 9.0 * COUNT), COUNT - 1)
        low, high = AGES[(cell * 5 + 1) % 4 if cell % 8 else 0]
        woman = cell % 2 == 1
        if (
            low <= person.age <= high
            and (person.gender > 0.5) == woman
            and expression.name == QUIET[cell // 2 % 4]
        ):
            seeds.setdefault(cell, seed)
        if len(seeds) == COUNT:
            break
    return [seeds[cell] for cell in range(COUNT)]


def describe(name: str, description: str, path: Path) -> str:
    """One row of the table in assets/heads/README.md."""
    content = path.read_bytes()
    size, digest = len(content) / 1e3, hashlib.sha256(content).hexdigest()
    return f"| `{name}` | {description} | {size:.0f} kB | `{digest}` |"


def list_in_readme(readme: Path, rows: dict[str, str]) -> None:
    """Put the rows where the files were listed before."""
    lines = readme.read_text(encoding="utf-8").splitlines()
    known = [next((row for name, row in rows.items() if f"| `{name}` |" in line), line) for line in lines]
    readme.write_text("\n".join(known) + "\n", encoding="utf-8")


def main() -> None:
    """Write the files, and their sizes and digests into the list of assets."""
    source = AnnyHeads(TEXTURE)
    folder = Path(__file__).resolve().parents[2] / "assets" / "heads"
    rows = {}
    for number, seed in enumerate(choose_seeds(source)):
        head = source.head(torch.Generator().manual_seed(seed))
        path = folder / f"frozen_{number:02d}.npz"
        freeze(head, path)
        description = head.name.removeprefix("anny, ") + f"; tone {head.tone:.1f}"
        rows[path.name] = describe(path.name, description, path)
        print(path.name, f"seed {seed}", description)
    list_in_readme(folder / "README.md", rows)


if __name__ == "__main__":
    main()
