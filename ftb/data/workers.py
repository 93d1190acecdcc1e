"""Batches made in processes of their own. What goes wrong there becomes an error with one clear line here:
left to itself a worker that cannot hand its batch over says nothing, and its reader waits for ever."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import suppress
from multiprocessing.reduction import ForkingPickler
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from ftb.errors import one_line, raise_if_worker_died
from ftb.types import Pair

__all__ = ["batches_of"]

NICENESS = 5


def batches_of(
    dataset: Dataset, numbers: Iterable[int], *, workers: int, ahead: int
) -> Iterator[tuple[Pair, float]]:
    """What `dataset` answers to each of `numbers`, in their order: (Pair on the CPU, CPU-seconds it took).

    workers: processes; 0 answers in this one. ahead: batches that each process prepares.

    Raises OSError and ValueError as the dataset raised them, wherever that was, and OSError where a process
    died or has no room left for its batch.
    """
    loader = DataLoader(
        _Answers(dataset, shared=workers > 0),
        batch_size=None,
        sampler=numbers,  # type: ignore[arg-type]
        num_workers=workers,
        prefetch_factor=ahead if workers else None,
        multiprocessing_context="spawn" if workers else None,
        worker_init_fn=_start_worker,
    )
    answers = _started(loader)
    try:
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
            pair, seconds = answer
            # Copied out of shared memory, so that the segment goes back at once.
            yield pair.map(torch.clone), seconds
    except RuntimeError as error:
        raise_if_worker_died(error)
        raise
    finally:
        _stop(answers)


def _started(loader: DataLoader) -> Iterator[Any]:
    try:
        if loader.num_workers:
            # What fails first where there is no room; torch's half made iterator would print a stack trace.
            multiprocessing.get_context("spawn").Lock()
        return iter(loader)
    except OSError as error:
        raise OSError(
            f"processes that make batches cannot be started: {one_line(error)}; they need shared memory and "
            "temporary files; in one process neither is needed: --set stream.workers=0"
        ) from error


def _stop(answers: Iterator[Any]) -> None:
    """End the workers. One that is brought down by a thread of its own while it ends harms nobody; left to
    torch, which ends them as the iterator is collected, it would print a stack trace."""
    end = getattr(answers, "_shutdown_workers", None)
    if end is not None:
        with suppress(RuntimeError):
            end()


class _Answers(Dataset):
    """Answers or, in place of one, the error it met: torch would hand that on with a stack trace in it."""

    def __init__(self, dataset: Dataset, *, shared: bool) -> None:
        self._dataset = dataset
        self._shared = shared
        self._reachable = False

    def __getitem__(self, number: int) -> tuple[Pair, float] | Exception:
        try:
            pair, seconds = self._dataset[number]
            return (self._handed_over(pair) if self._shared else pair), seconds
        except (OSError, ValueError) as error:
            return error

    def _handed_over(self, pair: Pair) -> Pair:
        """The pair in shared memory. Done here because torch would do it while it sends, in a thread whose
        errors reach nobody."""
        try:
            if not self._reachable:
                # Opens the socket that this process's tensors go through, in the folder of temporary files.
                ForkingPickler.dumps(torch.zeros(1).share_memory_())
                self._reachable = True
            return pair.map(torch.Tensor.share_memory_)
        except RuntimeError as error:
            raise OSError(
                f"no room for a batch in shared memory: {_first_line(error)}; "
                "in one process none is needed: --set stream.workers=0"
            ) from error
        except OSError as error:
            raise OSError(f"a process that makes batches cannot hand them over: {error}") from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _start_worker(_: Any) -> None:
    """Ctrl-C reaches every process of the terminal: only the one that trains may act on it. Making batches
    yields to learning, which waits for it whenever it falls behind."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(NICENESS)
