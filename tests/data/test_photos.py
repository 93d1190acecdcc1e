"""Photographs of every kind are read upright, and cut without aliasing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ftb.data.photos import middle_square, read_photo

RAMP = np.tile(np.linspace(0, 255, 40).astype(np.uint8)[:, None, None], (1, 30, 3))  # dark on top


def saved(path: Path, picture: Image.Image, **options: object) -> Path:
    picture.save(path, **options)
    return path


def test_exif_orientation_turns_the_picture_upright(tmp_path: Path) -> None:
    sideways = Image.fromarray(RAMP).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    photo = read_photo(saved(tmp_path / "a.png", sideways, exif=exif))
    torch.testing.assert_close(photo, torch.from_numpy(RAMP / np.float32(255)))


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "RGBA", "LA", "1"])
def test_every_mode_becomes_three_channels(tmp_path: Path, mode: str) -> None:
    suffix = ".tif" if mode == "CMYK" else ".png"
    photo = read_photo(saved(tmp_path / f"a{suffix}", Image.fromarray(RAMP).convert(mode)))
    assert photo.shape == (40, 30, 3)
    assert photo.dtype == torch.float32
    assert 0.0 <= float(photo.min()) <= float(photo.max()) <= 1.0
    assert photo[-5:].mean() > photo[:5].mean() + 0.5


def test_sixteen_bit_grey_keeps_its_scale(tmp_path: Path) -> None:
    values = np.full((20, 20), 0.25 * 65535, dtype=np.uint16)
    photo = read_photo(saved(tmp_path / "a.png", Image.fromarray(values)))
    # a byte holds 0.25 to 1/510
    torch.testing.assert_close(photo, torch.full((20, 20, 3), 0.25), rtol=0.0, atol=1 / 510)


def test_what_is_clear_shows_mid_grey(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    photo = read_photo(saved(tmp_path / "a.png", clear))
    torch.testing.assert_close(photo, torch.full((20, 20, 3), 128 / 255))


def test_what_is_no_photograph_is_said_in_one_line(tmp_path: Path) -> None:
    note = tmp_path / "note.jpg"
    note.write_text("not a picture")
    broken = saved(tmp_path / "broken.png", Image.fromarray(RAMP))
    broken.write_bytes(broken.read_bytes()[:80])
    small = saved(tmp_path / "small.png", Image.new("RGB", (8, 30)))
    cases = {note: "expected a picture", broken: "could not be read", small: "got 8 × 30"}
    for path, message in cases.items():
        with pytest.raises(ValueError, match=message) as caught:
            read_photo(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(FileNotFoundError, match="no such photo"):
        read_photo(tmp_path / "missing.jpg")


def test_middle_square_is_centred_and_keeps_the_mean() -> None:
    photo = torch.zeros(64, 100, 3)
    photo[:, 18:82] = 0.5
    torch.testing.assert_close(middle_square(photo, 16), torch.full((16, 16, 3), 0.5))
    stripes = torch.zeros(64, 64, 3)
    stripes[:, ::4] = 1.0
    # without a filter some phase of every fourth pixel would be missed; over the area a quarter is white
    inner = middle_square(stripes, 16)[4:-4, 4:-4]
    torch.testing.assert_close(inner, torch.full((8, 8, 3), 0.25), rtol=0.0, atol=0.02)
