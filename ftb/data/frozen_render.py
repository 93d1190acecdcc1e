"""From the plan of a split to the files of its samples: the corridor of the house, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from ftb.data.frozen_plan import SplitConfig
from ftb.data.frozen_sample import encode_sample, plain_numbers
from ftb.data.frozen_sources import FilesByPart, PartSource, SplitFiles
from ftb.data.stream import single_threaded
from ftb.maths.random import seed_for
from ftb.render.ball_rows import render_balls
from ftb.render.base import resolve_rasterizer
from ftb.render.pair import HeadCache, render_chunk
from ftb.scene.lighting_ops import dominant
from ftb.scene.materials import BALL_MATERIALS
from ftb.scene.sampler import Chunk, sample_chunk
from ftb.types import Pair


@dataclass(frozen=True, kw_only=True)
class SplitJob:
    """What every process of an export has to know."""

    config: SplitConfig
    files: SplitFiles
    heads: FilesByPart
    device: str = "cpu"


def draw_name(part: str) -> str:
    """The name under which the samples of a part are drawn: nothing of it meets what `ftb train` draws."""
    return f"frozen-{part}"


class SplitRenderer:
    """Renders chunks of a split in one process; opens heads and renderer once."""

    def __init__(self, job: SplitJob) -> None:
        self._job = job
        self._device = torch.device(job.device)
        self._rasterizer = resolve_rasterizer(job.config.renderer, self._device)
        self._parts: dict[str, PartSource] = {}
        self._caches: dict[str, HeadCache] = {}

    def samples(self, part: str, number: int, count: int) -> Iterator[tuple[int, dict[str, bytes]]]:
        """Index and files of the first `count` samples of a chunk."""
        with single_threaded(), torch.inference_mode():
            chunk, pair, balls = self._rendered(part, number)
            for row in range(count):
                about = _about(self._job.config, part, number, chunk, row)
                ball = {name: pixels[row] for name, pixels in balls.items()}
                yield int(chunk.index[row]), encode_sample(pair[row], ball, about)

    def _rendered(self, part: str, number: int) -> tuple[Chunk, Pair, dict[str, Tensor]]:
        config = self._job.config
        if part not in self._parts:
            self._parts[part] = PartSource(config, part, self._job.files, self._job.heads)
            source = self._parts[part].source
            self._caches[part] = HeadCache(config.scene, source, self._rasterizer)
        sources = self._parts[part]
        chunk = sample_chunk(
            config.scene,
            sources.source_of(number),
            sources.environments,
            seed=config.seed,
            split=draw_name(part),
            chunk=number,
        ).to(self._device)
        pair = render_chunk(chunk, self._rasterizer, self._caches[part], size=config.size, ball_size=16)
        balls = {name: render_balls(pair.lighting, name, config.ball_size).cpu() for name in BALL_MATERIALS}
        return chunk.to("cpu"), pair.to("cpu"), balls


def _about(config: SplitConfig, part: str, number: int, chunk: Chunk, row: int) -> dict[str, Any]:
    index, split = int(chunk.index[row]), draw_name(part)
    camera, capture = chunk.camera[row], chunk.capture[row]
    direction, directionality = dominant(chunk.lighting[row])
    seeds = {stream: seed_for(config.seed, split, index, stream) for stream in ("camera", "light", "capture")}
    seeds["head"] = seed_for(config.seed, split, number, "head")
    return {
        "part": part,
        "index": index,
        "chunk": number,
        "seed": config.seed,
        "split": split,
        "seeds": seeds,
        "camera": {
            "cam_from_world": plain_numbers(camera.cam_from_world),
            "half_width": plain_numbers(camera.half_width),
            "near": plain_numbers(camera.near),
        },
        "capture": {field.name: plain_numbers(getattr(capture, field.name)) for field in fields(capture)},
        "head": {
            "id": f"{part}-{number:06d}" if config.heads == "procedural" else chunk.head.name,
            "name": chunk.head.name,
            "source": config.heads,
            "tone": round(chunk.head.tone, 4),
            "parameters": chunk.head.parameters,
        },
        "light": {
            "kind": chunk.kinds[row],
            "dominant_direction": plain_numbers(direction),
            "directionality": plain_numbers(directionality),
        },
    }
