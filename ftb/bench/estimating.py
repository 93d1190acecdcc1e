"""What somebody with a photograph waits for: one large photograph, a cold start, a folder of small ones."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from ftb.assets_path import assets_path
from ftb.bench.clock import Measurement
from ftb.estimation.estimator import Estimator

LARGE, SMALL = (4000, 3000), (512, 512)
# Sensor noise, bytes: a photograph without it is decoded in less time than any camera's.
_NOISE_U8 = 6


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds a call: median and best of the clock on the wall, median of the processor, children too."""

    wall: float
    best: float
    processor: float


def estimating(quick: bool) -> list[Measurement]:
    """From photographs to light with the weights that ship."""
    with tempfile.TemporaryDirectory(prefix="ftb-bench-") as name:
        folder = Path(name)
        size = (640, 480) if quick else LARGE
        large = _photo(folder / "large.jpg", size)
        return [
            *_one(large, 2 if quick else 20),
            *_cold(large, 1 if quick else 5),
            *_many(folder, 4 if quick else 1000),
        ]


def timed(action: Callable[[], object], calls: int) -> Timing:
    """Of so many calls; what happens once only should have happened before."""
    walls, processors = [], []
    for _ in range(calls):
        began, used = time.perf_counter(), _processor_seconds()
        action()
        walls.append(time.perf_counter() - began)
        processors.append(_processor_seconds() - used)
    return Timing(wall=statistics.median(walls), best=min(walls), processor=statistics.median(processors))


def run_program(command: list[str]) -> None:
    """Wait for a process; ValueError with its last word where it fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(f"bench: {command[3]} failed: {(done.stderr.splitlines() or [''])[-1]}")


def _processor_seconds() -> float:
    """Of this process and of those children that have ended."""
    return sum(os.times()[:4])


def _one(photo: Path, calls: int) -> list[Measurement]:
    estimator = Estimator.load(device="cpu")
    estimator.estimate(photo)
    with Image.open(photo) as opened:
        megapixels = opened.width * opened.height / 1e6
    timing = timed(lambda: estimator.estimate(photo), calls)
    note = f"best {timing.best * 1e3:.0f}; from file to light in memory, once loaded"
    what = f"{megapixels:.2g}-megapixel photo"
    return [
        Measurement(name=what, value=timing.wall * 1e3, unit="ms", note=note),
        Measurement(name=f"{what}, processor", value=timing.processor * 1e3, unit="ms CPU"),
    ]


def _cold(photo: Path, calls: int) -> list[Measurement]:
    """`ftb estimate` as a process of its own, all files written."""
    command = _command([photo])
    timing = timed(partial(run_program, command), calls)
    note = f"best {timing.best:.1f}; a process of its own, all pictures written"
    return [
        Measurement(name="cold ftb estimate", value=timing.wall, unit="s", note=note),
        Measurement(name="cold ftb estimate, processor", value=timing.processor, unit="s CPU"),
    ]


def _many(folder: Path, count: int) -> list[Measurement]:
    """Batch mode, its start included."""
    photos = [_photo(folder / "small.jpg", SMALL)] * count
    lines = []
    for options, what in ((("--lighting-only",), "lighting.json only"), ((), "all pictures")):
        command = [*_command(photos), *options]
        timing = timed(partial(run_program, command), 1)
        each = 1e3 * timing.processor / count
        note = (
            f"{count} of {SMALL[0]} × {SMALL[1]} in one process, its start included; {each:.0f} ms CPU each"
        )
        rate = 60.0 * count / timing.wall
        lines.append(Measurement(name=f"small photos, {what}", value=rate, unit="photos/min", note=note))
    return lines


def _command(photos: list[Path]) -> list[str]:
    given = ["--out", str(photos[0].with_suffix("")), "--device", "cpu"]
    return [sys.executable, "-m", "ftb", "estimate", *map(str, photos), *given]


def _photo(path: Path, size: tuple[int, int]) -> Path:
    """The portrait that ships, in the middle of a picture of this size, with noise, as JPEG."""
    with Image.open(assets_path() / "examples" / "astronaut.jpg") as portrait:
        square = portrait.convert("RGB").resize((min(size),) * 2, Image.Resampling.BICUBIC)
    picture = Image.new("RGB", size, (90, 100, 110))
    picture.paste(square, ((size[0] - min(size)) // 2, (size[1] - min(size)) // 2))
    noise = np.random.default_rng(0).integers(-_NOISE_U8, _NOISE_U8 + 1, (size[1], size[0], 1))
    pixels = (np.asarray(picture, dtype=np.int16) + noise).clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(path, quality=92)
    return path
