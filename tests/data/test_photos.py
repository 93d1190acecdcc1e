"""Photographs of every kind are read upright, and cut without aliasing."""

from __future__ import annotations

from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
import torch
from PIL import ExifTags, Image, ImageCms

from ftb.data import photo_decode
from ftb.data.photos import middle_square, open_photo, photo_from_array, portrait_square, read_photo
from tests.data.heic import HEIC

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


def test_a_portrait_is_used_whole_and_a_long_photo_in_its_middle() -> None:
    tall = torch.linspace(0.0, 1.0, 50)[:, None, None].expand(50, 40, 3)
    square = portrait_square(tall, 50)
    torch.testing.assert_close(square[:, 25], tall[:, 0], atol=1e-5, rtol=0.0)
    assert square[0].max() < 0.01, "the top of the picture is the top of the square"
    wide = torch.linspace(0.0, 1.0, 60)[None, :, None].expand(40, 60, 3)
    torch.testing.assert_close(portrait_square(wide, 40), middle_square(wide, 40))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation(tmp_path: Path, orientation: int) -> None:
    corners = np.zeros((40, 30, 3), dtype=np.uint8)
    corners[:10, :10, 0], corners[:10, -10:, 1] = 255, 255  # red at the left top, green at the right top
    # what a camera stores: turned back from upright
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = Image.fromarray(corners)
    if orientation in undo:
        stored = stored.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    read = open_photo(saved(tmp_path / "a.tif", stored, exif=exif)).pixels_u8
    assert np.array_equal(read, corners)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".bmp", ".gif", ".avif"])
def test_every_format(tmp_path: Path, suffix: str) -> None:
    read = open_photo(saved(tmp_path / f"a{suffix}", Image.fromarray(RAMP))).pixels_u8
    # lossy compression and a palette of 256
    assert np.abs(read.astype(int) - RAMP).max() <= 12


def test_heic(tmp_path: Path) -> None:
    pytest.importorskip("pi_heif", reason="needs pi-heif, for which there is no wheel here")
    (tmp_path / "a.heic").write_bytes(HEIC)
    read = open_photo(tmp_path / "a.heic").pixels_u8
    assert read.shape == (48, 32, 3)
    assert read[:8].mean() < 40 < 200 < read[-8:].mean()


def test_a_grey_heic_that_claims_more_bits_is_refused_unread(tmp_path: Path) -> None:
    """pi-heif 1.4 would write beyond its memory, which ends the process, now or later."""
    pytest.importorskip("pi_heif", reason="needs pi-heif, for which there is no wheel here")
    # hvcC, ISO/IEC 14496-15, 8.3.3.1.2: chroma format 1 to 0, luma from 8 to 12 bits
    before, after = b"\xf0\x00\xfc\xfd\xf8\xf8", b"\xf0\x00\xfc\xfc\xfc\xf8"
    assert HEIC.count(before) == 1
    (tmp_path / "a.heic").write_bytes(HEIC.replace(before, after))
    with pytest.raises(ValueError, match=r"a\.heic: expected 8 bits a channel of a grey HEIC") as caught:
        open_photo(tmp_path / "a.heic")
    assert "\n" not in str(caught.value)


def test_damaged_heic(tmp_path: Path) -> None:
    pytest.importorskip("pi_heif", reason="needs pi-heif, for which there is no wheel here")
    (tmp_path / "a.heic").write_bytes(HEIC[:200])
    (tmp_path / "b.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(50))
    for name in ("a.heic", "b.heic"):
        with pytest.raises(ValueError, match=r"could not be read|damaged HEIC") as caught:
            open_photo(tmp_path / name)
        assert "install" not in str(caught.value)


def test_sixteen_bit_colour_in_every_layout(tmp_path: Path, generator: torch.Generator) -> None:
    values = torch.randint(0, 65536, (24, 20, 3), generator=generator, dtype=torch.int32)
    sixteen = values.numpy().astype(np.uint16)
    imageio.imwrite(tmp_path / "a.tif", sixteen, plugin="tifffile")
    planar = {"planarconfig": "separate", "photometric": "rgb"}
    imageio.imwrite(tmp_path / "b.tif", np.moveaxis(sixteen, -1, 0), plugin="tifffile", **planar)
    for name in ("a.tif", "b.tif"):
        read = open_photo(tmp_path / name).pixels_u8
        assert np.abs(read - sixteen / 257.0).max() <= 1.0, name


def test_an_embedded_profile_is_applied(tmp_path: Path) -> None:
    # sRGB with red and green exchanged in the profile: its red is our green
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    picture = Image.new("RGB", (20, 20), (200, 90, 30))
    for suffix in (".png", ".jpg", ".tif"):
        path = saved(tmp_path / f"a{suffix}", picture, icc_profile=bytes(profile))
        assert np.abs(open_photo(path).pixels_u8[5, 5].astype(int) - (90, 200, 30)).max() <= 3, suffix
    path = saved(tmp_path / "b.png", picture, icc_profile=b"no profile at all")
    assert np.abs(open_photo(path).pixels_u8[5, 5].astype(int) - (200, 90, 30)).max() == 0


def test_large_pictures_are_reduced_and_say_so(tmp_path: Path) -> None:
    large = Image.fromarray(RAMP).resize((3000, 4000))
    small = np.asarray(Image.fromarray(RAMP).resize((750, 1000), Image.Resampling.BOX)).astype(int)
    for suffix, mode in ((".jpg", "RGB"), (".png", "P"), (".png", "LA"), (".tif", "CMYK"), (".png", "I;16")):
        kind = Image.fromarray(np.asarray(large)[..., 0].astype(np.uint16) * 257) if mode == "I;16" else None
        photo = open_photo(saved(tmp_path / f"a{suffix}", kind or large.convert(mode)), 1000)
        assert photo.pixels_u8.shape == (1000, 750, 3), mode
        assert photo.scale == 4.0
        # the edges of the enlargement are filtered in another order
        assert np.abs(photo.pixels_u8 - small)[20:-20].mean() < 8, mode


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({}, None),
        ({ExifTags.Base.FocalLengthIn35mmFilm: 85}, 85.0),
        ({ExifTags.Base.FocalLengthIn35mmFilm: 0}, None),
        (
            {ExifTags.Base.FocalLengthIn35mmFilm: 26, ExifTags.Base.ExifImageWidth: 40,
             ExifTags.Base.ExifImageHeight: 30},
            26.0,
        ),
        (  # cropped since it was taken
            {ExifTags.Base.FocalLengthIn35mmFilm: 26, ExifTags.Base.ExifImageWidth: 400,
             ExifTags.Base.ExifImageHeight: 400},
            None,
        ),
    ],
)  # fmt: skip
def test_focal_length(tmp_path: Path, details: dict[int, int], expected: float | None) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif).update(details)
    photo = open_photo(saved(tmp_path / "a.jpg", Image.fromarray(RAMP), exif=exif))
    assert photo.focal_35mm == expected
    focal = (expected or 40.0) * 50.0 / np.hypot(36.0, 24.0)  # the diagonal of 40 × 30 is 50
    assert photo.focal_px == pytest.approx(focal)


def test_what_is_refused(tmp_path: Path) -> None:
    floating = saved(tmp_path / "a.tif", Image.fromarray(np.ones((20, 20), dtype=np.float32)))
    with pytest.raises(ValueError, match="expected 8 or 16 bits a channel, got floating point"):
        open_photo(floating)
    huge = tmp_path / "b.png"
    Image.new("1", (20000, 8000)).save(huge)
    with pytest.raises(ValueError, match="expected at most 150 megapixels, got 20000 × 8000 pixels"):
        open_photo(huge)
    Image.new("1", (14000, 14000)).save(huge)  # more than Pillow itself opens
    with pytest.raises(ValueError, match="expected at most 150 megapixels, got more"):
        open_photo(huge)
    with pytest.raises(ValueError, match="expected a photo, got a folder; name the photos in it"):
        open_photo(tmp_path)
    script = tmp_path / "c.eps"
    script.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\n")
    with pytest.raises(ValueError, match="expected a picture"):
        open_photo(script)


def test_pictures_in_memory() -> None:
    for values in (
        RAMP,
        RAMP / 255.0,
        torch.from_numpy(RAMP),
        Image.fromarray(RAMP),
        torch.from_numpy(RAMP) / 255,
    ):
        assert np.array_equal(photo_from_array(values).pixels_u8, RAMP)
    assert photo_from_array(RAMP[..., 0]).pixels_u8.shape == (40, 30, 3)
    for bad, message in (
        (RAMP.astype(np.int64), "expected uint8, or floating point"),
        (RAMP.astype(np.float32), r"expected sRGB-encoded numbers in \[0, 1\]"),
        (np.full((20, 20, 3), np.nan), r"expected sRGB-encoded numbers in \[0, 1\]"),
        (RAMP[None], r"expected \(H, W, 3\) or \(H, W\), got \(1, 40, 30, 3\)"),
        (RAMP[:5], "expected at least 16 × 16 pixels, got 30 × 5"),
    ):
        with pytest.raises(ValueError, match=message):
            photo_from_array(bad)


def test_a_decoder_that_crashes_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pi_heif", reason="needs pi-heif: pip install pi-heif")
    monkeypatch.setattr(photo_decode, "_PROBE", "import os; os.abort()")
    (tmp_path / "me.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    with pytest.raises(ValueError, match=r"me\.heic: could not be read as a picture: damaged HEIC"):
        open_photo(tmp_path / "me.heic")
