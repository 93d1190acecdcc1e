"""Reading a checkpoint that a training replaces at the same time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import ftb.checkpoint
from ftb.checkpoint import Checkpoint, read_checkpoint, save_checkpoint
from ftb.config import Config


def saved(path: Path, step: int) -> None:
    save_checkpoint(
        path, Checkpoint(config=Config(), step=step, groups={"ema": {"w": torch.full((9,), float(step))}})
    )


@pytest.mark.parametrize("breaks", [False, True])
def test_a_file_that_is_replaced_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, breaks: bool
) -> None:
    """The library opens a file twice: between the two it may have become another."""
    path, newer = tmp_path / "last.safetensors", tmp_path / "newer.safetensors"
    saved(path, 1)
    saved(newer, 2)
    opened = ftb.checkpoint.safe_open

    def replaced(*args: object, **options: object) -> object:
        file = opened(*args, **options)
        if newer.exists():
            os.replace(newer, path)
            if breaks:
                raise RuntimeError("size is smaller than the required mapping size")
        return file

    monkeypatch.setattr(ftb.checkpoint, "safe_open", replaced)
    found = read_checkpoint(path)
    assert found.step == 2
    assert bool((found.groups["ema"]["w"] == 2.0).all())


def test_a_file_that_cannot_be_mapped_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.safetensors"
    saved(path, 1)

    def fails(*_: object, **__: object) -> object:
        raise RuntimeError("size is smaller than the required mapping size")

    monkeypatch.setattr(ftb.checkpoint, "safe_open", fails)
    with pytest.raises(ValueError, match=r"last\.safetensors: not a readable safetensors file"):
        read_checkpoint(path)
    with pytest.raises(FileNotFoundError, match="no such checkpoint"):
        read_checkpoint(tmp_path / "none.safetensors")


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"config": "", "step": "x", "world_size": "1", "seconds": "0"},
        {"config": "", "step": "1", "world_size": "1", "seconds": ""},
    ],
)
def test_damaged_metadata_are_one_line(tmp_path: Path, metadata: dict[str, str]) -> None:
    path = tmp_path / "odd.safetensors"
    save_file({"nodot": torch.zeros(1)}, path, metadata={"format": ftb.checkpoint.FORMAT, **metadata})
    with pytest.raises(ValueError, match=r"odd\.safetensors: a damaged checkpoint"):
        read_checkpoint(path)
