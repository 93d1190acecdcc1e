"""Judging a whole part of a split, batch by batch, by one process or by several with the same numbers."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import numpy as np

from ftb.data.frozen import FrozenSplit
from ftb.data.stream import available_cores
from ftb.errors import one_line
from ftb.evaluation.cases import Judge, Row, Task

Measured = dict[str, dict[str, np.ndarray]]
Batch = tuple[list[Row], Measured]
# A process takes seconds to start: it has to be worth it.
_SAMPLES_PER_PROCESS = 64


@dataclass(frozen=True, kw_only=True)
class Pace:
    """batch: samples at a time, few, so that their balls stay in the processor's cache; workers: processes,
    0 chooses, 1 works in this one; limit: of samples."""

    batch: int = 4
    workers: int = 0
    limit: int | None = None


def judge_split(task: Task, pace: Pace, advance: Callable[[int, int], None]) -> Batch:
    """Labels of all samples of a part, and the metrics (N,) of each candidate, in the order of the samples.

    advance(done, all) is called now and then.
    """
    count = len(FrozenSplit(task.directory).part(task.part))
    count = count if pace.limit is None else min(count, pace.limit)
    batches = [(first, min(pace.batch, count - first)) for first in range(0, count, pace.batch)]
    rows: list[Row] = []
    parts: list[Measured] = []
    for labels, measured in _judged(task, batches, _processes(task, pace, count)):
        rows += labels
        parts.append(measured)
        advance(len(rows), count)
    return rows, {name: _joined([part[name] for part in parts]) for name in parts[0]}


def _joined(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {metric: np.concatenate([part[metric] for part in parts]) for metric in parts[0]}


def _processes(task: Task, pace: Pace, count: int) -> int:
    if task.device == "cuda":
        return 1
    return min(pace.workers or available_cores(), max(1, count // _SAMPLES_PER_PROCESS)) if count else 1


def _judged(task: Task, batches: list[tuple[int, int]], workers: int) -> Iterator[Batch]:
    if workers == 1:
        judge = Judge(task)
        for first, count in batches:
            yield judge.judge(first, count)
        return
    context = multiprocessing.get_context("spawn")
    try:
        pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker, initargs=(task,))
    except OSError as error:
        raise OSError(f"processes cannot be started: {one_line(error)}; try --workers 1") from error
    try:
        yield from pool.map(_judge_in_worker, batches)
    except BrokenProcessPool:
        raise OSError(
            "a process of the evaluation died, perhaps for want of memory; try --workers 1"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_WORKER: list[Judge] = []


def _start_worker(task: Task) -> None:
    """Stop quietly on Ctrl-C, and with the process that started this one, however that ends."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()
    _WORKER.append(Judge(task))


def _judge_in_worker(batch: tuple[int, int]) -> Batch:
    return _WORKER[0].judge(*batch)
