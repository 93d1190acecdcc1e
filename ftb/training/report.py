"""What a run says while it goes: a progress bar, a log, TensorBoard, and the table at its end."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from torch import Tensor

from ftb.errors import one_line
from ftb.types import Pair

LOG = logging.getLogger("ftb")
PLAIN_SECONDS = 20.0


@dataclass(kw_only=True)
class Pace:
    """Where the time of a run goes, in seconds since it started or resumed.

    rendering: CPU-seconds of all workers; learning: forward, backward and optimizer; waiting: for a batch.
    """

    started: float
    rendering: float = 0.0
    learning: float = 0.0
    waiting: float = 0.0
    pairs: int = 0
    steps: int = 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @property
    def pairs_per_second(self) -> float:
        return self.pairs / max(self.seconds, 1e-6)

    @property
    def rendering_share(self) -> float:
        """Rendering over rendering plus learning, [0, 1]."""
        return self.rendering / max(self.rendering + self.learning, 1e-6)

    def timed(self, batches: Iterator[Pair]) -> Iterator[Pair]:
        """The same batches, with the time they are waited for counted."""
        while True:
            begun = time.monotonic()
            pair = next(batches, None)
            self.waiting += time.monotonic() - begun
            if pair is None:
                return
            yield pair

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Count what is done within as learning, one step of it."""
        begun = time.monotonic()
        yield
        self.learning += time.monotonic() - begun
        self.steps += 1

    def scalars(self) -> dict[str, float]:
        """For TensorBoard."""
        return {
            "pace/pairs_per_second": self.pairs_per_second,
            "pace/rendering_share": self.rendering_share,
            "pace/waiting_share": self.waiting / max(self.seconds, 1e-6),
        }

    def summary(self, seconds_before: float) -> dict[str, float]:
        """For metrics.json; rates are of this sitting, `seconds` of all of them."""
        return {
            "seconds": round(seconds_before + self.seconds, 1),
            "pairs_per_second": round(self.pairs_per_second, 2),
            "rendering_share": round(self.rendering_share, 4),
        }


class RunReport:
    """Reports one run: a bar on a terminal, a line now and then elsewhere, a log file and TensorBoard.

    Only an active one, that of rank 0, shows and writes anything; the others are only asked to `say`.
    """

    def __init__(self, folder: Path, *, start: int, steps: int, active: bool = True) -> None:
        self._steps = steps
        self._start = start
        self._console = Console(stderr=True, quiet=not active)
        self._last_line = 0.0
        self._bar = Progress(
            TextColumn("step {task.completed:.0f}/{task.total:.0f}"),
            BarColumn(bar_width=24),
            TextColumn("{task.description}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("first batch …", total=steps, completed=start)
        self._handler: logging.Handler = logging.NullHandler()
        self._writer: Any = None
        self._board = folder / "tensorboard"
        self._active = active
        self._hook = threading.excepthook
        if active:
            self._handler = _LogFile(folder / "train.log", encoding="utf-8")
            self._handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))

    def __enter__(self) -> Self:
        LOG.setLevel(logging.INFO)
        LOG.addHandler(self._handler)
        threading.excepthook = _without_disk_errors(self._hook)
        self._bar.start()
        if self._active:
            try:
                self._writer = _summary_writer(self._board, self._start)
            except OSError as error:
                self._unrecorded(error)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()
        self._record(lambda writer: writer.close())
        threading.excepthook = self._hook
        LOG.removeHandler(self._handler)
        with suppress(OSError):
            self._handler.close()

    def say(self, message: str) -> None:
        """A line for the user and the log."""
        LOG.info(message)
        self._console.print(message, highlight=False, soft_wrap=True, markup=False)

    def advance(self, step: int, loss: float, pace: Pace) -> None:
        """Show where the run stands after `step` steps."""
        remaining = (self._steps - step) * pace.seconds / max(pace.steps, 1)
        text = (
            f"loss {loss:.4f} · {pace.pairs_per_second:.1f} pairs/s · "
            f"{100 * pace.rendering_share:.0f} % rendering · ETA {clock(remaining)}"
        )
        self._bar.update(self._task, completed=step, description=text)
        due = time.monotonic() - self._last_line > PLAIN_SECONDS or step == self._steps
        if due:
            self._last_line = time.monotonic()
            LOG.info("step %d/%d %s", step, self._steps, text)
            if not self._console.is_terminal:
                self._console.print(f"step {step}/{self._steps} {text}", highlight=False, soft_wrap=True)

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Numbers for TensorBoard by name."""
        for name, value in values.items():
            self._record(lambda writer, name=name, value=value: writer.add_scalar(name, value, step))

    def picture(self, step: int, name: str, pixels_u8: np.ndarray) -> None:
        """A picture (H, W, 3) uint8 for TensorBoard."""
        self._record(lambda writer: writer.add_image(name, pixels_u8, step, dataformats="HWC"))

    def _record(self, action: Callable[[Any], None]) -> None:
        """Something with TensorBoard's writer; a run goes on without it where its disk is full."""
        if self._writer is None:
            return
        try:
            action(self._writer)
        except OSError as error:
            self._unrecorded(error)

    def _unrecorded(self, error: OSError) -> None:
        self._writer = None
        self.say(f"{self._board}: {one_line(error)}; nothing more is recorded there, training goes on")

    def phase(self, text: str) -> None:
        """Name what goes on while no step is made."""
        self._bar.update(self._task, description=text)
        LOG.info(text)


class _LogFile(logging.FileHandler):
    """A log whose lines are lost where its disk is full, without a word: the run says itself what it cannot
    save."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Nothing."""


def _without_disk_errors(hook: Callable[[Any], object]) -> Callable[[Any], object]:
    """For `threading.excepthook`: what happens to TensorBoard's thread is raised again at the next call."""

    def told(args: Any) -> object:
        return None if isinstance(args.exc_value, OSError) else hook(args)

    return told


def _summary_writer(folder: Path, start: int) -> Any:
    from torch.utils.tensorboard import SummaryWriter  # slow to import, and only a run needs it

    return SummaryWriter(str(folder), purge_step=start or None)


def clock(seconds: float) -> str:
    """12:05 or 1:02:05."""
    whole = max(int(seconds), 0)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def as_floats(values: dict[str, Tensor]) -> dict[str, float]:
    """Loss terms as plain numbers; waits for the device once."""
    return {name: float(value) for name, value in values.items()}


def print_result(metrics: dict[str, Any]) -> None:
    """The table at the end of a run: the network beside the baselines, on the validation split."""
    rows = {
        "this network": metrics["val"],
        "baseline: mean light": metrics["val"]["baseline_mean_light"],
        "baseline: frontal light": metrics["val"]["baseline_frontal"],
    }
    table = Table(title=f"Validation, {metrics['val']['samples']} held-out pairs")
    for heading in ("", "ball RMSE", "direction error, mean", "median"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, row in rows.items():
        error = row["direction_error_deg"]
        table.add_row(name, f"{row['ball_rmse']:.4f}", f"{error['mean']:.1f}°", f"{error['median']:.1f}°")
    Console().print(table)
