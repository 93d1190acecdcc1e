"""Training over a fake stream: what a run leaves behind, and what it starts from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

import ftb.training.streams
from ftb.checkpoint import load_network, read_checkpoint
from ftb.cli import cli
from ftb.config import load_config
from ftb.estimation.estimator import Estimator
from ftb.nets.base import NETWORKS, build_network
from ftb.training.learners import make_learner
from ftb.training.parallel import World
from tests.fake_stream import TINY, FakeStream
from tests.training.running import run_train


@pytest.fixture(autouse=True)
def _fake_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ftb.training.streams, "PairStream", FakeStream)


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
