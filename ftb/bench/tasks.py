"""What the cores do in `ftb bench`: render complete pairs, and decode the same pairs from PNG files."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from PIL import Image
from torch import Tensor

from ftb.bench.workers import Task
from ftb.data.stream import ChunkDataset, Sources, StreamConfig
from ftb.maths import color
from ftb.scene.scene_config import SceneConfig

# Blocks of each process are its own.
BLOCKS_APART = 1_000_000
POSES_STORED = 16  # of each head whose pictures are decoded


def stream_config(size: int, samples_per_head: int) -> StreamConfig:
    """The default stream at another size, with so many poses and lights a head."""
    return StreamConfig(image_size=size, workers=0, scene=SceneConfig(samples_per_head=samples_per_head))


def pair_task(size: int, samples_per_head: int) -> Task:
    """Render complete pairs, size × size, of the default stream."""
    return Task(name=f"pairs {size}/{samples_per_head}", make=partial(_renderer, size, samples_per_head))


def decode_task(size: int, codec: str) -> Task:
    """Decode the photograph and the ball of pairs as of `pair_task`, from PNG files in memory."""
    return Task(name=f"{codec} {size}", make=partial(_decoder, size, codec))


def _renderer(size: int, samples_per_head: int, process: int) -> Callable[[], int]:
    dataset = ChunkDataset(stream_config(size, samples_per_head), "bench", Sources())
    block = process * BLOCKS_APART

    def render() -> int:
        nonlocal block
        pair, _ = dataset[block]
        block += 1
        return len(pair.index)

    return render


def _decoder(size: int, codec: str, process: int) -> Callable[[], int]:
    cv2.setNumThreads(1)
    pair, _ = ChunkDataset(stream_config(size, POSES_STORED), "bench", Sources())[process * BLOCKS_APART]
    ball = color.srgb_from_linear(pair.ball_linear.clamp(0.0, 1.0))
    files = [_png(picture) for pictures in (pair.photo_srgb, ball) for picture in pictures]
    decode = DECODERS[codec]

    def run() -> int:
        for file in files:
            decode(file)
        return len(pair.index)

    return run


def _png(picture_srgb: Tensor) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(color.u8_from_srgb(picture_srgb).numpy()).save(stream, "PNG")
    return stream.getvalue()


def _opencv(file: bytes) -> object:
    return cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)


def _pillow(file: bytes) -> object:
    return np.asarray(Image.open(io.BytesIO(file)))


DECODERS: dict[str, Callable[[bytes], object]] = {"OpenCV": _opencv, "Pillow": _pillow}
