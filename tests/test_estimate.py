"""From photograph and checkpoint to files; and the light as one map."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import ftb
from ftb.checkpoint import Checkpoint, save_checkpoint
from ftb.cli import cli
from ftb.config import load_config
from ftb.estimate import Estimator, to_envmap
from ftb.interop.hdr import read_environment
from ftb.interop.lighting_json import load_lighting
from ftb.maths import envmap, sh
from ftb.nets.base import build_network
from ftb.types import Lighting
from tests.fake_stream import TINY

BALLS = {f"ball_{name}.png" for name in ("matte", "gray", "silver", "mirror")}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    config = load_config(None, TINY)
    path = tmp_path / "model.safetensors"
    weights = build_network(config.network).state_dict()
    save_checkpoint(path, Checkpoint(config=config, step=0, groups={"ema": weights}))
    return path


@pytest.fixture
def photo(tmp_path: Path, generator: torch.Generator) -> Path:
    pixels = torch.randint(0, 255, (60, 48, 3), generator=generator, dtype=torch.uint8)
    path = tmp_path / "me.png"
    Image.fromarray(pixels.numpy()).save(path)
    return path


def estimate(*words: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(cli, ["estimate", "--device", "cpu", *map(str, words)])
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
    light = ftb.Estimator.load(checkpoint, device="cpu").estimate(photo)
    torch.testing.assert_close(written.sh_coeffs, light.sh_coeffs)
    assert ftb.render_ball(light, "mirror", size=32).shape == (32, 32, 3)


def test_a_bad_photo_does_not_stop_the_others(checkpoint: Path, photo: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing.jpg"
    code, said, errors = estimate(missing, photo, "--out", tmp_path / "light", "--checkpoint", checkpoint)
    assert code == 2
    assert "light from" in said
    assert errors == f"ftb: {missing}: no such photo\n"


def test_what_this_version_lacks_is_said(photo: Path, checkpoint: Path, tmp_path: Path) -> None:
    code, _, errors = estimate(photo, "--out", tmp_path / "x", "--checkpoint", checkpoint, "--crop", "face")
    assert code == 2
    assert "--crop face: not part of this version" in errors
    junk = tmp_path / "junk.safetensors"
    junk.write_bytes(b"junk")
    with pytest.raises(ValueError, match=r"junk\.safetensors: not a readable safetensors file"):
        Estimator.load(junk)


def _light(radius: float, *lead: int) -> Lighting:
    ambient = torch.zeros(*lead, 9, 3)
    ambient[..., 0, :] = 1.0
    return Lighting(
        sh_coeffs=ambient,
        key_dirs=torch.tensor([0.0, 0.6, 0.8]).expand(*lead, 1, 3),
        key_irradiance=torch.tensor([2.0, 1.0, 0.5]).expand(*lead, 1, 3),
        key_angular_radius=torch.full((*lead, 1), radius),
    )


@pytest.mark.parametrize("radius", [0.0, 0.01, 0.4])
@pytest.mark.parametrize("lead", [(), (2,)])
def test_one_map_holds_the_irradiance_of_environment_and_key(radius: float, lead: tuple[int, ...]) -> None:
    height = 64
    environment = to_envmap(_light(radius, *lead), height)
    cosines = (envmap.directions(height) @ torch.tensor([0.0, 0.6, 0.8])).clamp_min(0.0)
    received = (environment * (cosines * envmap.solid_angles(height))[..., None]).sum((-3, -2))
    # an even radiance 1 · Y₀ gives π · 0.282095
    expected = torch.tensor([2.0, 1.0, 0.5]) + math.pi * 0.28209479
    torch.testing.assert_close(received, expected.expand(*lead, 3), rtol=2e-3, atol=0.0)


def test_one_map_points_where_the_light_is() -> None:
    key = to_envmap(_light(0.05), 64) - 0.28209479
    direction, _ = sh.dominant_direction(sh.project_environment(key, 1))
    # a disc cut by texels is off its centre by a fraction of a texel, π/64
    torch.testing.assert_close(direction, torch.tensor([0.0, 0.6, 0.8]), rtol=0.0, atol=5e-3)
