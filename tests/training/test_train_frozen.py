"""Training from a frozen split: the same run as from a renderer, and as easy to stop and resume."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from ftb.checkpoint import load_network, read_checkpoint
from ftb.cli import cli
from ftb.config import load_config
from ftb.estimation.estimator import Estimator
from ftb.training.streams import Streams
from tests.data.splits import tiny_split
from tests.fake_stream import TINY


def _train(out: Path, *options: str) -> Result:
    settings = [word for setting in TINY for word in ("--set", setting)]
    words = ["train", "--data", str(tiny_split()), "--device", "cpu", "--out", str(out), *settings, *options]
    return CliRunner().invoke(cli, words)


def test_a_run_from_a_split_leaves_what_any_run_leaves(tmp_path: Path) -> None:
    done = _train(tmp_path / "run", "--steps", "3")
    assert done.exit_code == 0, done.output
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["val"]["samples"] == 2  # all that the split has, each once
    network, config = load_network(tmp_path / "run" / "model.safetensors", torch.device("cpu"))
    assert config.data.split == str(tiny_split())
    assert config.stream.image_size == 32  # the split's 64, halved
    assert (tmp_path / "run" / "preview.png").is_file()
    assert sum(parameter.numel() for parameter in network.parameters()) > 0


def test_a_network_with_landmarks_learns_from_a_split_that_has_them(tmp_path: Path) -> None:
    done = _train(tmp_path / "run", "--steps", "2", "--set", "net.landmarks=true")
    assert done.exit_code == 0, done.output
    estimator = Estimator.load(tmp_path / "run" / "model.safetensors", device="cpu")
    assert estimator.reads_landmarks


def test_a_split_without_landmarks_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftb.data.frozen_sample.decode_landmarks", lambda files: None)
    done = _train(tmp_path / "run", "--set", "net.landmarks=true")
    assert done.exit_code == 2
    assert "train: holds no landmarks, which net.landmarks asks for" in done.stderr
    assert not (tmp_path / "run").exists()


def test_two_runs_learn_the_same(tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert _train(tmp_path / name, "--steps", "2").exit_code == 0
    first, second = (read_checkpoint(tmp_path / name / "last.safetensors") for name in ("a", "b"))
    for group, tensors in first.groups.items():
        for name, tensor in tensors.items():
            assert torch.equal(tensor, second.groups[group][name]), name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--hdri", "somewhere"], "data.split: expected no data.hdri"),
        (["--set", "stream.image_size=48"], "expected a whole fraction of the split's 64, got 48"),
        (["--set", "data.split=nowhere"], "nowhere: no such folder"),
        (["--online-render"], "--online-render, or --data DIR"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_is_written(
    options: list[str], message: str, tmp_path: Path
) -> None:
    done = _train(tmp_path / "run", *options)
    assert done.exit_code == 2
    assert message in done.stderr
    assert not (tmp_path / "run").exists()


def test_streams_come_from_the_split() -> None:
    settings = (*TINY, f'data.split="{tiny_split()}"', "stream.batch_size=2")
    with Streams(load_config(None, settings), torch.device("cpu")).open("val") as stream:
        (batch,) = stream.batches()
    assert batch.photo_srgb.shape == (2, 32, 32, 3)
