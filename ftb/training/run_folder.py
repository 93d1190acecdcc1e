"""Run folders: where a run lies, whether it may start or go on there, and what it leaves behind."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from ftb.checkpoint import Checkpoint, read_checkpoint, save_checkpoint, write_atomically
from ftb.config import Config, config_to_toml, differing_keys, load_config
from ftb.strict_toml import flatten
from ftb.training.parallel import World

Groups = dict[str, dict[str, Tensor]]

RUNS = Path("runs")
LAST = "last.safetensors"
MODEL = "model.safetensors"
KEPT = "kept"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run: its folder, its configuration, and the checkpoint it goes on from, if any."""

    folder: Path
    config: Config
    start: Checkpoint | None

    @property
    def first_step(self) -> int:
        """Steps that were done before."""
        return self.start.step if self.start else 0

    @property
    def seconds_before(self) -> float:
        """Training time of earlier sittings."""
        return self.start.seconds if self.start else 0.0


def new_run(folder: Path | None, source: str | None, settings: tuple[str, ...]) -> Run:
    """A run that starts from nothing; refuses a folder that holds one. Writes nothing yet."""
    config = load_config(source, settings)
    folder = folder or _next_free()
    if (folder / LAST).exists():
        raise ValueError(f"{folder}: already holds a run; add --resume to go on, or choose another --out")
    return Run(folder=folder, config=config, start=None)


def resumed_run(folder: Path | None, source: str | None, settings: tuple[str, ...], world: World) -> Run:
    """A run that goes on; refuses a configuration that would have learnt something else."""
    folder = folder or _newest()
    if not (folder / LAST).is_file():
        raise FileNotFoundError(f"{folder}: nothing to resume, there is no {LAST}; start without --resume")
    start = read_checkpoint(folder / LAST)
    config = load_config(source, settings, base=start.config)
    keys = differing_keys(start.config, config)
    if keys:
        before, now = flatten(start.config), flatten(config)
        changes = ", ".join(f"{key} was {before[key]!r}, now {now[key]!r}" for key in keys)
        raise ValueError(f"--resume: {folder} was started with another configuration: {changes}")
    if start.world_size != world.size:
        raise ValueError(
            f"--resume: {folder} was started with {start.world_size} processes, now {world.size}: "
            "the order of the samples would change"
        )
    return Run(folder=folder, config=config, start=start)


def prepare_folder(run: Run) -> None:
    """Make the folder and put the configuration there."""
    run.folder.mkdir(parents=True, exist_ok=True)
    write_atomically(run.folder / "config.toml", config_to_toml(run.config).encode())


def save_state(run: Run, step: int, groups: Groups, world: World, seconds: float) -> None:
    """Write last.safetensors: all that `--resume` needs. `seconds` are those of this sitting."""
    total = run.seconds_before + seconds
    state = Checkpoint(config=run.config, step=step, groups=groups, world_size=world.size, seconds=total)
    save_checkpoint(run.folder / LAST, state)


def save_model(run: Run, step: int, average: dict[str, Tensor]) -> None:
    """Write model.safetensors: the averaged weights, for use."""
    save_checkpoint(run.folder / MODEL, Checkpoint(config=run.config, step=step, groups={"ema": average}))


def keep_model(run: Run, step: int, average: dict[str, Tensor]) -> None:
    """Write kept/STEP.safetensors: the averaged weights on the way, for curves."""
    folder = run.folder / KEPT
    folder.mkdir(exist_ok=True)
    state = Checkpoint(config=run.config, step=step, groups={"ema": average})
    save_checkpoint(folder / f"{step:07d}.safetensors", state)


def save_metrics(run: Run, metrics: dict[str, Any]) -> None:
    """Write metrics.json."""
    write_atomically(run.folder / "metrics.json", (json.dumps(metrics, indent=2) + "\n").encode())


def _numbered() -> list[int]:
    return sorted(int(path.name) for path in RUNS.glob("[0-9]*") if path.name.isdigit())


def _next_free() -> Path:
    return RUNS / f"{max(_numbered(), default=0) + 1:03d}"


def _newest() -> Path:
    folders = [RUNS / f"{number:03d}" for number in _numbered()]
    held = [folder for folder in folders if (folder / LAST).is_file()]
    if not held:
        raise FileNotFoundError(f"{RUNS}: nothing to resume, no run has a {LAST}; name one with --out")
    return max(held, key=lambda folder: (folder / LAST).stat().st_mtime)
