"""One frozen configuration: TOML file › dataclasses, strictly; `--set a.b=value` on top.

A key that does not exist, a value of the wrong type or out of range is a ValueError of one line that names
the file, the key and, for an unknown key, the nearest known one. The same text form is stored in run
folders and checkpoints, so a configuration read back equals the one that was written.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ftb import strict_toml
from ftb.data.stream_config import StreamConfig
from ftb.losses.base import LossConfig
from ftb.nets.base import NetworkConfig

PRESETS = Path(__file__).resolve().parent / "presets"


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Files that pairs come from beside what ships; an empty string means none.

    hdri: a folder of .exr/.hdr environments; heads: a folder of .glb/.obj/.ply heads; split: a frozen
    split of `ftb export-split`, instead of rendering.
    """

    hdri: str = ""
    heads: str = ""
    split: str = ""

    def __post_init__(self) -> None:
        rendered = self.hdri or self.heads
        _require(
            not (self.split and rendered), "data.split", "no data.hdri or data.heads beside it", rendered
        )


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Optimisation, validation and bookkeeping of `ftb train`.

    steps: optimizer steps; learning_rate: peak of the cosine, reached after warmup_steps and ending at
    final_fraction of it; clip_norm: largest gradient norm; ema_decay: of the averaged weights (less in the
    first steps); accumulate: parts that a batch is computed in, one after the other: less memory, and to the
    bit what that many processes make of it together; precision: auto, float32 or bfloat16. val_samples are
    validated every val_every steps (0: at the end only); save_seconds: between checkpoints; log_every,
    picture_every: steps between TensorBoard scalars and pictures; baseline_samples: of the training split
    behind the mean-light baseline;
    preview_count: faces on the preview sheet. keep_every: steps between averaged weights that are kept in the
    run's folder `kept`, 0 for the last alone. start_from: a checkpoint whose averaged weights a new run
    starts with, instead of drawn ones; empty for none.
    """

    steps: int = 1500
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup_steps: int = 100
    final_fraction: float = 0.01
    clip_norm: float = 1.0
    ema_decay: float = 0.998
    accumulate: int = 1
    precision: str = "auto"
    val_samples: int = 256
    val_every: int = 0
    save_seconds: float = 60.0
    log_every: int = 20
    picture_every: int = 500
    baseline_samples: int = 512
    preview_count: int = 16
    keep_every: int = 0
    start_from: str = ""

    def __post_init__(self) -> None:
        counts = ("steps", "val_samples", "log_every", "baseline_samples", "preview_count", "picture_every")
        counts += ("accumulate",)
        for name in counts:
            _require(getattr(self, name) >= 1, f"train.{name}", "at least 1", getattr(self, name))
        for name in ("learning_rate", "clip_norm"):
            value = getattr(self, name)
            _require(value > 0 and math.isfinite(value), f"train.{name}", "a positive number", value)
        for name in ("warmup_steps", "val_every", "keep_every", "save_seconds", "weight_decay"):
            _require(getattr(self, name) >= 0, f"train.{name}", "0 or more", getattr(self, name))
        for name in ("ema_decay", "final_fraction"):
            _require(0 <= getattr(self, name) <= 1, f"train.{name}", "between 0 and 1", getattr(self, name))
        known = ("auto", "float32", "bfloat16")
        _require(self.precision in known, "train.precision", "one of " + ", ".join(known), self.precision)


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that decides what a training run learns, and how."""

    data: DataConfig = field(default_factory=DataConfig)
    stream: StreamConfig = field(default_factory=StreamConfig)
    net: NetworkConfig = field(default_factory=NetworkConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        size, rendered = self.net.ball_size, self.stream.ball_size
        _require(size == rendered, "net.ball_size", f"stream.ball_size, {rendered}", size)
        count, split = self.stream.heads_count, self.data.split
        _require(not (split and count), "stream.heads_count", "0 beside data.split", count)


# Keys that change how a run is carried out but not what it learns; they may differ on `--resume`.
FREE_KEYS = frozenset(
    {
        "stream.workers",
        "train.save_seconds",
        "train.log_every",
        "train.picture_every",
        "train.val_every",
        "train.preview_count",
        "train.keep_every",
    }
)


def load_config(source: str | None, settings: tuple[str, ...] = (), base: Config | None = None) -> Config:
    """A configuration from a TOML file or the name of a preset, with `a.b=value` settings applied last.

    Without `source` it starts from `base`, or from the preset "quickstart".
    """
    if source is None and base is not None:
        config = base
    else:
        path = _resolve(source or "quickstart")
        config = config_from_toml(_read_text(path), where=str(path))
    return strict_toml.apply_settings(config, settings) if settings else config


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected a TOML file in UTF-8: {error.reason}") from error


def preset_names() -> list[str]:
    """The configurations that ship with the package."""
    return sorted(path.stem for path in PRESETS.glob("*.toml"))


def _resolve(source: str) -> Path:
    preset = PRESETS / f"{source}.toml"
    if Path(source).name == source and preset.is_file():
        return preset
    if not Path(source).is_file():
        raise FileNotFoundError(f"{source}: no such configuration file; presets: {', '.join(preset_names())}")
    return Path(source)


def config_from_toml(text: str, *, where: str) -> Config:
    """Parse a configuration strictly; `where` names the text in messages."""
    return strict_toml.parse(Config, text, where=where)


def config_to_toml(config: Config) -> str:
    """The configuration as TOML text that reads back equal."""
    return strict_toml.to_toml(config)


def differing_keys(first: Config, second: Config) -> list[str]:
    """The dotted keys, among those that decide what is learnt, in which two configurations differ."""
    left, right = strict_toml.flatten(first), strict_toml.flatten(second)
    return [key for key in left if key not in FREE_KEYS and left[key] != right[key]]


def _require(holds: bool, name: str, expected: str, got: Any) -> None:
    if not holds:
        raise ValueError(f"{name}: expected {expected}, got {got!r}")
