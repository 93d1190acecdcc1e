"""What the page writes, temporary folders that end with the process, or an hour later; and what it says."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ftb import demo
from ftb.demo import _answered, example_portrait
from ftb.estimation.estimator import Estimator
from ftb.types import Lighting
from tests.tiny import tiny_checkpoint

CODE = "from ftb.demo import _new_folder; one = _new_folder(); two = _new_folder(); print(one); print(two)"


def test_nothing_stays_behind(tmp_path: Path) -> None:
    left, recent, other = (tmp_path / name for name in ("ftb-demo-left", "ftb-demo-recent", "other"))
    for folder in (left, recent, other):
        folder.mkdir()
        (folder / "lighting.json").write_text("{}")
    long_ago = time.time() - 4000
    for folder in (left, other):
        os.utime(folder, (long_ago, long_ago))
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=True
    )
    one, two = map(Path, done.stdout.split())
    assert one != two
    assert one.parent == two.parent
    assert one.parent.parent == tmp_path
    # its own folder is gone with it, and so is what a page left that was killed
    assert {path.name for path in tmp_path.iterdir()} == {"ftb-demo-recent", "other"}


def test_a_photograph_without_a_face_is_said_in_the_pages_own_words(tmp_path: Path) -> None:
    grey = tmp_path / "grey.png"
    Image.new("RGB", (300, 300), (90, 90, 90)).save(grey)
    estimator = Estimator(torch.nn.Identity(), 16, torch.device("cpu"))
    state, turn, files, photo, words, compass, *balls = _answered(estimator, str(grey), "largest")
    assert words == "⚠ No face found; if the picture is one, choose “no search”."
    # nothing is left of the photograph before
    assert (state, turn, files, photo, compass, balls) == (None, 0, None, None, "", [None] * 4)


def test_a_full_disk_is_said_and_leaves_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "write_exports", full_disk)
    estimator = Estimator.load(tiny_checkpoint(tmp_path), device="cpu")
    state, turn, files, photo, words, compass, *balls = _answered(
        estimator, str(example_portrait()), "largest"
    )
    assert words == "⚠ The files could not be written: No space left on device."
    assert (state, turn, files, photo, compass, balls) == (None, 0, None, None, "", [None] * 4)


def full_disk(lighting: Lighting, folder: Path, *notes: object) -> list[Path]:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder / "lighting.json"))


def test_a_joined_answer_says_how_far_the_faces_disagree(tmp_path: Path) -> None:
    portrait = np.asarray(Image.open(example_portrait()))[30:230, 130:330]
    Image.fromarray(np.concatenate([portrait, portrait[:, ::-1]], axis=1)).save(tmp_path / "pair.png")
    estimator = Estimator.load(tiny_checkpoint(tmp_path), device="cpu")
    answer = {name: _answered(estimator, str(tmp_path / "pair.png"), name) for name in ("all", "largest")}
    assert re.search(r"\n\n2 faces, up to \d+° apart\.", answer["all"][4])
    assert "\n\n1 of 2 faces." in answer["largest"][4]
