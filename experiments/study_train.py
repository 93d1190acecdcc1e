"""Carrying out runs by `ftb train`, one process each: what is finished is kept, what was begun goes on."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from experiments.study_plan import SPLITS, Run, split_folder
from ftb.checkpoint import write_atomically
from ftb.config import config_to_toml

Say = Callable[[str], None]
PROGRAM = (sys.executable, "-m", "ftb")


def carry_out(run: Run, say: Say) -> None:
    """Train unless done; RuntimeError with the last line of its log where training fails."""
    if run.done:
        return
    run.folder.mkdir(parents=True, exist_ok=True)
    if run.variant.split:
        stored_split(run.variant.split, run.config.stream.image_size, say)
    log = run.folder / "study.log"
    with claimed(log, say) as output:
        if run.done:
            return
        wanted = run.folder / "wanted.toml"
        write_atomically(wanted, config_to_toml(run.config).encode())
        begun = (run.folder / "last.safetensors").is_file()
        source = ("--data", run.config.data.split) if run.config.data.split else ("--online-render",)
        words = ("--resume",) if begun else (*source, "--config", str(wanted))
        started = time.monotonic()
        say(f"{'resuming' if begun else 'training'} {run.variant.name}, seed {run.seed}: {log}")
        call((*PROGRAM, "train", *words, "--out", str(run.folder)), output)
        (run.folder / "last.safetensors").unlink(missing_ok=True)  # only --resume needs it
    say(f"trained {run.variant.name}, seed {run.seed}, in {(time.monotonic() - started) / 60:.1f} min")


def standard_test(say: Say) -> Path:
    """The test that all studies share, made where it is missing: 2,000 pairs, some minutes."""
    return _made(SPLITS / "standard", ("--preset", "standard", "--train", "0", "--val", "0"), say)


def stored_split(preset: str, size: int, say: Say) -> Path:
    """The split that is trained from, made where it is missing; `ftb export-split` goes on where it was."""
    folder = split_folder(preset, size)
    words = ("--preset", preset, "--size", str(size))
    return _made(folder, words, say)


def relit_split(preset: str, size: int, say: Say) -> Path:
    """Twenty new lights, poses and cameras for each of the twelve training heads of `seed-1600`."""
    folder = split_folder(f"{preset}-relit", size)
    counts = ("--train", "240", "--val", "0", "--test", "0", "--set", "samples_per_shard=20")
    return _made(folder, ("--preset", preset, "--size", str(size), "--seed", "1", *counts), say)


def _made(folder: Path, words: tuple[str, ...], say: Say) -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with claimed(folder.with_suffix(".log"), say) as output:
        if not (folder / "manifest.json").is_file():
            say(f"making {folder}")
            call((*PROGRAM, "export-split", "--out", str(folder), *words), output)
    return folder


@contextmanager
def claimed(log: Path, say: Say) -> Iterator[TextIO]:
    """A log open at its end, in turn with whoever else writes it.

    The lock goes to the program that is started with it: it holds while that program lives, even where this
    one was killed.
    """
    with log.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another process: {log}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def call(words: tuple[str, ...], output: TextIO) -> None:
    """Run a program, its output appended to an open log; RuntimeError with its last line where it fails."""
    code = subprocess.run(words, stdout=output, stderr=subprocess.STDOUT, check=False).returncode
    if code:
        output.seek(0)
        lines = output.read().strip().splitlines()
        raise RuntimeError(f"exit code {code}: {lines[-1] if lines else 'no output'} ({output.name})")
