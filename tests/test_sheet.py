"""Tiles, balls and marks on a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from ftb.cli import cli
from ftb.interop.hdr import write_environment
from ftb.maths.sphere import ball_normals
from ftb.sheet import (
    BACKGROUND_U8,
    CAPTION_HEIGHT,
    GAP,
    Mark,
    ball_rgba_u8,
    compose,
    mark_directions,
    tiles_from_srgb,
)


def test_a_ball_has_straight_alpha_and_no_dark_rim() -> None:
    mask = ball_normals(64)[1]
    pixels = ball_rgba_u8(0.215861 * mask[..., None].expand(64, 64, 3).float())
    seen = pixels[pixels[..., 3] > 0]
    # 0.215861 encodes to 128/255: every pixel with any cover has that colour, unmixed
    assert np.unique(seen[:, :3]).tolist() == [128]
    assert pixels[0, 0, 3] == 0
    assert abs(float(pixels[..., 3].mean()) / 255 - np.pi / 4) < 1e-3


def test_groups_stand_in_rows() -> None:
    tiles = [[np.full((8, 8, 3), 10 * group + part, np.uint8) for part in range(2)] for group in range(5)]
    sheet = compose(tiles, ["a", "b"], columns=3)
    group_width = 2 * (8 + GAP) + 2 * GAP
    assert sheet.shape == (2 * (8 + GAP) + CAPTION_HEIGHT + GAP, 3 * group_width + GAP, 3)
    assert sheet[CAPTION_HEIGHT, 2 * GAP, 0] == 0
    assert sheet[CAPTION_HEIGHT, 2 * GAP + 8 + GAP, 0] == 1
    assert sheet[CAPTION_HEIGHT + 8 + GAP, 2 * GAP + group_width, 0] == 40
    assert tuple(sheet[-1, -1]) == BACKGROUND_U8


@pytest.mark.parametrize(
    ("direction", "row", "column"),
    [
        ((1.0, 0.0, 0.0), 50, 96),
        ((0.0, 1.0, 0.0), 4, 50),
        ((0.0, 0.0, 1.0), 50, 50),
        ((-0.6, -0.8, 0.0), 87, 22),
    ],
)
def test_marks_stand_where_the_normal_is(direction: tuple[float, ...], row: int, column: int) -> None:
    mark = Mark(direction=direction, label="", color_u8=(255, 0, 0))
    marked = mark_directions(np.zeros((100, 100, 3), np.uint8), (mark,))
    assert tuple(marked[row, column]) == (255, 0, 0)
    assert tuple(marked[99 - row, 99 - column]) == ((0, 0, 0) if row != 50 or column != 50 else (255, 0, 0))


def test_render_sphere_shows_the_side_the_light_comes_from(tmp_path: Path) -> None:
    environment = torch.full((32, 64, 3), 0.05)
    environment[:, 12:20] = 5.0  # about +X, at a quarter of the width
    write_environment(tmp_path / "light.exr", environment)
    words = ["render-sphere", str(tmp_path / "light.exr"), "--size", "64", "--material", "matte"]
    for name in ("ball.png", "ball.exr"):
        done = CliRunner().invoke(cli, [*words, "--out", str(tmp_path / name)])
        assert done.exit_code == 0, done.output
    ball = np.asarray(Image.open(tmp_path / "ball.png")).astype(float)
    assert ball[32, 48, 0] > 1.3 * ball[32, 16, 0]
    refused = CliRunner().invoke(cli, [*words, "--out", str(tmp_path / "axes.exr"), "--axes"])
    assert refused.exit_code == 2
    assert not (tmp_path / "axes.exr").exists()


@pytest.mark.parametrize("size", [180, 224, 256, 300])
def test_tiles_show_the_same_picture_at_any_size(size: int) -> None:
    """Sixteen waves across, against themselves drawn at the tile's size."""
    waves = [0.5 + 0.4 * np.sin(2 * np.pi * 16 * (np.arange(n) + 0.5) / n) for n in (256, size)]
    picture, expected = (np.repeat(np.tile(w, (len(w), 1))[..., None], 3, axis=2) for w in waves)
    tile = tiles_from_srgb(torch.from_numpy(picture)[None].float(), size)[0] / 255.0
    # 0.03: what Lanczos makes of them at 180 pixels, and the rounding of bytes
    assert np.abs(tile - expected)[:, 3:-3].max() < 0.03


def test_much_smaller_tiles_do_not_alias() -> None:
    stripes = (torch.arange(256) % 2).float()[None, None, :, None].expand(1, 256, 256, 3)
    (tile,) = tiles_from_srgb(stripes, 40)
    assert np.abs(tile[:, 3:-3].astype(int) - 128).max() < 12
