"""The last steps of rebuilding the weights that ship, on a tiny network: what they may change."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from experiments.weights import calibrate, doubts, ship
from ftb.checkpoint import read_checkpoint
from ftb.interop.hdr import write_environment
from ftb.scene.heads import resolve_heads
from ftb.scene.landmarks import project_landmarks
from ftb.scene.sampler import sample_chunk
from tests.tiny import tiny_checkpoint


def test_calibration_changes_what_is_expected_and_how_bright_it_is_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    mean, out, folder = tiny_checkpoint(tmp_path), tmp_path / "out" / "final.safetensors", tmp_path / "hdri"
    folder.mkdir()
    write_environment(folder / "even.hdr", torch.ones(8, 16, 3))
    monkeypatch.setattr(
        "sys.argv",
        [
            "calibrate",
            str(mean),
            "--hdri",
            str(folder),
            "--out",
            str(out),
            "--steps",
            "2",
            "--level-batches",
            "1",
        ],
    )
    calibrate.main()
    before = read_checkpoint(mean, groups=("ema",)).groups["ema"]
    after = read_checkpoint(out, groups=("ema",)).groups["ema"]
    assert before.keys() == after.keys()
    changed = {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}
    assert any(name.startswith("lighting.doubt") for name in changed)
    assert "lighting.light.bias" in changed
    rest = {name for name in changed if not name.startswith("lighting.doubt")}
    assert rest == {"lighting.light.bias"}, rest
    moved = (after["lighting.light.bias"] - before["lighting.light.bias"]).nonzero().flatten().tolist()
    assert moved in ([0, 1, 2], [0, 1, 2, 27, 28, 29])


def test_a_mean_of_weights_has_the_shares_that_were_asked_for():
    first, second = {"w": torch.tensor([1.0, 2.0])}, {"w": torch.tensor([3.0, 6.0])}
    mixed = ship.mean_weights([first, second], (0.75, 0.25))
    torch.testing.assert_close(mixed["w"], torch.tensor([1.5, 3.0]))
    torch.testing.assert_close(ship.mean_weights([first, second], (3.0, 1.0))["w"], mixed["w"])


def test_heads_of_doubtful_portraits_turn_about_the_face_and_stay_in_the_picture():
    chunk = sample_chunk(doubts.SCENE, resolve_heads(None), None, seed=0, split="doubts", chunk=0)
    turned = doubts.turned(chunk, 90.0)
    middle = torch.cat([chunk.head.landmarks.float().mean(0), torch.ones(1)])
    before, after = (one.camera.cam_from_world @ middle for one in (chunk, turned))
    torch.testing.assert_close(before, after, atol=1e-5, rtol=0.0)
    marks = project_landmarks(chunk.head.landmarks.float(), turned.camera[1])
    # Seen from its right side, which is the left of the picture, the nose points right.
    assert marks[2, 0] > marks[[0, 1, 3, 4], 0].max()
    assert project_landmarks(chunk.head.landmarks.float(), turned.camera[0])[2, 0] < marks[0, 0]


def test_what_became_of_doubtful_portraits_is_one_line():
    answers = [
        doubts.Answer(refused=True),
        doubts.Answer(refused=False, warned=True, error_deg=20.0, own_deg=10.0, told_deg=25.0),
        doubts.Answer(refused=False, error_deg=None, own_deg=9.0, told_deg=9.0),
    ]
    line = doubts.told("turned", answers)
    assert line.endswith("3 asked,   1 refused,   1 warned; degrees: 20.0 off, 10.0 expected, 25.0 told")
    assert doubts.told("turned", answers[:1]).endswith("none answered")
