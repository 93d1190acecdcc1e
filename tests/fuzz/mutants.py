"""Damaged files by the thousand: what every reader must survive, with an answer or one clear line.

    python -m tests.fuzz.mutants --count 5000 --folder scratch

runs the whole lot in processes of limited memory and time, and tells what misbehaved.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import multiprocessing
import queue
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ftb.data.photos import open_photo
from ftb.interop.hdr import read_environment, write_environment
from ftb.interop.lighting_json import LightingNotes, load_lighting, save_lighting
from tests.data.heic import HEIC
from tests.interop.lights import crooked_light

PICTURES = (".jpg", ".png", ".webp", ".tif", ".gif", ".bmp", ".avif")
# Where there is a wheel of pi-heif.
IF_READ = (".heic",) if importlib.util.find_spec("pi_heif") else ()
MEMORY_BYTES, SECONDS = 2 << 30, 20


def _picture(path: Path, seed: int) -> None:
    draws = np.random.default_rng(seed)
    modes = {
        ".jpg": ("RGB", "L", "CMYK"),
        ".tif": ("RGB", "CMYK", "I;16"),
        ".png": ("RGB", "P", "LA", "I;16"),
    }
    mode = draws.choice(modes.get(path.suffix, ("RGB",)))
    pixels = draws.integers(0, 255, (48, 40, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    picture = (
        Image.fromarray(pixels[..., 0].astype(np.uint16) * 250) if mode == "I;16" else picture.convert(mode)
    )
    exif = Image.Exif()
    exif[0x0112] = int(draws.integers(1, 9))
    options = {".jpg": {"exif": exif}, ".tif": {"compression": "tiff_lzw"}}
    picture.save(path, **options.get(path.suffix, {}))


def _environment(path: Path, seed: int) -> None:
    draws = torch.Generator().manual_seed(seed)
    write_environment(path, torch.rand(16, 32, 3, generator=draws))


def _lighting(path: Path, seed: int) -> None:
    notes = LightingNotes(direction_error_deg=12.0, provenance={"photo": "me.jpg"}, warnings=("dark",))
    save_lighting(crooked_light(keys=1 + seed % 2), path, notes)


def _heic(path: Path, seed: int) -> None:
    path.write_bytes(HEIC)


MAKERS: dict[str, Callable[[Path, int], None]] = {
    **dict.fromkeys(PICTURES, _picture),
    **dict.fromkeys(IF_READ, _heic),
    ".exr": _environment,
    ".hdr": _environment,
    ".json": _lighting,
}
READERS: dict[str, Callable[[Path], object]] = {
    **dict.fromkeys(PICTURES, open_photo),
    **dict.fromkeys(IF_READ, open_photo),
    ".exr": read_environment,
    ".hdr": read_environment,
    ".json": load_lighting,
}


def mutant(suffix: str, seed: int, folder: Path) -> Path:
    """A damaged file: bytes changed, cut out, repeated, zeroed, or its end missing."""
    path = folder / f"{seed}{suffix}"
    MAKERS[suffix](path, seed)
    content = bytearray(path.read_bytes())
    draws = np.random.default_rng(seed)
    # headers are where damage does most
    reach = len(content) if draws.random() < 0.5 else min(len(content), 200)
    for _ in range(int(draws.integers(1, 6))):
        first = int(draws.integers(0, max(1, min(reach, len(content)))))
        length = int(draws.integers(1, 9))
        change = int(draws.integers(0, 6))
        if change == 0:
            del content[first:]
        elif change == 1:
            content[first : first + length] = draws.bytes(length)
        elif change == 2:
            del content[first : first + length]
        elif change == 3:
            content[first:first] = content[first : first + length * 8]
        elif change == 4:
            content[first : first + length] = bytes(length)
        else:
            content[first : first + length] = b"\xff" * length
    path.write_bytes(bytes(content))
    return path


def misbehaviour(path: Path) -> str | None:
    """None where a reader answers or refuses in one line that names the file; else what it did."""
    begun = time.perf_counter()
    try:
        READERS[path.suffix](path)
    except ValueError as error:
        text = str(error)
        if "\n" in text or str(path) not in text or len(text) > 600:
            return f"unclear message: {text[:300]!r}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    taken = time.perf_counter() - begun
    return f"took {taken:.1f} s" if taken > SECONDS else None


def _examine(seeds: list[int], folder: Path, reports: multiprocessing.Queue[tuple[str, str]]) -> None:
    resource.setrlimit(
        resource.RLIMIT_AS, (6 << 30, 6 << 30)
    )  # address space: libraries reserve more than used
    suffixes = list(MAKERS)
    for seed in seeds:
        path = mutant(suffixes[seed % len(suffixes)], seed, folder)
        reports.put((str(path), "begun"))
        reports.put((str(path), misbehaviour(path) or "fine"))
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    reports.put(("memory", "fine" if used < MEMORY_BYTES else f"{used / 2**30:.1f} GiB"))


def _run(count: int, folder: Path, first: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("fork")
    fates: dict[str, str] = {}
    for start in range(first, first + count, 250):
        seeds = list(range(start, min(start + 250, first + count)))
        reports: multiprocessing.Queue[tuple[str, str]] = context.Queue()
        process = context.Process(target=_examine, args=(seeds, folder, reports))
        process.start()
        last = ""
        while last != "memory":
            try:
                last, fate = reports.get(timeout=SECONDS)
                fates[last] = fate
            except queue.Empty:  # it hangs, or is gone
                process.kill()
                break
        process.join()
        if process.exitcode:
            fates[last] = f"the process died: {process.exitcode}"
    bad = {path: fate for path, fate in fates.items() if fate != "fine"}
    print(json.dumps(bad, indent=1))
    print(f"{len(fates)} files, {len(bad)} misbehaved")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--folder", type=Path, required=True)
    chosen = parser.parse_args()
    _run(chosen.count, chosen.folder, chosen.first)
