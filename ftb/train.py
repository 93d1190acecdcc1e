"""`ftb train`: render pairs, learn from them, validate, and leave a run folder behind.

A run is a function of its configuration and the number of processes. Whatever stops it, `--resume` goes on
from last.safetensors, on a CPU to the same weights, bit for bit, as if it had never stopped.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from torch import Tensor

from ftb.checkpoint import write_atomically
from ftb.errors import one_line, raise_if_worker_died
from ftb.sheet import compose, png_bytes, tiles_from_ball, tiles_from_srgb
from ftb.training.interrupt import Interrupted, StopRequest
from ftb.training.learners import Learns, make_learner
from ftb.training.parallel import World, join_world, leave_world, share
from ftb.training.report import Pace, RunReport, as_floats, print_result
from ftb.training.run_folder import (
    Run,
    keep_model,
    new_run,
    prepare_folder,
    resumed_run,
    save_metrics,
    save_model,
    save_state,
)
from ftb.training.streams import Streams
from ftb.training.trained import learning_rate_at
from ftb.training.validate import MeanLightKeeper, Validation, validate
from ftb.types import Pair, Prediction

__all__ = ["Interrupted", "TrainOptions", "train"]


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """What the command line asks for; `settings` are `key=value`, applied on top of the configuration."""

    config: str | None = None
    settings: tuple[str, ...] = ()
    out: Path | None = None
    resume: bool = False
    device: str = "auto"


def train(options: TrainOptions) -> dict[str, Any]:
    """Train as asked; returns what metrics.json holds (on rank 0, else an empty dictionary)."""
    world = join_world(options.device)
    try:
        run = _open_run(options, world)
        streams = Streams(run.config, world.device)
        learner = make_learner(run.config, world)
        if run.start:
            learner.load_groups(run.start.groups)
        else:
            learner.begin()
        return _carry_out(run, learner, streams)
    finally:
        leave_world(world)


def _open_run(options: TrainOptions, world: World) -> Run:
    folder = options.out
    if options.resume:
        return resumed_run(folder, options.config, options.settings, world)
    # rank 0 picks the number of an unnamed run, for all
    run = new_run(folder, options.config, options.settings) if world.leads else None
    return share(world, run)


def _carry_out(run: Run, learner: Learns, streams: Streams) -> dict[str, Any]:
    world = learner.world
    if world.leads:
        prepare_folder(run)
    report = RunReport(run.folder, start=run.first_step, steps=run.config.train.steps, active=world.leads)
    sitting = _Sitting(run, learner, streams, report)
    with report:
        report.say(_headline(run, world))
        try:
            sitting.learn()
            metrics = sitting.finish() if world.leads else {}
        except KeyboardInterrupt:
            raise Interrupted(_how_to_resume(run, "interrupted")) from None
    if world.leads:
        print_result(metrics)
        print(f"{run.folder}: model.safetensors, metrics.json, preview.png")
    return metrics


def _headline(run: Run, world: World) -> str:
    verb = "resuming" if run.start else "training"
    begun = f"step {run.first_step} of " if run.start else ""
    processes = f"{world.size} processes, " if world.size > 1 else ""
    return f"{verb} {run.folder}: {begun}{run.config.train.steps} steps, {processes}{world.device}"


def _overlap(multiple: int) -> str:
    return (
        "several processes render some pictures each, since batches are parts of what is rendered together; "
        f"a batch size that is a multiple of {multiple} wastes none: --set stream.batch_size={multiple}"
    )


def _how_to_resume(run: Run, reason: str) -> str:
    return f"{reason}; go on with: ftb train --resume --out {run.folder}"


class _Sitting:
    """One sitting of a run: from its first step here to its last, then validation."""

    def __init__(self, run: Run, learner: Learns, streams: Streams, report: RunReport) -> None:
        self.run = run
        self.config = run.config.train
        self.learner = learner
        self.world = learner.world
        self.streams = streams
        self.report = report
        self.pace = Pace(started=time.monotonic())
        self.mean_light = MeanLightKeeper(streams)
        self.step = self.saved_step = run.first_step
        self.saved_at = time.monotonic()

    def learn(self) -> None:
        """Step until the configured number of steps is done; keeps last.safetensors fresh."""
        rank, size = self.world.rank, self.world.size
        if self.step == 0:
            self.save()  # so that there is something to resume from the first moment on
        with StopRequest() as stop, self.streams.open("train", rank=rank, world_size=size) as stream:
            if stream.wanted_multiple:
                self.report.say(_overlap(stream.wanted_multiple))
            batches = stream.batches(start=self.step, count=self.config.steps - self.step)
            for pair in self._until_broken(self.pace.timed(batches), stop):
                stopping = self._step(pair, stop)
                self.pace.rendering = stream.render_seconds
                if stopping:
                    self._stop()
                self._between_steps()
        self.save()

    def _stop(self) -> NoReturn:
        self.save()
        raise Interrupted(_how_to_resume(self.run, f"stopped; saved at step {self.step}"))

    def _until_broken(self, batches: Iterator[Pair], stop: StopRequest) -> Iterator[Pair]:
        """A stream that breaks because its workers got the same signal is a stop, not an error. What was
        learnt is saved then, and where its disk, its files or the death of a worker break it."""
        try:
            yield from batches
        except (OSError, RuntimeError, ValueError) as error:
            if stop.wanted:
                self._stop()
            if self.step == self.run.first_step or isinstance(error, RuntimeError):
                raise
            self.save()
            reason = f"{one_line(error)}; saved at step {self.step}"
            raise OSError(_how_to_resume(self.run, reason)) from error

    def _step(self, pair: Pair, stop: StopRequest) -> bool:
        try:
            with self.pace.measured():
                values, prediction, stopping = self.learner.step(pair, self.step, stop.wanted)
        except FloatingPointError as error:
            raise ValueError(f"{error}; the checkpoint of step {self.saved_step} is kept") from error
        except RuntimeError as error:
            # a dying worker can interrupt a step half way: what it left is not worth saving
            kept = f"the checkpoint of step {self.saved_step} is kept"
            if stop.wanted:
                raise Interrupted(_how_to_resume(self.run, f"stopped; {kept}")) from None
            raise_if_worker_died(error, rest=f"; {_how_to_resume(self.run, kept)}")
            raise
        self.pace.pairs += pair.index.shape[0] * self.world.size
        if self.world.size == 1:
            self.mean_light.watch(pair, self.step)
        self.step += 1
        if self.world.leads:
            self._report_step(values, pair, prediction)
        return stopping

    def _between_steps(self) -> None:
        if time.monotonic() - self.saved_at >= self.config.save_seconds:
            self.save()
        kept = self.config.keep_every
        if kept and self.step % kept == 0 and self.world.leads:
            keep_model(self.run, self.step, self.learner.answering().state_dict())
        every = self.config.val_every
        if every and self.step % every == 0 and self.step < self.config.steps and self.world.leads:
            result = self._validate()
            self.report.say(f"step {self.step}: {result.summary()}")

    def _report_step(self, values: dict[str, Tensor], pair: Pair, prediction: Prediction) -> None:
        step = self.step
        if step % self.config.log_every and step != self.config.steps:
            return
        numbers = as_floats(values)
        self.report.advance(step, numbers["total"], self.pace)
        self.report.scalars(step, {f"train/{name}": value for name, value in numbers.items()})
        rate = learning_rate_at(step - 1, self.config)
        self.report.scalars(step, {"pace/learning_rate": rate, **self.pace.scalars()})
        if step % self.config.picture_every < self.config.log_every:
            self.report.picture(step, "train", _sheet(pair, prediction, count=8, size=96))

    def save(self) -> None:
        """Write last.safetensors, on rank 0."""
        if self.world.leads:
            save_state(self.run, self.step, self.learner.groups(), self.world, self.pace.seconds)
        self.saved_step, self.saved_at = self.step, time.monotonic()

    def _validate(self) -> Validation:
        result = validate(self.learner.answering(), self.streams, self.mean_light.get())
        self.report.scalars(self.step, {f"val/{name}": value for name, value in result.scalars().items()})
        return result

    def finish(self) -> dict[str, Any]:
        """Validate the averaged weights, and write what a finished run leaves."""
        steps = self.config.steps
        save_model(self.run, steps, self.learner.answering().state_dict())
        self.report.phase("validating …")
        result = self._validate()
        preview = _sheet(*result.shown, count=self.config.preview_count, size=144)
        self.report.picture(steps, "val", preview)
        write_atomically(self.run.folder / "preview.png", png_bytes(preview))
        metrics = {"step": steps, "val": result.metrics, "train": self.pace.summary(self.run.seconds_before)}
        save_metrics(self.run, metrics)
        return metrics


def _sheet(pair: Pair, prediction: Prediction, *, count: int, size: int) -> Any:
    """Photographs beside their true and their predicted balls, (H, W, 3) uint8."""
    parts = (
        tiles_from_srgb(pair.photo_srgb[:count], size),
        tiles_from_ball(pair.ball_linear[:count], size),
        tiles_from_ball(prediction.ball_linear[:count], size),
    )
    groups = [list(group) for group in zip(*parts, strict=True)]
    return compose(groups, ["photo", "true ball", "predicted"], columns=4)
