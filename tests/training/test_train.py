"""Training over a fake stream: what a run leaves behind, and that stopping it changes nothing."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import save_file

import ftb.training.streams
from ftb.checkpoint import load_network, read_checkpoint
from ftb.cli import cli
from ftb.config import load_config
from ftb.estimation.estimator import Estimator
from ftb.nets.base import NETWORKS, build_network
from ftb.training.learners import make_learner
from ftb.training.parallel import World
from ftb.types import Pair
from tests.fake_stream import TINY, FakeStream

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _fake_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ftb.training.streams, "PairStream", FakeStream)


def run_train(out: Path, *options: str) -> Result:
    settings = [word for setting in TINY for word in ("--set", setting)]
    words = ["train", "--online-render", "--device", "cpu", "--out", str(out), *settings, *options]
    return CliRunner().invoke(cli, words)


def start_process(out: Path, delay: float, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.training.run_train", str(delay), str(out), *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


def wait_for_step(out: Path, least: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60.0
    while time.monotonic() < deadline and process.poll() is None:
        if (out / "last.safetensors").exists() and read_checkpoint(
            out / "last.safetensors", groups=()
        ).step >= least:
            return
        time.sleep(0.02)
    raise AssertionError(f"step {least} was not reached: {process.stderr and process.stderr.read()}")


def assert_same_state(first: Path, second: Path) -> None:
    one, other = (read_checkpoint(path / "last.safetensors") for path in (first, second))
    assert one.step == other.step
    assert one.groups.keys() == other.groups.keys() == {"model", "ema", "optimizer"}
    for group, tensors in one.groups.items():
        assert tensors.keys() == other.groups[group].keys()
        for name, tensor in tensors.items():
            assert torch.equal(tensor, other.groups[group][name]), f"{group}.{name}"


@pytest.mark.parametrize("kind", ["physics", "ridge"])
def test_weights_on_the_way_are_kept(tmp_path: Path, kind: str) -> None:
    out = tmp_path / "run"
    done = run_train(out, "--steps", "8", "--set", "train.keep_every=4", "--set", f"net.kind={kind}")
    assert done.exit_code == 0, done.output
    kept = sorted((out / "kept").iterdir())
    assert [path.name for path in kept] == ["0000004.safetensors", "0000008.safetensors"]
    half, last = (read_checkpoint(path, groups=("ema",)).groups["ema"] for path in kept)
    model = read_checkpoint(out / "model.safetensors").groups["ema"]
    assert all(torch.equal(last[name], tensor) for name, tensor in model.items())
    assert not all(torch.equal(half[name], tensor) for name, tensor in model.items())


def test_a_run_leaves_what_it_promises_and_learns(tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = run_train(out, "--steps", "60", "--set", "train.val_every=30", "--set", "train.learning_rate=3e-3")
    assert done.exit_code == 0, done.output
    left = {path.name for path in out.iterdir()}
    files = {
        "config.toml",
        "last.safetensors",
        "model.safetensors",
        "metrics.json",
        "preview.png",
        "train.log",
    }
    assert left == files | {"tensorboard"}
    metrics = json.loads((out / "metrics.json").read_text())
    val = metrics["val"]
    assert metrics["step"] == 60
    assert val["samples"] == 10
    assert val["direction_error_deg"]["mean"] < val["baseline_frontal"]["direction_error_deg"]["mean"]
    assert {"mean", "median"} <= val["baseline_mean_light"]["direction_error_deg"].keys()
    assert val["ball_rmse"] > 0.0
    assert val["baseline_mean_light"]["ball_rmse"] > 0.0
    assert "this network" in done.stdout
    assert load_config(str(out / "config.toml")).train.steps == 60
    network, _ = load_network(out / "model.safetensors", torch.device("cpu"))
    assert not network.training


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


def test_resuming_with_another_configuration_names_the_keys(tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert run_train(out, "--steps", "2").exit_code == 0
    done = run_train(out, "--resume", "--steps", "3", "--set", "loss.ball=2")
    assert done.exit_code == 2
    assert "train.steps was 2, now 3" in done.stderr
    assert "loss.ball was 3.0, now 2" in done.stderr
    assert done.stderr.count("\n") == 1
    again = run_train(out, "--steps", "2")
    assert again.exit_code == 2
    assert "already holds a run" in again.stderr


def test_resuming_needs_no_options_and_free_keys_may_change(tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert run_train(out, "--steps", "3").exit_code == 0
    words = ["train", "--resume", "--device", "cpu", "--out", str(out), "--set", "train.save_seconds=5"]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output


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


@pytest.mark.parametrize(
    "settings",
    [
        *((f"net.kind={kind}",) for kind in NETWORKS),
        ("net.kind=direct", "net.encoder=efficientnet_lite0"),  # statistics of batches are state as well
    ],
    ids=" ".join,
)
def test_the_whole_state_of_a_learner_is_in_its_groups(settings: tuple[str, ...]) -> None:
    config = load_config(None, (*TINY, *settings))
    world = World(rank=0, size=1, device=torch.device("cpu"))
    stream = FakeStream(config.stream, split="train")
    pairs = list(stream.batches(count=6))
    whole, first = make_learner(config, world), make_learner(config, world)
    for step, pair in enumerate(pairs):
        whole.step(pair, step, False)
    for step, pair in enumerate(pairs[:3]):
        first.step(pair, step, False)
    second = make_learner(config, world)
    second.load_groups(
        {name: {k: v.clone().contiguous() for k, v in g.items()} for name, g in first.groups().items()}
    )
    for step, pair in enumerate(pairs[3:], start=3):
        second.step(pair, step, False)
    resumed = second.groups()
    for group, tensors in whole.groups().items():
        for name, tensor in tensors.items():
            assert torch.equal(tensor, resumed[group][name]), f"{group}.{name}"


@pytest.mark.parametrize("kind", NETWORKS)
def test_every_kind_of_network_trains_resumes_and_answers(tmp_path: Path, kind: str) -> None:
    out = tmp_path / "run"
    options = ("--steps", "3", "--set", f"net.kind={kind}")
    assert run_train(out, *options).exit_code == 0
    (out / "model.safetensors").unlink()
    done = run_train(out, *options, "--resume")
    assert done.exit_code == 0, done.output
    metrics = json.loads((out / "metrics.json").read_text())["val"]
    estimator = Estimator.load(out / "model.safetensors", device="cpu")
    draws = torch.Generator().manual_seed(0)
    photo = torch.rand(estimator.image_size, estimator.image_size, 3, generator=draws)
    estimate = estimator.estimate_fully(photo, crop="none")
    assert metrics["ball_rmse"] > 0.0
    assert estimate.lighting.sh_coeffs.isfinite().all()
    assert (estimate.expected_error_deg is None) == (kind != "physics")


def test_a_run_starts_with_the_weights_of_its_encoder_and_needs_their_file_no_more(tmp_path: Path) -> None:
    file, out = tmp_path / "weights.safetensors", tmp_path / "run"
    config = load_config(None, (*TINY, "net.encoder=efficientnet_lite0", "net.init_seed=5"))
    before = build_network(config.net).encoder.state_dict()
    save_file({name: tensor.contiguous() for name, tensor in before.items()}, file)
    settings = ("net.encoder=efficientnet_lite0", f"net.encoder_weights={file}", "net.encoder_frozen=true")
    words = [word for setting in ("net.kind=direct", *settings) for word in ("--set", setting)]
    assert run_train(out, "--steps", "2", *words).exit_code == 0
    file.unlink()
    after = load_network(out / "model.safetensors", torch.device("cpu"))[0].encoder.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    assert run_train(out, "--steps", "2", *words, "--resume").exit_code == 0
    done = run_train(tmp_path / "other", "--steps", "2", *words)
    assert done.exit_code == 2
    assert "weights.safetensors: no such file of encoder weights" in done.stderr
    assert not (tmp_path / "other").exists()


def test_a_run_may_start_from_the_weights_of_another(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert run_train(first, "--steps", "3").exit_code == 0
    start = first / "model.safetensors"
    still = ("--steps", "1", "--set", "train.learning_rate=1e-12", "--set", f"train.start_from={start}")
    assert run_train(second, *still).exit_code == 0
    before, after = (read_checkpoint(run / "model.safetensors").groups["ema"] for run in (first, second))
    for name, tensor in before.items():
        torch.testing.assert_close(after[name], tensor, rtol=0.0, atol=1e-6)


def test_weights_that_are_not_there_leave_no_run_behind(tmp_path: Path) -> None:
    done = run_train(tmp_path / "run", "--steps", "1", "--set", "train.start_from=missing.safetensors")
    assert done.exit_code == 2
    assert "missing.safetensors: no such checkpoint" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_two_processes_learn_as_one_with_twice_the_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Averaged gradients of two half batches are those of the whole batch, as every loss is a mean."""
    one, two = tmp_path / "one", tmp_path / "two"
    options = ("--steps", "3", "--set", "train.clip_norm=1e9")
    assert run_train(one, *options, "--set", "stream.batch_size=4").exit_code == 0
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
