"""`ftb train` over the fake stream in a process of its own, for tests that kill it.

python -m tests.training.run_train DELAY OUT [options of ftb train]
"""

from __future__ import annotations

import sys

import torch

import ftb.training.streams
from ftb.cli import cli
from tests.fake_stream import TINY, FakeStream

if __name__ == "__main__":
    torch.set_num_threads(1)
    FakeStream.delay = float(sys.argv[1])
    ftb.training.streams.PairStream = FakeStream
    settings = [word for setting in TINY for word in ("--set", setting)]
    cli(["train", "--online-render", "--device", "cpu", "--out", sys.argv[2], *settings, *sys.argv[3:]])
