"""A tiny network with arbitrary weights, for what only needs some network."""

from __future__ import annotations

from pathlib import Path

from ftb.checkpoint import Checkpoint, save_checkpoint
from ftb.config import load_config
from ftb.nets.base import build_network
from tests.fake_stream import TINY


def tiny_checkpoint(folder: Path) -> Path:
    """A checkpoint file in `folder`."""
    config = load_config(None, TINY)
    path = folder / "model.safetensors"
    weights = build_network(config.net).state_dict()
    save_checkpoint(path, Checkpoint(config=config, step=0, groups={"ema": weights}))
    return path
