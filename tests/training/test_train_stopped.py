"""Training that is killed, signalled, out of disk, or in two processes: nothing is lost, nothing changes."""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import ftb.training.streams
from ftb.checkpoint import read_checkpoint
from ftb.types import Pair
from tests.fake_stream import FakeStream
from tests.training.running import assert_same_state, run_train, start_process, wait_for_step


@pytest.fixture(autouse=True)
def _fake_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ftb.training.streams, "PairStream", FakeStream)


def test_killed_at_any_moment_and_resumed_ends_bitwise_the_same(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    options = ("--steps", "24", "--set", "train.save_seconds=0")
    assert run_train(whole, *options).exit_code == 0
    waits = random.Random(0)
    process = start_process(killed, 0.05, *options)
    for least in (3, 11):
        wait_for_step(killed, least, process)
        time.sleep(waits.uniform(0.0, 0.1))
        process.send_signal(signal.SIGKILL)
        process.wait()
        if least == 3:
            process = start_process(killed, 0.05, *options, "--resume")
    assert read_checkpoint(killed / "last.safetensors", groups=()).step < 24
    assert run_train(killed, *options, "--resume").exit_code == 0
    assert_same_state(whole, killed)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_says_how_to_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    class Signalled(FakeStream):
        def batches(self, start: int = 0, count: int | None = None) -> Iterator[Pair]:
            for place, pair in enumerate(super().batches(start, count)):
                if place == 5:
                    os.kill(os.getpid(), number)
                yield pair

    whole, out = tmp_path / "whole", tmp_path / "run"
    assert run_train(whole, "--steps", "9").exit_code == 0
    monkeypatch.setattr(ftb.training.streams, "PairStream", Signalled)
    before = signal.getsignal(number)
    done = run_train(out, "--steps", "9")
    assert done.exit_code == 130, done.output
    assert f"go on with: ftb train --resume --out {out}" in done.stderr
    assert read_checkpoint(out / "last.safetensors", groups=()).step == 6
    assert signal.getsignal(number) is before
    assert run_train(out, "--steps", "9", "--resume").exit_code == 0
    assert_same_state(whole, out)


def test_workers_that_die_of_the_same_signal_are_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(FakeStream):
        def batches(self, start: int = 0, count: int | None = None) -> Iterator[Pair]:
            yield next(super().batches(start, count))
            os.kill(os.getpid(), signal.SIGINT)
            raise RuntimeError("DataLoader worker exited unexpectedly")

    monkeypatch.setattr(ftb.training.streams, "PairStream", Broken)
    done = run_train(tmp_path / "run", "--steps", "9")
    assert done.exit_code == 130, done.output
    assert read_checkpoint(tmp_path / "run" / "last.safetensors", groups=()).step == 1


def test_a_full_disk_keeps_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "run"
    assert run_train(out, "--steps", "4").exit_code == 0
    before = (out / "last.safetensors").read_bytes()

    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    done = run_train(out, "--resume", "--steps", "4")
    assert done.exit_code == 2
    assert "No space left on device; the file that was there before is kept" in done.stderr
    assert (out / "last.safetensors").read_bytes() == before
    assert not list(out.glob(".*"))


def test_a_loss_that_is_not_finite_stops_with_the_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ftb.training.optimize as optimize

    sound = optimize.total_loss
    calls = iter(range(1000))

    def breaks(*arguments: Any) -> Any:
        loss, terms = sound(*arguments)
        if next(calls) != 3:
            return loss, terms
        return loss * float("nan"), {**terms, "total": terms["total"] * float("nan")}

    monkeypatch.setattr(optimize, "total_loss", breaks)
    out = tmp_path / "run"
    done = run_train(out, "--steps", "8", "--set", "train.save_seconds=0")
    assert done.exit_code == 2
    assert "step 3: the loss is nan" in done.stderr
    assert "the checkpoint of step 3 is kept" in done.stderr
    state = read_checkpoint(out / "last.safetensors")
    assert state.step == 3
    assert all(bool(t.isfinite().all()) for t in state.groups["model"].values())


def test_two_processes_learn_as_one_with_twice_the_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Averaged gradients of two half batches are those of the whole batch, as every loss is a mean."""
    one, two = tmp_path / "one", tmp_path / "two"
    options = ("--steps", "3", "--set", "train.clip_norm=1e9")
    alone = run_train(one, *options, "--set", "stream.batch_size=4")
    assert alone.exit_code == 0, alone.output
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    for name, value in shared.items():
        monkeypatch.setenv(name, value)
    halves = (*options, "--set", "stream.batch_size=2")
    monkeypatch.setenv("RANK", "1")
    other = start_process(two, 0.0, *halves)
    monkeypatch.setenv("RANK", "0")
    done = run_train(two, *halves)
    assert done.exit_code == 0, done.output
    advice = "a multiple of 32 wastes none: --set stream.batch_size=32"
    assert (advice in done.output, advice in alone.output) == (True, False)
    assert other.wait(timeout=60) == 0, other.stderr and other.stderr.read()
    first, second = (read_checkpoint(path / "last.safetensors").groups for path in (one, two))
    for name, tensor in first["model"].items():
        # Adam divides by √v: rounding of tiny gradients shows up to a part of the learning rate
        torch.testing.assert_close(second["model"][name], tensor, rtol=0.0, atol=2e-4)
    for name, tensor in first["optimizer"].items():
        # weights do not tell the scale of the gradients, their running mean does
        difference = (second["optimizer"][name] - tensor).norm()
        assert difference <= 1e-2 * tensor.norm() + 1e-5, name
    assert read_checkpoint(two / "last.safetensors", groups=()).world_size == 2


def test_a_full_disk_under_tensorboard_ends_its_records_and_not_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from tensorboard.summary.writer.record_writer import RecordWriter

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    hook = threading.excepthook
    monkeypatch.setattr(RecordWriter, "write", full)
    done = run_train(tmp_path / "run", "--steps", "40", "--set", "train.log_every=1")
    assert done.exit_code == 0, done.output
    said = " ".join((done.output + capfd.readouterr().err).split())
    assert "tensorboard: [Errno 28] No space left on device; nothing more is recorded there" in said
    assert "Traceback" not in said
    assert threading.excepthook is hook


def test_a_stream_that_breaks_saves_what_was_learnt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(FakeStream):
        def batches(self, start: int = 0, count: int | None = None) -> Iterator[Pair]:
            for place, pair in enumerate(super().batches(start, count)):
                if place == 5:
                    raise ValueError("bust.ply: has no faces")
                yield pair

    out = tmp_path / "run"
    with monkeypatch.context() as broken:
        broken.setattr(ftb.training.streams, "PairStream", Broken)
        done = run_train(out, "--steps", "9")
    assert done.exit_code == 2
    told = f"ftb: bust.ply: has no faces; saved at step 5; go on with: ftb train --resume --out {out}\n"
    assert done.stderr.endswith(told)
    assert run_train(tmp_path / "whole", "--steps", "9").exit_code == 0
    assert run_train(out, "--steps", "9", "--resume").exit_code == 0
    assert_same_state(tmp_path / "whole", out)
