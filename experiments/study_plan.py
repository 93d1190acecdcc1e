"""What a study consists of: its variants, their configurations, and where a run of one lies.

A run's folder is named by the digest of its whole configuration, so that studies which ask for the same run
share it, and a changed configuration is another run.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from ftb import strict_toml
from ftb.config import Config, config_to_toml, load_config

RUNS = Path("runs/study")
SPLITS = Path("runs/splits")


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One choice. settings: `key=value` on top of config.toml; split: a preset of `ftb export-split` that is
    trained from instead of rendering."""

    name: str
    settings: tuple[str, ...] = ()
    split: str = ""


@dataclass(frozen=True, kw_only=True)
class Study:
    """A question and its variants.

    reference: what the others are compared with, run with reference_seeds; seeds: at most so many runs of
    each of the others, least_seeds: so many in any case; gap: whether to draw the error on what was trained
    on beside that on new heads and lights.
    """

    question: str
    reference: str
    variants: tuple[Variant, ...]
    seeds: int = 3
    least_seeds: int = 1
    reference_seeds: int = 3
    gap: bool = False

    def __post_init__(self) -> None:
        names = [variant.name for variant in self.variants]
        if len(set(names)) != len(names):
            raise ValueError(f"variants: expected different names, got {', '.join(names)}")
        if self.reference not in names:
            raise ValueError(f"reference: expected one of {', '.join(names)}, got {self.reference!r}")
        for name in ("seeds", "least_seeds", "reference_seeds"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected 1 or more, got {getattr(self, name)}")

    def variant(self, name: str) -> Variant:
        """The variant of this name."""
        return next(variant for variant in self.variants if variant.name == name)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One training run of a variant: folder and configuration."""

    variant: Variant
    seed: int
    config: Config
    folder: Path

    @property
    def done(self) -> bool:
        """Whether it came to its end."""
        return (self.folder / "metrics.json").is_file() and (self.folder / "model.safetensors").is_file()


def read_study(folder: Path) -> Study:
    """The study of a folder, from its study.toml, strictly."""
    path = folder / "study.toml"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected a folder of experiments/")
    return strict_toml.parse(Study, path.read_text(encoding="utf-8"), where=str(path))


def plan_run(folder: Path, variant: Variant, seed: int, overrides: tuple[str, ...] = ()) -> Run:
    """The run of one variant and seed: config.toml, then the variant's settings, then `overrides`.

    A seed decides the initial weights and every drawn head, light and camera.
    """
    seeds = (f"stream.seed={seed}", f"net.init_seed={seed}")
    config = load_config(str(folder / "config.toml"), (*variant.settings, *seeds, *overrides))
    if variant.split:
        data = replace(config.data, split=str(split_folder(variant.split, config.stream.image_size)))
        config = replace(config, data=data)
    digest = hashlib.sha256(config_to_toml(config).encode()).hexdigest()[:12]
    return Run(variant=variant, seed=seed, config=config, folder=RUNS / digest)


def split_folder(preset: str, size: int) -> Path:
    """Where the split of a preset lies that is trained from."""
    return SPLITS / f"{preset}-{size}"
