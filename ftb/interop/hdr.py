"""HDR images: equirect environments and linear pictures as OpenEXR, environments as Radiance .hdr too.

Environments are oriented as OpenEXR's latlong, which is the frame of `maths.envmap`: nothing is turned.
"""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import torch
from torch import Tensor

from ftb.interop.atomic import write_atomically
from ftb.maths import envmap
from ftb.maths.shapes import expect_shape
from ftb.quiet import quiet

# Environments of a directory are kept at this height: more than a diffuse or glossy surface can show.
DIRECTORY_HEIGHT = 64
_EXR_MAGIC = b"\x76\x2f\x31\x01"
# Bytes up to which an environment is written as it is: packing a smooth one saves a twentieth of its room.
_UNPACKED_BYTES = 1 << 20
_HDR_MAGIC = (b"#?RADIANCE", b"#?RGBE")
# Chromaticities of Rec. 709: x and y of red, green, blue and white.
_REC709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)


def read_environment(path: Path | str) -> Tensor:
    """An equirect map (H, 2H, 3) float32, linear radiance, from an .exr or .hdr file.

    Grey files become three equal channels, alpha is dropped. Raises ValueError in one line for what is
    not such a map: another format, damaged, not 2:1, NaN, infinite or negative values, other primaries.
    """
    path = Path(path)
    read = _READERS[_suffix(path, tuple(_READERS), "environment")]
    if not path.is_file():
        raise FileNotFoundError(f"environment: no file {path}")
    image = read(path)
    height, width = image.shape[:2]
    if width != 2 * height:
        raise ValueError(f"{path}: expected a map twice as wide as high, got {width} x {height} pixels")
    broken = int((~np.isfinite(image)).sum())
    if broken:
        raise ValueError(f"{path}: expected finite radiance, got NaN or infinity in {broken} values")
    negative = int((image < 0.0).sum())
    if negative:
        raise ValueError(
            f"{path}: expected radiance >= 0, got {negative} negative values, the lowest {image.min():.4g}"
        )
    return torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32))


def read_environment_dir(directory: Path | str) -> dict[str, Tensor]:
    """Every .exr and .hdr of a directory by file name, in the order of the names: maps (64, 128, 3).

    Resized by area, which keeps energy. Raises ValueError where there is none, or at the first bad file.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise FileNotFoundError(f"environments: no directory {directory}")
    files = sorted(path for path in directory.iterdir() if path.suffix.lower() in _READERS and path.is_file())
    if not files:
        raise ValueError(f"environments: expected .exr or .hdr files in {directory}, found none")
    return {path.name: envmap.resize(read_environment(path), DIRECTORY_HEIGHT) for path in files}


def write_environment(path: Path | str, environment: Tensor) -> None:
    """Write an equirect map (H, 2H, 3), linear, as .exr (float32, marked as latlong) or .hdr (8-bit RGBE).

    The file appears complete or not at all. Raises ValueError for values that no file should hold.
    """
    path = Path(path)
    write = _WRITERS[_suffix(path, tuple(_WRITERS), "environment")]
    expect_shape(environment, "H 2H 3", name="environment")
    image = environment.detach().cpu().to(torch.float32).numpy()
    if not (np.isfinite(image).all() and (image >= 0.0).all()):
        raise ValueError("environment: expected finite radiance >= 0, got NaN, infinite or negative values")
    write_atomically(path, lambda temporary: write(temporary, image))


def write_image_exr(path: Path | str, image_linear: Tensor) -> None:
    """Write a linear picture (H, W, 3), or (H, W, 4) with alpha, as a float32 .exr, atomically."""
    path = Path(path)
    _suffix(path, (".exr",), "image")
    if image_linear.ndim != 3 or image_linear.shape[-1] not in (3, 4):
        raise ValueError(f"image_linear: expected (H, W, 3) or (H, W, 4), got {tuple(image_linear.shape)}")
    image = np.ascontiguousarray(image_linear.detach().cpu().to(torch.float32).numpy())
    if not np.isfinite(image).all():
        raise ValueError(
            "image_linear: expected finite values, got NaN or infinite ones; is the light too bright?"
        )
    write_atomically(path, lambda temporary: _write_exr(temporary, image, {}))


def _suffix(path: Path, known: tuple[str, ...], what: str) -> str:
    suffix = path.suffix.lower()
    if suffix not in known:
        raise ValueError(f"{what}: expected a file that ends in {' or '.join(known)}, got {path}")
    return suffix


def _read_exr(path: Path) -> np.ndarray:
    """(H, W, 3) of the file's first part."""
    with path.open("rb") as file:
        if file.read(4) != _EXR_MAGIC:
            raise ValueError(f"{path}: expected an OpenEXR file, but its first bytes are another format's")
    try:
        with quiet():
            part = OpenEXR.File(str(path))
            header = part.header()
            channels = {name: channel.pixels for name, channel in part.channels().items()}
    except Exception as error:  # the bindings raise several kinds for damaged files
        raise ValueError(f"{path}: expected a readable OpenEXR file, it is damaged or cut off") from error
    found = header.get("chromaticities", _REC709)
    if not np.allclose(np.asarray(found, dtype=np.float64).ravel(), _REC709, atol=2e-3):
        raise ValueError(f"{path}: expected Rec. 709 primaries, got others; convert it first")
    for name in ("RGB", "RGBA", "Y"):
        if name in channels:
            pixels = channels[name]
            return pixels[..., :3] if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=-1)
    raise ValueError(f"{path}: expected channels R, G, B or Y, got {', '.join(channels) or 'none'}")


def _read_hdr(path: Path) -> np.ndarray:
    """(H, W, 3) of a Radiance file."""
    content = path.read_bytes()
    if not content.startswith(_HDR_MAGIC):
        raise ValueError(f"{path}: expected a Radiance .hdr file, but its first bytes are another format's")
    # From memory, because OpenCV does not open every path on every system.
    try:
        with quiet():
            blue_first = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ValueError(f"{path}: expected a readable Radiance file, it is damaged or cut off") from error
    if blue_first is None or blue_first.ndim != 3 or blue_first.dtype != np.float32:
        raise ValueError(f"{path}: expected a readable Radiance file, it is damaged or cut off")
    return blue_first[..., 2::-1]


def _write_exr(path: Path, image: np.ndarray, attributes: dict[str, object]) -> None:
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **attributes}
    try:
        OpenEXR.File(header, {"RGBA" if image.shape[-1] == 4 else "RGB": image}).write(str(path))
    except RuntimeError as error:  # the bindings' word for a full disk; it begins with the file's name
        reason = str(error).rsplit('". ', 1)[-1]
        raise OSError(f"{path.parent}: could not write an OpenEXR file there: {reason}") from error


def _write_exr_environment(path: Path, image: np.ndarray) -> None:
    attributes: dict[str, object] = {"envmap": OpenEXR.ENVMAP_LATLONG}
    if image.nbytes <= _UNPACKED_BYTES:
        attributes["compression"] = OpenEXR.NO_COMPRESSION
    _write_exr(path, np.ascontiguousarray(image), attributes)


def _write_hdr_environment(path: Path, image: np.ndarray) -> None:
    with quiet():  # OpenCV encodes this format through a temporary file of its own
        done, content = cv2.imencode(".hdr", np.ascontiguousarray(image[..., ::-1]))
    if not done:
        reason = (
            f"could not write it as Radiance, for which OpenCV needs room in {tempfile.gettempdir()}, too"
        )
        raise OSError(errno.EIO, reason, str(path))
    path.write_bytes(content.tobytes())


_READERS: dict[str, Callable[[Path], np.ndarray]] = {".exr": _read_exr, ".hdr": _read_hdr}
_WRITERS: dict[str, Callable[[Path, np.ndarray], None]] = {
    ".exr": _write_exr_environment,
    ".hdr": _write_hdr_environment,
}
