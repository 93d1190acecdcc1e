"""Decoding of picture files: one path from any format and mode to reduced, upright sRGB bytes.

Pillow decodes; TIFFs of a layout that it does not know go through imageio. Memory is bounded: JPEG is
decoded at a fraction of its size, everything else reduced before it is converted.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import math
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from ftb.quiet import quiet

# What a camera, a telephone or an editor writes; not what needs a program to interpret, such as EPS. JPEG
# includes the several pictures in one file that telephones write.
_WANTED = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "AVIF", "HEIF")
MOST_PIXELS = 150_000_000
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_GROUND_U8 = 128
_SRGB = ImageCms.createProfile("sRGB")


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """pixels_u8 (H, W, 3) upright; scale: pixels of the file per pixel; focal_35mm from EXIF, if valid."""

    pixels_u8: np.ndarray
    scale: float
    focal_35mm: float | None


def decode(path: Path, working_size: int) -> Decoded:
    """The picture of a file; ValueError in one line for what cannot be read as one."""
    if _is_heif(path) and "HEIF" in _formats() and not _survives(path):
        raise ValueError(f"{path}: could not be read as a picture: damaged HEIC")
    try:
        with quiet(), Image.open(path, formats=_formats()) as opened:
            return _decoded(opened, path, working_size)
    except _Refused:
        raise
    except Image.DecompressionBombError as error:  # Pillow's limit, above ours
        raise ValueError(
            f"{path}: expected at most {MOST_PIXELS // 1_000_000} megapixels, got more"
        ) from error
    except UnidentifiedImageError as error:
        if path.suffix.lower() in (".tif", ".tiff"):
            return _decoded_tiff(path, working_size)
        raise ValueError(f"{path}: expected a picture such as JPEG or PNG, got {_kind_of(path)}") from error
    except Exception as error:  # decoders raise many kinds for damaged files
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path}: could not be read as a picture: {reason}") from error


class _Refused(ValueError):
    """A picture that is understood and not accepted; the message is complete."""


@lru_cache(maxsize=1)
def _formats() -> tuple[str, ...]:
    """Those of the wanted formats that this installation reads."""
    Image.init()
    # Optional at run time: an installation without wheels for it reads everything else.
    if importlib.util.find_spec("pi_heif") is not None:
        importlib.import_module("pi_heif").register_heif_opener()
    return tuple(name for name in _WANTED if name in Image.OPEN)


# What a process of its own does with a HEIC file first.
_PROBE = "import sys, pi_heif; pi_heif.open_heif(sys.argv[1])[0].data"
_LONGEST_SECONDS = 60


def _survives(path: Path) -> bool:
    """Whether the decoder of HEIC, which damaged files can crash, would take this program along or hang."""
    command = [sys.executable, "-c", _PROBE, path.resolve()]
    try:
        return subprocess.run(command, capture_output=True, timeout=_LONGEST_SECONDS).returncode >= 0
    except subprocess.TimeoutExpired:
        return False


def _is_heif(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(12)
    return head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS


def _kind_of(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(16)
    if _is_heif(path):
        return "damaged HEIC" if "HEIF" in _formats() else "HEIC; install pi-heif to read it"
    return "an empty file" if not head else "something else"


def _decoded(opened: Image.Image, path: Path, working_size: int) -> Decoded:
    width, height = opened.size
    if width * height > MOST_PIXELS:
        most = MOST_PIXELS // 1_000_000
        raise _Refused(f"{path}: expected at most {most} megapixels, got {width} × {height} pixels")
    if opened.format == "HEIF" and opened.mode == "I;16":
        # pi-heif believes the header's depth, and writes beyond pixels of 8 bits that a damaged one calls 12.
        raise _Refused(f"{path}: expected 8 bits a channel of a grey HEIC, got more; export it as PNG")
    if opened.format == "TIFF" and _is_misread(opened.getexif()):
        return _decoded_tiff(path, working_size)
    profile = opened.info.get("icc_profile")
    share = min(1.0, working_size / max(width, height))
    # JPEG decodes at 1/2, 1/4 or 1/8 in less time and memory; other formats ignore this.
    opened.draft(None, (max(1, int(width * share)), max(1, int(height * share))))
    opened.load()
    # Only now: Pillow turns TIFFs itself, and a PNG may have its EXIF behind the pixels.
    exif = opened.getexif()
    focal, orientation = _focal_35mm(exif, (width, height)), exif.get(ExifTags.Base.Orientation, 1)
    if opened.mode == "F":
        raise _Refused(f"{path}: expected 8 or 16 bits a channel, got floating point; export it as sRGB")
    picture = _as_srgb(_reduced(opened, working_size), profile)
    if orientation in _TURNS:
        picture = picture.transpose(_TURNS[orientation])
    scale = max(width, height) / max(picture.size)
    return Decoded(pixels_u8=np.array(picture, dtype=np.uint8), scale=scale, focal_35mm=focal)


def _is_misread(tags: Image.Exif) -> bool:
    """Whether Pillow would take a TIFF's planes of 16 bits for pixels."""
    bits = tags.get(ExifTags.Base.BitsPerSample, 8)
    deep = max(bits) > 8 if isinstance(bits, tuple) else int(bits) > 8
    return deep and tags.get(ExifTags.Base.PlanarConfiguration, 1) == 2


# EXIF 2.32, section 4.6.4: how the stored picture has to be turned to be upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _reduced(picture: Image.Image, working_size: int) -> Image.Image:
    """Shrunk by a whole factor, box-filtered, while the longer side stays at least `working_size`."""
    if picture.mode.startswith("I"):  # 16-bit grey: Pillow would clip it instead of scaling it
        return Image.fromarray(_bytes_of(np.asarray(picture), working_size, 65535.0))
    factor = max(picture.size) // working_size
    if factor < 2:
        return picture
    if picture.mode in ("P", "PA", "1") or "transparency" in picture.info:
        # palette numbers have no mean
        picture = picture.convert("RGBA" if _has_alpha(picture) else "RGB")
    return picture.reduce(factor)


def _bytes_of(values: np.ndarray, working_size: int, white: float) -> np.ndarray:
    """Whole numbers (H, W) or (H, W, C) up to `white` as bytes, shrunk by a whole factor."""
    factor = max(1, max(values.shape[:2]) // working_size)
    rows, columns = (size // factor * factor for size in values.shape[:2])
    cells = values[:rows, :columns].reshape(rows // factor, factor, columns // factor, factor, -1)
    mean = cells.mean(axis=(1, 3), dtype=np.float32).clip(0.0, white)
    pixels_u8 = (mean * (255.0 / white)).round().astype(np.uint8)
    return pixels_u8[..., 0] if values.ndim == 2 else pixels_u8


def _has_alpha(picture: Image.Image) -> bool:
    return picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info


def _as_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB, sRGB-encoded: alpha over mid-grey, the embedded colour profile applied."""
    alpha = None
    if _has_alpha(picture):
        layer = picture.convert("RGBA")
        alpha = layer.getchannel("A")
        picture = picture.convert("L") if picture.mode in ("LA", "La") else layer.convert("RGB")
    if profile:
        picture = _through_profile(picture, profile)
    picture = picture.convert("RGB")
    if alpha is not None:
        ground = Image.new("RGB", picture.size, (_GROUND_U8,) * 3)
        picture = Image.composite(picture, ground, alpha)
    return picture


def _through_profile(picture: Image.Image, profile: bytes) -> Image.Image:
    """Converted from an ICC profile; a profile that is damaged, or of another kind of picture, is ignored."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        turned = picture if picture.mode in ("RGB", "L", "CMYK") else picture.convert("RGB")
        return ImageCms.profileToProfile(turned, source, _SRGB, outputMode="RGB") or picture
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return picture


def _focal_35mm(exif: Image.Exif, size: tuple[int, int]) -> float | None:
    """The focal length over 35 mm film, where EXIF gives one and the picture is not a part of the frame."""
    details = exif.get_ifd(ExifTags.IFD.Exif)
    try:
        focal = float(details.get(ExifTags.Base.FocalLengthIn35mmFilm) or 0.0)
        frame = [float(details.get(tag) or 0.0) for tag in (_FRAME_WIDTH, _FRAME_HEIGHT)]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    if not 8.0 <= focal <= 2000.0:
        return None
    if min(frame) > 0.0:
        ratio = max(size) / min(size) * min(frame) / max(frame)
        if not math.isclose(ratio, 1.0, rel_tol=0.03):
            return None
    return focal


_FRAME_WIDTH, _FRAME_HEIGHT = ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight


def _decoded_tiff(path: Path, working_size: int) -> Decoded:
    """A TIFF that Pillow does not know: planar, or with bit depths of science."""
    try:
        with quiet():
            held = imageio.improps(path, plugin="tifffile", index=0)
            if math.prod(held.shape) * np.dtype(held.dtype).itemsize > 6 * MOST_PIXELS:
                kind = f"{held.dtype} of shape {held.shape}"
                raise _Refused(f"{path}: expected at most {MOST_PIXELS // 1_000_000} megapixels, got {kind}")
            values = np.asarray(imageio.imread(path, plugin="tifffile", index=0))
    except _Refused:
        raise
    except Exception as error:  # as many kinds as there are decoders
        raise ValueError(f"{path}: could not be read as a TIFF") from error
    if values.ndim == 3 and values.shape[0] in (3, 4) and values.shape[-1] not in (3, 4):
        values = np.moveaxis(values, 0, -1)  # planar
    whole = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0}
    flat = values.ndim == 2 or (values.ndim == 3 and values.shape[-1] >= 3)
    if values.dtype not in whole or not flat or not values.size:
        kind = f"{values.dtype} of shape {values.shape}"
        raise ValueError(f"{path}: expected a TIFF of 8 or 16 bits, grey or RGB, got {kind}")
    picture = _bytes_of(values[..., :3] if values.ndim == 3 else values, working_size, whole[values.dtype])
    scale = max(values.shape[:2]) / max(picture.shape[:2])
    return Decoded(pixels_u8=np.array(Image.fromarray(picture).convert("RGB")), scale=scale, focal_35mm=None)
