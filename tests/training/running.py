"""`ftb train` over the fake stream, here or in a process of its own, and what two runs are compared by."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import torch
from click.testing import CliRunner, Result

from ftb.checkpoint import read_checkpoint
from ftb.cli import cli
from tests.fake_stream import TINY

ROOT = Path(__file__).resolve().parents[2]


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
