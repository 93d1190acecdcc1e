"""Online pairs: chunks are drawn and rendered by worker processes while the network learns.

A sample is a function of (seed, split, index) alone, and a block, some chunks that follow each other, is
rendered by one thread to the bits that each has alone: on a CPU neither batch size nor workers nor rank can
change a pixel.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ftb.data.heap import keep_freed_memory, overlook_what_lasts
from ftb.data.stream_config import StreamConfig
from ftb.data.workers import batches_of
from ftb.render.base import Rasterizer, resolve_rasterizer
from ftb.render.pair import HeadCache, render_chunks
from ftb.scene.heads import HeadSource, resolve_heads
from ftb.scene.heads_few import FewHeads
from ftb.scene.lights import prepare_environment
from ftb.scene.sampler import sample_chunks
from ftb.types import Pair, concatenate

__all__ = ["ChunkDataset", "PairStream", "Sources", "StreamConfig", "available_cores", "single_threaded"]

# By each worker, at most; they lie in shared memory.
PREFETCHED_PICTURES, PREFETCHED_PIXELS = 64, 2**21


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What a user hands over: a folder of head meshes, environments (H, 2H, 3) by name; None: procedural."""

    heads_dir: Path | None = None
    environments: dict[str, Tensor] | None = None


class ChunkDataset(Dataset):
    """Block number → (Pair on the CPU, CPU-seconds it took). Opens its sources in the worker's process."""

    def __init__(self, config: StreamConfig, split: str, sources: Sources, *, ranks: int = 1) -> None:
        self._config = config
        self._split = split
        self._count = config.chunks_at_once("cpu", ranks)
        self._sources = sources
        self._renderer: _ChunkRenderer | None = None

    def __getitem__(self, block: int) -> tuple[Pair, float]:
        if self._renderer is None:
            keep_freed_memory()
            device = torch.device("cpu")
            self._renderer = _ChunkRenderer(self._config, self._split, self._sources, device)
            if multiprocessing.parent_process() is not None:  # this one was started to render
                overlook_what_lasts()
        started = time.process_time()
        with single_threaded():
            pair = self._renderer.render(self._numbers(block))
        return pair, time.process_time() - started

    def _numbers(self, block: int) -> range:
        return range(block * self._count, (block + 1) * self._count)

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_renderer": None}


class _ChunkRenderer:
    """Head source, rasterizer and caches of one process."""

    def __init__(self, config: StreamConfig, split: str, sources: Sources, device: torch.device) -> None:
        self._config = config
        self._split = split
        self._device = device
        self._heads: HeadSource = resolve_heads(sources.heads_dir)
        self._few: FewHeads | None = None
        if config.heads_count and split == "train":
            self._few = FewHeads(self._heads, config.heads_count, seed=config.seed, split=split)
        self._environments = None
        if sources.environments is not None:
            self._environments = [
                prepare_environment(light_map) for light_map in sources.environments.values()
            ]
        self._rasterizer: Rasterizer = resolve_rasterizer(config.renderer, device)
        self._cache = HeadCache(config.scene, self._heads, self._rasterizer)

    @torch.inference_mode()
    def render(self, numbers: range) -> Pair:
        """The pairs of chunks by number."""
        config = self._config
        chunks = sample_chunks(
            config.scene,
            {number: self._few.turn(number) if self._few else self._heads for number in numbers},
            self._environments,
            seed=config.seed,
            split=self._split,
        )
        return render_chunks(
            chunks,
            self._rasterizer,
            self._cache,
            size=config.image_size,
            ball_size=config.ball_size,
            device=None if self._device.type == "cpu" else self._device,
        )


class PairStream:
    """An endless, seekable stream of batches of one split.

    Batch b of rank r holds samples (b · world_size + r) · batch_size + [0, batch_size).
    """

    def __init__(
        self,
        config: StreamConfig,
        *,
        split: str,
        sources: Sources | None = None,
        device: torch.device | None = None,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.config = config
        self.render_seconds = 0.0
        self._device = torch.device("cpu") if device is None else device
        self._rank, self._world_size = rank, world_size
        sources = sources or Sources()
        self._dataset = ChunkDataset(config, split, sources, ranks=world_size)
        self._local: _ChunkRenderer | None = None
        if self._workers() == 0:
            self._local = _ChunkRenderer(config, split, sources, self._device)
        renders = self._device if self._local else torch.device("cpu")
        self._chunks = config.chunks_at_once(renders.type, world_size)
        self._block_size = config.scene.samples_per_head * self._chunks

    def batches(self, start: int = 0, count: int | None = None) -> Iterator[Pair]:
        """Batches number start, start + 1, ...; `count` of them, or for ever."""
        size = self.config.batch_size
        block_size = self._block_size
        rest: Pair | None = None
        blocks = self._blocks(_needed_blocks(self._first_sample, start, count, size, block_size))
        number, held = start, range(0)
        while count is None or number < start + count:
            first = self._first_sample(number)
            pieces = []
            position = first
            while position < first + size:
                if position not in held:
                    block, rest = next(blocks)
                    held = range(block * block_size, (block + 1) * block_size)
                    continue
                stop = min(first + size, held.stop)
                assert rest is not None
                pieces.append(rest[slice(position - held.start, stop - held.start)])
                position = stop
            yield concatenate(pieces).to(self._device)
            number += 1

    @property
    def wanted_multiple(self) -> int | None:
        """What the batch size should be a multiple of, where ranks render pictures that others show since
        their batches are parts of blocks; else None."""
        overlap = self._world_size > 1 and self.config.batch_size % self._block_size != 0
        return self._block_size if overlap else None

    def close(self) -> None:
        """Let go of renderer and heads; workers end with the iterator that started them."""
        self._local = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _first_sample(self, batch: int) -> int:
        return (batch * self._world_size + self._rank) * self.config.batch_size

    def _workers(self) -> int:
        if self.config.workers >= 0:
            return self.config.workers
        return 0 if self._device.type == "cuda" else min(available_cores(), 8)

    def _blocks(self, numbers: Iterator[int]) -> Iterator[tuple[int, Pair]]:
        if self._local is not None:
            return self._render_here(numbers)
        return self._render_in_workers(numbers)

    def _render_here(self, numbers: Iterator[int]) -> Iterator[tuple[int, Pair]]:
        assert self._local is not None
        for number in numbers:
            started = time.process_time()
            with single_threaded():
                pair = self._local.render(range(number * self._chunks, (number + 1) * self._chunks))
            self.render_seconds += time.process_time() - started
            yield number, pair

    def _render_in_workers(self, numbers: Iterator[int]) -> Iterator[tuple[int, Pair]]:
        order = _Recorded(numbers)
        pictures = min(PREFETCHED_PICTURES, PREFETCHED_PIXELS // self.config.image_size**2)
        ahead = max(1, pictures // self._block_size)
        made = batches_of(self._dataset, order, workers=self._workers(), ahead=ahead)
        for pair, seconds in made:
            self.render_seconds += seconds
            yield order.take(), pair


class _Recorded:
    """An endless sampler that remembers the order of what it handed out: the loader keeps that order."""

    def __init__(self, numbers: Iterator[int]) -> None:
        self._numbers = numbers
        self._handed: list[int] = []

    def __iter__(self) -> Iterator[int]:
        for number in self._numbers:
            self._handed.append(number)
            yield number

    def take(self) -> int:
        return self._handed.pop(0)


def _needed_blocks(
    first_sample: Callable[[int], int], start: int, count: int | None, size: int, block_size: int
) -> Iterator[int]:
    """Numbers of the blocks that batches from `start` on need, in order, each once in a row."""
    last = -1
    number = start
    while count is None or number < start + count:
        first = first_sample(number)
        for block in range(first // block_size, (first + size - 1) // block_size + 1):
            if block != last:
                yield block
                last = block
        number += 1


@contextlib.contextmanager
def single_threaded() -> Iterator[None]:
    """One torch thread: sums then have one order, whoever renders."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def available_cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
