"""All cores at work: the same tasks in as many processes, in turns, so that what else runs hits all alike."""

from __future__ import annotations

import multiprocessing
import queue
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

# Longer than any start of a worker, so that one that died does not hang the others.
PATIENCE_S = 300.0


@dataclass(frozen=True, kw_only=True)
class Task:
    """make(process): builds, in each process, the action that is repeated; it returns how many units it did.

    `make` must be a function of a module, or a `functools.partial` of one.
    """

    name: str
    make: Callable[[int], Callable[[], int]]


def rates(tasks: Sequence[Task], *, processes: int, rounds: int, seconds: float) -> dict[str, list[float]]:
    """Units a second of each task in each round, all processes together; one process is this one."""
    plan = _Plan(tasks=tuple(tasks), rounds=rounds, seconds=seconds)
    if processes == 1:
        return _measure(plan, 0, _no_wait)
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(processes), context.Queue()
    started = [
        context.Process(target=_work, args=(plan, number, barrier, answers), daemon=True)
        for number in range(processes)
    ]
    for process in started:
        process.start()
    try:
        found = [_answer(answers, started) for _ in started]
    finally:
        for process in started:
            process.terminate()  # it has answered, or another one's failure ends the measurement
            process.join()
    return {
        task.name: [sum(one[task.name][turn] for one in found) for turn in range(rounds)] for task in tasks
    }


def _answer(answers: Any, started: Sequence[Any]) -> dict[str, list[float]]:
    """The next answer of any process."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            found = answers.get(timeout=1.0)
        except queue.Empty:
            # Exit code 0 has answered: what it sent may still be on its way.
            if any(process.exitcode for process in started):
                break
            continue
        if isinstance(found, str):
            raise ValueError(f"bench: a worker failed: {found}")
        return found
    raise OSError("bench: a process died, perhaps for want of memory, or did not answer; run it again")


def ratio(first: Sequence[float], second: Sequence[float]) -> float:
    """Median over rounds of first / second."""
    return statistics.median(a / b for a, b in zip(first, second, strict=True))


@dataclass(frozen=True, kw_only=True)
class _Plan:
    tasks: tuple[Task, ...]
    rounds: int
    seconds: float


def _no_wait() -> None:
    """One process waits for nobody."""


def _work(plan: _Plan, number: int, barrier: Any, answers: Any) -> None:
    try:
        answers.put(_measure(plan, number, lambda: barrier.wait(PATIENCE_S)))
    except Exception as error:
        barrier.abort()
        answers.put(f"{type(error).__name__}: {error}")


def _measure(plan: _Plan, number: int, wait: Callable[[], object]) -> dict[str, list[float]]:
    torch.set_num_threads(1)
    actions = {task.name: task.make(number) for task in plan.tasks}
    for action in actions.values():
        action()
    found: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(plan.rounds):
        for name, action in actions.items():
            wait()
            started = time.perf_counter()
            done = 0
            while time.perf_counter() - started < plan.seconds:
                done += action()
            found[name].append(done / (time.perf_counter() - started))
    return found
