"""Writing shards: whole or not at all, by one process or by several, with the same bytes."""

from __future__ import annotations

import glob
import multiprocessing
import os
import secrets
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from ftb.data.frozen_plan import ShardPlan, SplitConfig, chunks_of, key_of
from ftb.data.frozen_render import SplitJob, SplitRenderer
from ftb.data.frozen_sample import KINDS
from ftb.data.frozen_tar import write_end, write_member
from ftb.data.stream import available_cores
from ftb.errors import one_line


def temporary(out: Path, name: str) -> Path:
    """Where a file is written until it is whole; another place with every call, so that a program that was
    killed and still ends cannot put what its successor has begun in place."""
    return out / f".{name}.{secrets.token_hex(4)}.tmp"


def remove_partial(out: Path, name: str) -> None:
    """Remove what a program that was killed left of a file half written."""
    for path in out.glob(f".{glob.escape(name)}.*tmp"):
        path.unlink(missing_ok=True)


def remove_leftovers(out: Path, shards: list[ShardPlan]) -> None:
    """Remove what a program that was killed left of shards half written."""
    for shard in shards:
        remove_partial(out, shard.name)


def render_shards(out: Path, job: SplitJob, shards: list[ShardPlan], workers: int) -> Iterator[ShardPlan]:
    """Render shards, each as it is finished; on any way out nothing unfinished stays."""
    workers = min(workers or available_cores(), max(len(shards), 1))
    try:
        if workers == 1:
            renderer = SplitRenderer(job)
            for shard in shards:
                yield _write_shard(out, renderer, job.config, shard)
        else:
            yield from _by_processes(out, job, shards, workers)
    except OSError as error:
        if error.strerror is None and error.errno is None:
            raise OSError(f"{error}; finished shards are kept: run the same command again") from error
        raise
    finally:
        remove_leftovers(out, shards)


def _by_processes(out: Path, job: SplitJob, shards: list[ShardPlan], workers: int) -> Iterator[ShardPlan]:
    context = multiprocessing.get_context("spawn")
    try:
        pool = ProcessPoolExecutor(
            workers, mp_context=context, initializer=_start_worker, initargs=(out, job)
        )
    except OSError as error:
        raise OSError(f"processes cannot be started: {one_line(error)}; try --workers 1") from error
    try:
        for future in as_completed([pool.submit(_shard_in_worker, shard) for shard in shards]):
            yield future.result()
    except BrokenProcessPool:
        raise OSError("a rendering process died, perhaps for want of memory; try fewer --workers") from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_WORKER: dict[str, object] = {}


def _start_worker(out: Path, job: SplitJob) -> None:
    """Stop quietly on Ctrl-C, and with the process that started this one, however that ends."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()
    _WORKER.update(out=out, config=job.config, renderer=SplitRenderer(job))


def _shard_in_worker(shard: ShardPlan) -> ShardPlan:
    out, renderer, config = _WORKER["out"], _WORKER["renderer"], _WORKER["config"]
    assert isinstance(out, Path)
    assert isinstance(renderer, SplitRenderer)
    assert isinstance(config, SplitConfig)
    return _write_shard(out, renderer, config, shard)


def _write_shard(out: Path, renderer: SplitRenderer, config: SplitConfig, shard: ShardPlan) -> ShardPlan:
    partial = temporary(out, shard.name)
    try:
        with partial.open("wb") as file:
            for key, files in _samples(renderer, config, shard):
                for kind in KINDS:
                    write_member(file, f"{key}.{kind}", files[kind])
            write_end(file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(out / shard.name)
    except _NotRendered as error:
        raise error.reason from error
    except OSError as error:
        raise OSError(f"{out / shard.name}: could not be written: {error.strerror or error}") from error
    return shard


class _NotRendered(Exception):
    """An error of the system while rendering, which is not one of the shard's file."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(str(reason))
        self.reason = reason


def _samples(
    renderer: SplitRenderer, config: SplitConfig, shard: ShardPlan
) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Keys and files of a shard's samples."""
    try:
        for chunk, count in chunks_of(config, shard):
            for index, files in renderer.samples(shard.part, chunk, count):
                yield key_of(shard.part, index), files
    except OSError as error:
        raise _NotRendered(error) from error
