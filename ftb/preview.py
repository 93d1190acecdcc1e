"""`ftb preview`: a contact sheet of what online training sees."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from ftb.checkpoint import write_atomically
from ftb.config import Config
from ftb.maths.color import srgb_from_linear
from ftb.sheet import (
    compose,
    png_bytes,
    suffix_of,
    tiles_from_ball,
    tiles_from_mono,
    tiles_from_signed,
    tiles_from_srgb,
)
from ftb.training.streams import Streams
from ftb.types import Pair, concatenate

Tiles = Callable[[Pair, int], list[np.ndarray]]

PARTS: dict[str, Tiles] = {
    "photo": lambda pair, size: tiles_from_srgb(pair.photo_srgb, size),
    "ball": lambda pair, size: tiles_from_ball(pair.ball_linear, size),
}
BY_PRODUCTS: dict[str, Tiles] = {
    "normals": lambda pair, size: tiles_from_signed(pair.normals, size),
    "albedo": lambda pair, size: tiles_from_srgb(srgb_from_linear(pair.albedo_linear), size),
    "visibility": lambda pair, size: tiles_from_mono(pair.visibility, size),
}


def write_preview(out: Path, config: Config, *, count: int, size: int, parts: bool) -> None:
    """Write the first `count` pairs of the training split as one PNG of tiles of `size` pixels."""
    suffix_of(out, (".png",))
    table = {**PARTS, **BY_PRODUCTS} if parts else PARTS
    pair = _first_pairs(config, count)
    columns = [tiles(pair, size) for tiles in table.values()]
    groups = [list(group) for group in zip(*columns, strict=True)]
    across = _groups_across(count, len(table))
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, png_bytes(compose(groups, list(table), columns=across)))


def _first_pairs(config: Config, count: int) -> Pair:
    streams = Streams(config, torch.device("cpu"))
    with streams.open("train") as stream:
        batches = list(stream.batches(start=0, count=streams.batches_for(count)))
    return concatenate(batches)[:count]


def _groups_across(count: int, parts: int) -> int:
    """Groups a row that bring the sheet near the shape of a screen, 3:2."""
    return max(1, min(count, round((1.5 * count / parts) ** 0.5)))
