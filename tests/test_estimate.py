"""From photograph and checkpoint to files; and the light as one map."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from skimage import data

import ftb
from ftb.checkpoint import Checkpoint, save_checkpoint
from ftb.cli import cli
from ftb.config import load_config
from ftb.estimate import _append
from ftb.estimation.estimator import Estimator
from ftb.interop.hdr import read_environment
from ftb.interop.lighting_json import load_lighting, read_lighting_file
from ftb.nets.base import build_network
from tests.fake_stream import TINY

BALLS = {f"ball_{name}.png" for name in ("matte", "gray", "silver", "mirror")}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    config = load_config(None, TINY)
    path = tmp_path / "model.safetensors"
    weights = build_network(config.net).state_dict()
    save_checkpoint(path, Checkpoint(config=config, step=0, groups={"ema": weights}))
    return path


@pytest.fixture
def photo(tmp_path: Path, generator: torch.Generator) -> Path:
    pixels = torch.randint(0, 255, (60, 48, 3), generator=generator, dtype=torch.uint8)
    path = tmp_path / "me.png"
    Image.fromarray(pixels.numpy()).save(path)
    return path


def estimate(*words: object, crop: str = "none") -> tuple[int, str, str]:
    done = CliRunner().invoke(cli, ["estimate", "--device", "cpu", "--crop", crop, *map(str, words)])
    return done.exit_code, done.stdout, done.stderr


def test_estimate_writes_what_it_promises(checkpoint: Path, photo: Path, tmp_path: Path) -> None:
    out, lines = tmp_path / "light", tmp_path / "all.jsonl"
    code, said, _ = estimate(photo, "--out", out, "--checkpoint", checkpoint, "--jsonl", lines)
    assert code == 0
    assert "light from" in said
    left = {path.name for path in (out / "me").iterdir()}
    assert left == BALLS | {"lighting.json", "environment.exr", "overview.png"}
    ball = np.asarray(Image.open(out / "me" / "ball_gray.png"))
    assert ball.shape == (256, 256, 4)
    assert ball[0, 0, 3] == 0
    assert ball[128, 128, 3] == 255
    light = load_lighting(out / "me" / "lighting.json")
    row = json.loads(lines.read_text())
    torch.testing.assert_close(torch.tensor(row["sh_coeffs"]), light.sh_coeffs)
    assert read_environment(out / "me" / "environment.exr").shape == (128, 256, 3)


def test_the_library_says_the_same_as_the_program(checkpoint: Path, photo: Path, tmp_path: Path) -> None:
    estimate(photo, "--out", tmp_path / "light", "--checkpoint", checkpoint, "--lighting-only")
    assert [path.name for path in (tmp_path / "light" / "me").iterdir()] == ["lighting.json"]
    written = load_lighting(tmp_path / "light" / "me" / "lighting.json")
    light = ftb.Estimator.load(checkpoint, device="cpu").estimate(photo, crop="none")
    torch.testing.assert_close(written.sh_coeffs, light.sh_coeffs)
    assert ftb.render_ball(light, "mirror", size=32).shape == (32, 32, 3)


def test_bad_photos_do_not_stop_the_others(checkpoint: Path, photo: Path, tmp_path: Path) -> None:
    missing, note = tmp_path / "missing.jpg", tmp_path / "note.png"
    note.write_text("not a picture")
    lines = tmp_path / "all.jsonl"
    words = (missing, photo, note, "--out", tmp_path / "light", "--checkpoint", checkpoint, "--jsonl", lines)
    code, said, errors = estimate(*words)
    assert code == 1
    assert said.count("\n") == 1
    assert errors.splitlines() == [
        f"ftb: {missing}: no such photo",
        f"ftb: {note}: expected a picture such as JPEG or PNG, got something else",
        "ftb: 2 of 3 photos failed",
    ]
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [row["photo"] for row in rows] == [str(missing), str(photo), str(note)]
    assert ["error" in row for row in rows] == [True, False, True]


def test_many_photos_are_answered_in_their_order(checkpoint: Path, photo: Path, tmp_path: Path) -> None:
    photos = [tmp_path / f"{number}.png" for number in range(11)]
    for number, path in enumerate(photos):
        if number % 4 != 2:
            path.write_bytes(photo.read_bytes())
    lines, out = tmp_path / "all.jsonl", tmp_path / "light"
    words = (*photos, "--out", out, "--checkpoint", checkpoint, "--jsonl", lines, "--lighting-only")
    code, said, errors = estimate(*words)
    assert code == 1
    assert [line.split(":")[0] for line in said.splitlines()] == [
        str(out / str(number)) for number in range(11) if number % 4 != 2
    ]
    assert errors.splitlines()[-1] == "ftb: 3 of 11 photos failed"
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [row["photo"] for row in rows] == list(map(str, photos))
    assert ["error" in row for row in rows] == [number % 4 == 2 for number in range(11)]


def test_one_bad_photo_is_an_error(checkpoint: Path, tmp_path: Path) -> None:
    code, said, errors = estimate(
        tmp_path / "missing.jpg", "--out", tmp_path / "x", "--checkpoint", checkpoint
    )
    assert (code, said) == (2, "")
    assert errors.count("\n") == 1
    assert not (tmp_path / "x").exists()


def test_one_folder_that_cannot_be_written_does_not_stop_the_others(
    checkpoint: Path, photo: Path, tmp_path: Path
) -> None:
    out, lines = tmp_path / "light", tmp_path / "all.jsonl"
    out.mkdir()
    (out / "me").write_text("in the way")
    other = tmp_path / "you.png"
    other.write_bytes(photo.read_bytes())
    words = ("--out", out, "--checkpoint", checkpoint, "--lighting-only", "--jsonl", lines)
    code, said, errors = estimate(photo, other, *words)
    assert (code, said.count("\n")) == (1, 1)
    assert errors.splitlines() == [f"ftb: {out / 'me'}: File exists", "ftb: 1 of 2 photos failed"]
    assert ["error" in json.loads(line) for line in lines.read_text().splitlines()] == [True, False]
    # where nothing can be written, one line is enough
    words = ("--out", photo / "light", *words[2:])
    code, said, errors = estimate(photo, other, *words)
    assert (code, said, errors) == (2, "", f"ftb: {photo / 'light'}: Not a directory\n")


def test_no_photo_overwrites_another_or_leaves_the_folder(
    checkpoint: Path, photo: Path, tmp_path: Path
) -> None:
    photos = [
        tmp_path / "a" / "me.png",
        tmp_path / "b" / "ME.png",
        tmp_path / "...png",
        tmp_path / "me-2.png",
    ]
    for path in photos:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(photo.read_bytes())
    out = tmp_path / "deep" / "light"
    code, _, errors = estimate(*photos, "--out", out, "--checkpoint", checkpoint, "--lighting-only")
    assert (code, errors) == (0, "")
    assert {path.name for path in out.iterdir()} == {"me", "ME-2", "photo", "me-2-2"}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["light"]


def test_faces_are_found_and_told_about(checkpoint: Path, tmp_path: Path) -> None:
    portrait = data.astronaut()[30:230, 130:330]
    pair = tmp_path / "pair.png"
    Image.fromarray(np.concatenate([portrait, portrait[:, ::-1]], axis=1)).save(pair)
    words = (pair, "--checkpoint", checkpoint, "--lighting-only")
    for face, used in (("largest", 1), ("all", 2), ("2", 1)):
        code, said, errors = estimate(*words, "--out", tmp_path / face, "--face", face, crop="face")
        assert (code, errors) == (0, "")
        assert ("2 faces, up to" if used == 2 else "1 of 2 faces") in said
        notes = read_lighting_file(tmp_path / face / "pair" / "lighting.json")[1]
        assert len(notes.faces) == used
    assert notes.faces[0].box[0] > 150  # the second from the left
    assert notes.provenance["crop"] == "face"
    assert len(notes.provenance["weights_sha256"]) == 64
    code, _, errors = estimate(*words, "--out", tmp_path / "x", "--face", "3", crop="face")
    assert (code, errors) == (2, f"ftb: {pair}: --face 3: found only 2, counted from the left\n")
    code, _, errors = estimate(*words, "--out", tmp_path / "x", "--face", "0", crop="face")
    assert code == 2
    assert "--face: expected largest, all or a number from 1, got '0'" in errors


def test_no_face_is_said(checkpoint: Path, photo: Path, tmp_path: Path) -> None:
    code, _, errors = estimate(photo, "--out", tmp_path / "x", "--checkpoint", checkpoint, crop="face")
    assert (code, errors) == (2, f"ftb: {photo}: no face found; if the picture is one, use --crop none\n")


def test_the_environment_excludes_the_key_light(checkpoint: Path, photo: Path, tmp_path: Path) -> None:
    estimate(photo, "--out", tmp_path, "--checkpoint", checkpoint)
    light = load_lighting(tmp_path / "me" / "lighting.json")
    environment = read_environment(tmp_path / "me" / "environment.exr")
    torch.testing.assert_close(environment, ftb.to_envmap(light, 128, keys=False), rtol=1e-4, atol=1e-5)
    assert float(light.key_irradiance.max()) > 0.0


def test_a_bad_checkpoint_is_one_line(tmp_path: Path) -> None:
    junk = tmp_path / "junk.safetensors"
    junk.write_bytes(b"junk")
    with pytest.raises(ValueError, match=r"junk\.safetensors: not a readable safetensors file"):
        Estimator.load(junk)


def test_a_cold_start_imports_no_renderer_of_faces_nor_the_page() -> None:
    needless = ("warp", "gradio", "tensorboard", "skimage", "scipy", "trimesh", "torch.utils.tensorboard")
    code = f"import sys, ftb.estimate; print([name for name in {needless} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_rows_are_whole_and_name_files_that_are_no_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = tmp_path / "all.jsonl"
    _append(lines, {"photo": os.fsdecode(b"\xff.jpg")})
    _append(lines, {"photo": "ö.jpg"})
    before = lines.read_bytes()
    rows = [json.loads(line)["photo"] for line in before.splitlines()]
    assert [os.fsencode(name) for name in rows] == [b"\xff.jpg", "ö.jpg".encode()]

    class Full(io.FileIO):
        def write(self, content: bytes) -> int:
            return super().write(content[:3])

    with monkeypatch.context() as full:
        full.setattr(Path, "open", lambda path, *_, **__: Full(path, "a"))
        with pytest.raises(OSError, match=r"No space left on device: .*all\.jsonl"):
            _append(lines, {"photo": "another.jpg"})
    assert lines.read_bytes() == before
