"""Streams of pairs for a configuration: the one place that knows where pairs come from."""

from __future__ import annotations

from pathlib import Path

import torch

from ftb.config import Config
from ftb.data.frozen import FrozenSettings, FrozenStream
from ftb.data.stream import PairStream, Sources
from ftb.interop.hdr import read_environment_dir
from ftb.render.base import resolve_rasterizer
from ftb.scene.heads import resolve_heads


class Streams:
    """Opens the splits of one configuration.

    What the user handed over, environments, heads and the choice of a renderer, is tried at once: an error
    then comes before anything is written, and not from within a worker.
    """

    def __init__(self, config: Config, device: torch.device) -> None:
        self.config = config
        self.device = device
        heads_dir = Path(config.data.heads) if config.data.heads else None
        if heads_dir:
            resolve_heads(heads_dir)
        resolve_rasterizer(config.stream.renderer, device)
        environments = read_environment_dir(Path(config.data.hdri)) if config.data.hdri else None
        self._sources = Sources(heads_dir=heads_dir, environments=environments)
        if config.data.split:
            for split in ("train", "val"):
                stream = self._frozen(split, rank=0, world_size=1)
                if config.net.landmarks and not stream.has_landmarks:
                    where = f"{config.data.split}: {split}"
                    raise ValueError(f"{where}: holds no landmarks, which net.landmarks asks for")

    def open(self, split: str, *, rank: int = 0, world_size: int = 1) -> PairStream | FrozenStream:
        """A stream of `split`, "train" or "val"; close it, or use it in `with`."""
        if self.config.data.split:
            return self._frozen(split, rank=rank, world_size=world_size)
        return PairStream(
            self.config.stream,
            split=split,
            sources=self._sources,
            device=self.device,
            rank=rank,
            world_size=world_size,
        )

    def _frozen(self, split: str, *, rank: int, world_size: int) -> FrozenStream:
        return FrozenStream(
            self.config.stream,
            settings=FrozenSettings(
                directory=Path(self.config.data.split), part=split, shuffled=split == "train"
            ),
            device=self.device,
            rank=rank,
            world_size=world_size,
        )

    def batches_for(self, samples: int) -> int:
        """How many batches hold at least that many samples."""
        return -(-samples // self.config.stream.batch_size)
