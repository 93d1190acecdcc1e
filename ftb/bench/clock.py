"""Time, memory and what the numbers were measured on."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ftb.data.stream import available_cores


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One number: `value` in `unit`, a median unless `note` says otherwise."""

    name: str
    value: float
    unit: str
    note: str = ""


def median_seconds(action: Callable[[], object], *, seconds: float, least: int = 3) -> float:
    """Median wall time of one call, over about `seconds` and at least so many calls; the first is not
    counted."""
    action()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < least or time.perf_counter() < end:
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def median_cpu_seconds(action: Callable[[], object], *, seconds: float, least: int = 3) -> float:
    """As `median_seconds`, of processor time, all threads of this process together."""
    action()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < least or time.perf_counter() < end:
        started = time.process_time()
        action()
        times.append(time.process_time() - started)
    return statistics.median(times)


def growth(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Exponent p of cost ∝ sizeᵖ, by least squares of the logarithms."""
    x = torch.tensor(sizes, dtype=torch.float64).log()
    y = torch.tensor(costs, dtype=torch.float64).log()
    x = x - x.mean()
    return float((x * (y - y.mean())).sum() / x.square().sum())


def resident_mb() -> float:
    """Memory of this process that is in use, in MB; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def machine() -> dict[str, str | int]:
    """What the numbers belong to."""
    return {
        "processor": _processor(),
        "cores": available_cores(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "gpu": torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
