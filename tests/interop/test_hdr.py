"""HDR files: what is written comes back, and what is no environment says so in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest
import torch
from torch import Tensor

from ftb.interop import hdr
from ftb.maths import envmap


def write_exr(path: Path, channels: dict[str, np.ndarray], **attributes: object) -> Path:
    """An EXR by the library alone."""
    OpenEXR.File({"type": OpenEXR.scanlineimage, **attributes}, channels).write(str(path))
    return path


def colors(height: int = 8) -> Tensor:
    """A map whose channels differ strongly, with very small and very large values."""
    ramp = torch.linspace(0.0, 1.0, 2 * height * height).reshape(height, 2 * height)
    return torch.stack((1000.0 * ramp, ramp + 0.5, 0.01 * ramp.flip(1)), dim=-1)


def test_exr_comes_back_bitwise(tmp_path: Path) -> None:
    hdr.write_environment(tmp_path / "new" / "sky.exr", colors())
    assert torch.equal(hdr.read_environment(tmp_path / "new" / "sky.exr"), colors())
    assert OpenEXR.File(str(tmp_path / "new" / "sky.exr")).header()["envmap"] == OpenEXR.ENVMAP_LATLONG
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["sky.exr"]


def test_hdr_comes_back_within_its_precision(tmp_path: Path) -> None:
    hdr.write_environment(tmp_path / "sky.hdr", colors())
    value = hdr.read_environment(str(tmp_path / "sky.hdr"))
    # Three mantissas of 8 bits share the exponent of the largest channel.
    bound = colors().amax(dim=-1, keepdim=True) / 128.0
    assert bool(((value - colors()).abs() <= bound).all())


def test_hdr_channels_are_in_order(tmp_path: Path) -> None:
    # Written byte by byte as the format says: (r, g, b, e) is (r, g, b)/256 · 2^(e − 128).
    pixels = bytes([200, 100, 50, 129]) * 8
    (tmp_path / "a.hdr").write_bytes(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 2 +X 4\n" + pixels)
    value = hdr.read_environment(tmp_path / "a.hdr")
    expected = torch.tensor([200.0, 100.0, 50.0]) / 128.0
    torch.testing.assert_close(value, expected.expand(2, 4, 3), atol=0.01, rtol=0)


def test_half_alpha_and_grey(tmp_path: Path) -> None:
    half = colors().numpy().astype(np.float16)
    alpha = np.concatenate([half, np.ones_like(half[..., :1])], axis=-1)
    value = hdr.read_environment(write_exr(tmp_path / "alpha.exr", {"RGBA": alpha}))
    assert torch.equal(value, torch.from_numpy(half.astype(np.float32)))
    grey = hdr.read_environment(write_exr(tmp_path / "grey.exr", {"Y": np.ascontiguousarray(half[..., 1])}))
    assert torch.equal(grey, value[..., 1:2].expand(-1, -1, 3))


def test_suffix_in_capitals(tmp_path: Path) -> None:
    hdr.write_environment(tmp_path / "SKY.EXR", colors())
    assert torch.equal(hdr.read_environment(tmp_path / "SKY.EXR"), colors())


def nan(path: Path) -> None:
    image = colors().numpy().copy()
    image[2, 3, 1] = np.nan
    image[4, 5, 0] = np.inf
    write_exr(path, {"RGB": image})


def negative(path: Path) -> None:
    image = colors().numpy().copy()
    image[2, 3, 1] = -0.25
    write_exr(path, {"RGB": image})


def square(path: Path) -> None:
    write_exr(path, {"RGB": np.ones((8, 8, 3), np.float32)})


def text(path: Path) -> None:
    path.write_text("a shopping list")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut_off(path: Path) -> None:
    hdr.write_environment(path, torch.rand(64, 128, 3, generator=torch.Generator().manual_seed(0)))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def header_only(path: Path) -> None:
    hdr.write_environment(path, colors())
    path.write_bytes(path.read_bytes()[:30])


def picture(path: Path) -> None:
    path.write_bytes(cv2.imencode(".png", np.zeros((8, 16, 3), np.uint8))[1].tobytes())


def other_primaries(path: Path) -> None:
    aces = (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767)
    write_exr(path, {"RGB": colors().numpy()}, chromaticities=aces)


def depth_only(path: Path) -> None:
    write_exr(path, {"Z": np.ones((8, 16), np.float32)})


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("a.exr", nan, "NaN or infinity in 2 values"),
        ("a.exr", negative, "1 negative values, the lowest -0.25"),
        ("a.exr", square, "twice as wide as high, got 8 x 8"),
        ("a.exr", text, "expected an OpenEXR file"),
        ("a.exr", empty, "expected an OpenEXR file"),
        ("a.exr", cut_off, "damaged or cut off"),
        ("a.exr", header_only, "damaged or cut off"),
        ("a.exr", picture, "expected an OpenEXR file"),
        ("a.exr", other_primaries, "expected Rec. 709 primaries"),
        ("a.exr", depth_only, "expected channels R, G, B or Y, got Z"),
        ("a.hdr", text, "expected a Radiance .hdr file"),
        ("a.hdr", empty, "expected a Radiance .hdr file"),
        ("a.hdr", cut_off, "damaged or cut off"),
        ("a.hdr", header_only, "damaged or cut off"),
        ("a.hdr", picture, "expected a Radiance .hdr file"),
        ("a.png", picture, "expected a file that ends in .exr or .hdr"),
    ],
)
def test_bad_files(
    name: str, make: Callable[[Path], None], message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / name)
    capfd.readouterr()
    with pytest.raises(ValueError, match=message) as caught:
        hdr.read_environment(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)
    printed = capfd.readouterr()
    assert printed.out == printed.err == ""


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="environment: no file"):
        hdr.read_environment(tmp_path / "none.exr")
    with pytest.raises(FileNotFoundError, match="environments: no directory"):
        hdr.read_environment_dir(tmp_path / "none")


def test_directories_are_sorted_and_keep_energy(tmp_path: Path, generator: torch.Generator) -> None:
    maps = {name: torch.rand(96, 192, 3, generator=generator) for name in ("b.exr", "a.hdr", "c.EXR")}
    for name, environment in maps.items():
        hdr.write_environment(tmp_path / name, environment)
    (tmp_path / "readme.txt").write_text("not an environment")
    found = hdr.read_environment_dir(tmp_path)
    assert list(found) == ["a.hdr", "b.exr", "c.EXR"]
    for name, environment in found.items():
        assert environment.shape == (64, 128, 3)
        before = (maps[name] * envmap.solid_angles(96)[..., None]).sum(dim=(0, 1))
        after = (environment * envmap.solid_angles(64)[..., None]).sum(dim=(0, 1))
        torch.testing.assert_close(after, before, rtol=5e-3, atol=0)


def test_bad_directories(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected \.exr or \.hdr files in .*, found none"):
        hdr.read_environment_dir(tmp_path)
    hdr.write_environment(tmp_path / "a.exr", colors())
    text(tmp_path / "b.exr")
    with pytest.raises(ValueError, match=r"b\.exr: expected an OpenEXR file"):
        hdr.read_environment_dir(tmp_path)


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_what_no_file_should_hold_is_not_written(value: float, tmp_path: Path) -> None:
    for name in ("a.exr", "a.hdr"):
        with pytest.raises(ValueError, match="expected finite radiance >= 0"):
            hdr.write_environment(tmp_path / name, torch.full((2, 4, 3), value))
    with pytest.raises(ValueError, match="expected a file that ends in"):
        hdr.write_environment(tmp_path / "a.png", torch.ones(2, 4, 3))
    with pytest.raises(ValueError, match=r"environment: expected \(H, 2H, 3\)"):
        hdr.write_environment(tmp_path / "a.exr", torch.ones(4, 4, 3))
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hdr.write_environment(tmp_path / "a.exr", colors())

    def broken(path: Path, image: np.ndarray) -> None:
        path.write_bytes(b"half a fi")
        raise OSError("no space left")

    monkeypatch.setitem(hdr._WRITERS, ".exr", broken)
    with pytest.raises(OSError, match="no space left"):
        hdr.write_environment(tmp_path / "a.exr", 2.0 * colors())
    assert torch.equal(hdr.read_environment(tmp_path / "a.exr"), colors())
    assert [path.name for path in tmp_path.iterdir()] == ["a.exr"]


def test_pictures_may_be_of_any_shape_and_negative(tmp_path: Path) -> None:
    for channels, name in ((3, "RGB"), (4, "RGBA")):
        picture_linear = torch.linspace(-1.0, 2.0, 5 * 7 * channels).reshape(5, 7, channels)
        hdr.write_image_exr(tmp_path / "a.exr", picture_linear)
        pixels = OpenEXR.File(str(tmp_path / "a.exr")).channels()[name].pixels
        assert np.array_equal(pixels, picture_linear.numpy())
    with pytest.raises(ValueError, match="image_linear: expected"):
        hdr.write_image_exr(tmp_path / "a.exr", torch.ones(5, 7))
    with pytest.raises(ValueError, match="expected finite values"):
        hdr.write_image_exr(tmp_path / "a.exr", torch.full((5, 7, 3), torch.inf))


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def __init__(self, *contents: object) -> None:
            pass

        def write(self, path: str) -> None:
            raise RuntimeError(f'Failed to write pixel data to image file "{path}". No space left on device.')

    monkeypatch.setattr("ftb.interop.hdr.OpenEXR.File", Full)
    with pytest.raises(OSError, match=r"could not write an OpenEXR file there: No space left on device\.$"):
        hdr.write_environment(tmp_path / "a.exr", torch.ones(4, 8, 3))
    assert list(tmp_path.iterdir()) == []
