"""`ftb estimate`: photographs in, a folder each of light, balls and pictures out."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import torch

from ftb.data.face_crop import FaceCrop
from ftb.data.photos import Photo
from ftb.errors import one_line
from ftb.estimation.describe import describe_faces, describe_light, notes_of, summary
from ftb.estimation.estimator import Estimate, Estimator, joined
from ftb.estimation.pictures import write_pictures
from ftb.interop.hdr import write_environment
from ftb.interop.lighting_json import save_lighting
from ftb.scene.lighting_mix import to_envmap

ENVIRONMENT_HEIGHT = 128
# Photographs that are asked about together, and threads that read the next ones and write the last ones.
BATCH, THREADS = 4, 2

Framed = tuple[Photo, list[FaceCrop], int]
# The line about a photograph and its row of `--jsonl`.
Told = tuple[str, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class EstimateOptions:
    """Where the estimates go and how they are made; `checkpoint` None stands for the shipped weights."""

    out: Path
    checkpoint: Path | None = None
    crop: str = "face"
    face: str = "largest"
    jsonl: Path | None = None
    lighting_only: bool = False
    device: str = "auto"


def estimate_photos(photos: Iterable[Path], options: EstimateOptions) -> Iterator[tuple[str, bool]]:
    """Estimate and write each photo; yields a line about each and whether it failed, and goes on."""
    estimator = Estimator.load(options.checkpoint, device=options.device)
    named = list(_folders(photos, options.out))
    groups = [named[first : first + BATCH] for first in range(0, len(named), BATCH)]
    waiting: list[tuple[Path, Future[Told | str] | str]] = []
    with _one_thread_a_photo(len(named) > 1), ThreadPoolExecutor(THREADS) as pool:
        reading = _read(pool, estimator, groups[0], options) if groups else []
        for group, following in zip(groups, [*groups[1:], []], strict=True):
            framed = [future.result() for future in reading]
            reading = _read(pool, estimator, following, options)
            answers = _answered(estimator, [one for one in framed if not isinstance(one, str)])
            how = options, estimator.weights_sha256
            writing = [
                (place[0], one if isinstance(one, str) else pool.submit(_write, place, next(answers), how))
                for place, one in zip(group, framed, strict=True)
            ]
            # those before are told about only now, so that the pool always has something to do
            yield from _told(waiting, options)
            waiting = writing
        yield from _told(waiting, options)


@contextmanager
def _one_thread_a_photo(several: bool) -> Iterator[None]:
    """Of several photographs each is read, asked about and written by one thread, several at once: threads
    within each would only wait for each other."""
    before = torch.get_num_threads(), cv2.getNumThreads()
    if several:
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])


def _told(
    waiting: Iterable[tuple[Path, Future[Told | str] | str]], options: EstimateOptions
) -> Iterator[tuple[str, bool]]:
    """Wait for the files of photographs in their order; the line about each, and whether it failed."""
    for photo, one in waiting:
        told = one if isinstance(one, str) else one.result()
        line, row = (told, {"error": told}) if isinstance(told, str) else told
        _append(options.jsonl, {"photo": str(photo), **row})
        yield line, isinstance(told, str)


def _read(
    pool: Executor, estimator: Estimator, group: Sequence[tuple[Path, Path]], options: EstimateOptions
) -> list[Future[Framed | str]]:
    return [pool.submit(_framed, estimator, photo, options) for photo, _ in group]


def _folders(photos: Iterable[Path], out: Path) -> Iterator[tuple[Path, Path]]:
    """Each photo with its folder DIR/<stem>; photos of one name get numbers, none leaves DIR."""
    taken: set[str] = set()
    for photo in photos:
        stem = photo.stem if photo.stem.strip(". ") else "photo"
        name, number = stem, 2
        while name.casefold() in taken:
            name, number = f"{stem}-{number}", number + 1
        taken.add(name.casefold())
        yield photo, out / name


def _framed(estimator: Estimator, photo: Path, options: EstimateOptions) -> Framed | str:
    """What the network is to be asked about a photo, or why it cannot be, in one line."""
    try:
        return estimator.framed(photo, crop=options.crop, face=options.face)
    except (OSError, ValueError) as error:
        return one_line(error)


def _answered(estimator: Estimator, framed: Sequence[Framed]) -> Iterator[Estimate]:
    """One estimate for each photo, the network asked once for all their faces."""
    if not framed:
        return
    prediction = estimator.answer([crop for _, crops, _ in framed for crop in crops])
    first = 0
    for photo, crops, found in framed:
        yield joined(photo, crops, prediction[first : first + len(crops)], found)
        first += len(crops)


def _write(
    place: tuple[Path, Path], estimate: Estimate, how: tuple[EstimateOptions, str | None]
) -> Told | str:
    """Write the files of one photo: the line about it and its row of `--jsonl`, or why it cannot be, in one
    line. Where `--out` itself cannot be made there is nothing to go on for: raises OSError."""
    (photo, folder), (options, weights_sha256) = place, how
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        _write_files(folder, estimate, options.lighting_only)
        notes = notes_of(estimate, photo.name, weights_sha256)
        save_lighting(estimate.lighting, folder / "lighting.json", notes)
    except OSError as error:
        return one_line(error)
    return f"{folder}: {_in_words(estimate)}", summary(estimate)


def _write_files(folder: Path, estimate: Estimate, lighting_only: bool) -> None:
    """The folder, and unless `lighting_only` its pictures and its environment."""
    folder.mkdir(exist_ok=True)
    if not lighting_only:
        write_pictures(folder, estimate)
        environment = to_envmap(estimate.lighting, ENVIRONMENT_HEIGHT, keys=False)
        write_environment(folder / "environment.exr", environment)


def _in_words(estimate: Estimate) -> str:
    light = describe_light(estimate.lighting, estimate.expected_error_deg)
    return "; ".join(filter(None, [light, describe_faces(estimate), *estimate.warnings]))


def _append(jsonl: Path | None, line: dict[str, Any]) -> None:
    if jsonl is None:
        return
    jsonl.parent.mkdir(parents=True, exist_ok=True)
    with jsonl.open("ab", buffering=0) as file:
        length = file.tell()
        try:
            row = _row(line)
            if file.write(row) < len(row):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            file.truncate(length)  # no half row
            raise OSError(error.errno, error.strerror, str(jsonl)) from error


def _row(line: dict[str, Any]) -> bytes:
    """A line of JSON; names that are no text, which file systems allow, are escaped."""
    try:
        return f"{json.dumps(line, ensure_ascii=False)}\n".encode()
    except UnicodeEncodeError:
        return f"{json.dumps(line)}\n".encode()
