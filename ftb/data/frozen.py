"""Reading a frozen split: its parts, its samples, and the same stream of pairs that a renderer gives."""

from __future__ import annotations

import bisect
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ftb.data.frozen_manifest import MANIFEST, Manifest, read_manifest
from ftb.data.frozen_plan import PARTS, key_of, plan_shards
from ftb.data.frozen_sample import KINDS, LIGHT_KINDS, PAIR_KINDS, Sizes, decode_pair
from ftb.data.frozen_tar import Extent, index_shard, read_members
from ftb.data.stream import StreamConfig, available_cores
from ftb.data.workers import batches_of
from ftb.maths.random import generator_for
from ftb.render.ball import render_ball
from ftb.types import Pair, stack

PREFETCHED_BATCHES = 2


class FrozenPart:
    """The samples of one part of a split, in any order; nothing is read before it is asked for."""

    def __init__(self, directory: Path, manifest: Manifest, part: str) -> None:
        self.name = part
        self.sizes = Sizes(image=manifest.config.size, ball=manifest.config.ball_size)
        self._directory = directory
        self._shards = [shard for shard in plan_shards(manifest.config) if shard.part == part]
        self._firsts = [shard.first for shard in self._shards]
        self._count = manifest.config.counts[part]
        self._indices: dict[int, dict[str, dict[str, Extent]]] = {}
        bytes_of = {record.name: record.bytes for record in manifest.shards}
        for shard in self._shards:
            _check_size(directory / shard.name, bytes_of[shard.name])

    def __len__(self) -> int:
        return self._count

    def files(self, index: int, kinds: tuple[str, ...] = KINDS) -> dict[str, bytes]:
        """The files of sample `index`, by what follows the key in their names."""
        if not 0 <= index < self._count:
            raise ValueError(f"{self._directory}: {self.name} has {self._count} samples, asked for {index}")
        number = bisect.bisect_right(self._firsts, index) - 1
        extents = self._index(number)[key_of(self.name, index)]
        with (self._directory / self._shards[number].name).open("rb") as file:
            return read_members(file, extents, kinds)

    def where(self, index: int) -> str:
        """The place of a sample, for messages."""
        number = bisect.bisect_right(self._firsts, index) - 1
        return f"{self._directory / self._shards[number].name}: {key_of(self.name, index)}"

    def pair(self, index: int) -> Pair:
        """The pair, unbatched, of sample `index`, without its ball (`ball_linear` is empty)."""
        files = self.files(index, (*PAIR_KINDS, *LIGHT_KINDS))
        try:
            return decode_pair(files, self.sizes, index)
        except ValueError as error:
            raise ValueError(f"{self.where(index)}: {error}") from error

    def _index(self, number: int) -> dict[str, dict[str, Extent]]:
        if number not in self._indices:
            shard = self._shards[number]
            path = self._directory / shard.name
            samples = index_shard(path)
            expected = {key_of(shard.part, index) for index in range(shard.first, shard.first + shard.count)}
            if set(samples) != expected or any(set(kinds) != set(KINDS) for kinds in samples.values()):
                raise ValueError(f"{path}: expected {shard.count} samples of {len(KINDS)} files each")
            self._indices[number] = samples
        return self._indices[number]


def _check_size(path: Path, expected: int) -> None:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: this shard is missing; make the split again, or copy it again")
    found = path.stat().st_size
    if found != expected:
        raise ValueError(f"{path}: expected {expected} bytes, got {found}; it is cut off or another file")


class FrozenSplit:
    """A finished split in a folder."""

    def __init__(self, directory: Path) -> None:
        if not directory.is_dir():
            raise FileNotFoundError(f"{directory}: no such folder; `ftb export-split` makes a split")
        self.directory = directory
        self.manifest = read_manifest(directory / MANIFEST)
        if not self.manifest.shards:
            raise ValueError(f"{directory}: the manifest lists no shards; the split was never finished")

    def part(self, name: str) -> FrozenPart:
        """One of its parts; ValueError where that has no samples."""
        counts = self.manifest.config.counts
        if not counts.get(name):
            held = ", ".join(f"{part} {counts[part]}" for part in PARTS)
            raise ValueError(f"{self.directory}: this split has no {name} part; it holds {held}")
        return FrozenPart(self.directory, self.manifest, name)


def reduced(pair: Pair, size: int) -> Pair:
    """An unbatched pair with pictures of `size` pixels, a whole fraction of what they are: block means."""
    full = pair.photo_srgb.shape[0]
    if full == size:
        return pair
    if full % size:
        raise ValueError(f"stream.image_size: expected a whole fraction of the split's {full}, got {size}")
    step = full // size
    mask = _block_mean(pair.mask[..., None], step)
    # what is 0 outside the head is averaged over the head alone
    inside = pair.mask[..., None]
    share = mask.clamp_min(1e-6)
    covered = {
        name: _block_mean(getattr(pair, name) * inside, step) / share for name in ("normals", "albedo_linear")
    }
    head = (mask > 0).float()
    changes = {
        "photo_srgb": _block_mean(pair.photo_srgb, step),
        "mask": mask[..., 0],
        "normals": torch.nn.functional.normalize(covered["normals"], dim=-1) * head,
        "albedo_linear": covered["albedo_linear"] * head,
        "visibility": _block_mean(pair.visibility[..., None], step)[..., 0],
        "residual_linear": _block_mean(pair.residual_linear, step),
    }
    return Pair(**{**vars(pair), **changes})


def _block_mean(pixels: Tensor, step: int) -> Tensor:
    """(H / step, W / step, C) of (H, W, C). A sum of shifted pictures, several times as quick as `mean`."""
    rows = pixels[::step].clone()
    for shift in range(1, step):
        rows += pixels[shift::step]
    columns = rows[:, ::step].clone()
    for shift in range(1, step):
        columns += rows[:, shift::step]
    return columns / (step * step)


@dataclass(frozen=True, kw_only=True)
class FrozenSettings:
    """Which part of which split a stream gives; endless and shuffled, or once and in order."""

    directory: Path
    part: str
    shuffled: bool


class _Batches(Dataset):
    """First sample of a batch → its pairs, decoded. A plain dataset, so that worker processes can read."""

    def __init__(self, part: FrozenPart, config: StreamConfig, shuffled: bool) -> None:
        self._part, self._config, self._shuffled = part, config, shuffled

    def __getitem__(self, first: int) -> tuple[Pair, float]:
        started = time.process_time()
        stop = first + self._config.batch_size
        if not self._shuffled:
            stop = min(stop, len(self._part))
        pairs = [self._part.pair(self._sample(place)) for place in range(first, stop)]
        batch = stack([reduced(pair, self._config.image_size) for pair in pairs])
        return batch, time.process_time() - started

    def _sample(self, place: int) -> int:
        if not self._shuffled:
            return place
        round_, rest = divmod(place, len(self._part))
        return int(_order(self._config.seed, self._part.name, round_, len(self._part))[rest])


@lru_cache(maxsize=2)
def _order(seed: int, part: str, round_: int, count: int) -> Tensor:
    """(count,) the order of the samples in one round through a part."""
    return torch.randperm(count, generator=generator_for(seed, part, round_, "order"))


class FrozenStream:
    """The interface of `PairStream`, from a frozen split.

    Batch b of rank r holds places (b · world_size + r) · batch_size + [0, batch_size) of an endless row
    of rounds through the part, each in its own order; unshuffled, of one round, whose last batch may be
    short.
    """

    def __init__(
        self,
        config: StreamConfig,
        *,
        settings: FrozenSettings,
        device: torch.device,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.config = config
        self.render_seconds = 0.0
        self.wanted_multiple = None
        self._device = device
        self._rank, self._world_size = rank, world_size
        self._part = FrozenSplit(settings.directory).part(settings.part)
        self._shuffled = settings.shuffled
        first = reduced(self._part.pair(0), config.image_size)  # says at once what does not fit
        self.has_landmarks = first.landmarks is not None

    def batches(self, start: int = 0, count: int | None = None) -> Iterator[Pair]:
        """Batches from number `start` on, `count` of them or without end."""
        workers = self._workers(count)
        dataset = _Batches(self._part, self.config, self._shuffled)
        made = batches_of(dataset, self._firsts(start, count), workers=workers, ahead=PREFETCHED_BATCHES)
        for pair, seconds in made:
            self.render_seconds += seconds
            pair = pair.to(self._device)
            ball = render_ball(pair.lighting, "gray", self.config.ball_size)
            yield Pair(**{**vars(pair), "ball_linear": ball})

    def _firsts(self, start: int, count: int | None) -> Iterator[int]:
        number = start
        while count is None or number < start + count:
            first = (number * self._world_size + self._rank) * self.config.batch_size
            if not self._shuffled and first >= len(self._part):
                return
            yield first
            number += 1

    def _workers(self, count: int | None) -> int:
        """Decoding is quick: a process of its own is worth starting for many batches only."""
        if self.config.workers >= 0:
            return self.config.workers
        few = count is not None and count * self.config.batch_size < 2000
        return 0 if few else max(1, min(available_cores() // 2, os.cpu_count() or 1))

    def close(self) -> None:
        """Nothing stays open beyond an iterator."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
