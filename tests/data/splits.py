"""Tiny splits for tests: made once a session, and copied where a test changes them."""

from __future__ import annotations

import atexit
import shutil
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp

from ftb.export_split import ExportOptions, export_split

SETTINGS = (
    "size=64",
    "ball_size=32",
    "train=6",
    "val=2",
    "test=5",
    "samples_per_shard=4",
    "scene.samples_per_head=2",
    "scene.sky_receivers=100",
    "scene.sky_directions=16",
)


def quiet(_: str) -> None:
    """Where progress goes."""


def options(*settings: str, preset: str = "seed-1600", workers: int = 1) -> ExportOptions:
    """A tiny split; seed-1600 is quick, since its heads are read and not made."""
    return ExportOptions(preset=preset, settings=(*SETTINGS, *settings), workers=workers)


@lru_cache
def tiny_split() -> Path:
    """A finished split, for reading only."""
    folder = Path(mkdtemp(prefix="ftb-split-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    export_split(folder / "split", options(), quiet)
    return folder / "split"


def copied(tmp_path: Path) -> Path:
    """The same, to be damaged."""
    return Path(shutil.copytree(tiny_split(), tmp_path / "split"))


def content_of(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
