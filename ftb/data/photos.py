"""Photographs: read whatever a camera or an editor wrote, upright, in sRGB, and cut to a square."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from ftb.data.photo_decode import decode
from ftb.maths.shapes import expect_shape

LEAST_SIZE = 16
# The longer side that is enough to find a face and to see its light, pixels.
WORKING_SIZE = 1600
# Long over short side up to which a portrait is used whole.
WHOLE_UP_TO = 1.25
# Stands in for cameras that do not tell theirs, between a telephone's 26 mm and a portrait's 85 mm.
DEFAULT_FOCAL_35MM = 40.0
# Diagonal of 35 mm film, which equivalent focal lengths refer to (CIPA DCG-001-2005).
_DIAGONAL_35MM = math.hypot(36.0, 24.0)


@dataclass(frozen=True, kw_only=True)
class Photo:
    """A photograph that was read: pixels_u8 (H, W, 3) sRGB-encoded, upright, perhaps reduced.

    scale: pixels of the file per pixel here, ≥ 1. focal_35mm: focal length over that of 35 mm film, or
    None where the file does not say, or was cropped since.
    """

    pixels_u8: np.ndarray
    scale: float = 1.0
    focal_35mm: float | None = None

    @property
    def focal_px(self) -> float:
        """Focal length in pixels here, from EXIF or the default."""
        height, width = self.pixels_u8.shape[:2]
        return (self.focal_35mm or DEFAULT_FOCAL_35MM) * math.hypot(width, height) / _DIAGONAL_35MM


def open_photo(path: Path, working_size: int = WORKING_SIZE) -> Photo:
    """Read a photograph, reduced by a whole factor while its longer side stays at least `working_size`.

    Grey, palette, CMYK and 16-bit pictures are converted, an embedded colour profile to sRGB; alpha is laid
    over mid-grey. ValueError in one line for what is no picture. Does not: decode camera raw.
    """
    if path.is_dir():
        raise ValueError(f"{path}: expected a photo, got a folder; name the photos in it")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such photo")
    decoded = decode(path, working_size)
    return Photo(
        pixels_u8=_large_enough(decoded.pixels_u8, str(path)),
        scale=decoded.scale,
        focal_35mm=decoded.focal_35mm,
    )


def photo_from_array(values: np.ndarray | Tensor | Image.Image) -> Photo:
    """A picture in memory: (H, W, 3) or (H, W), bytes or sRGB-encoded numbers in [0, 1]."""
    if isinstance(values, Image.Image):
        values = np.asarray(values.convert("RGB"))
    pixels = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=-1)
    if pixels.ndim != 3 or pixels.shape[-1] != 3:
        raise ValueError(f"photo: expected (H, W, 3) or (H, W), got {tuple(pixels.shape)}")
    if pixels.dtype != np.uint8:
        if not np.issubdtype(pixels.dtype, np.floating):
            raise ValueError(f"photo: expected uint8, or floating point in [0, 1], got {pixels.dtype}")
        if pixels.size and not (pixels.min() >= 0.0 and pixels.max() <= 1.0):
            raise ValueError("photo: expected sRGB-encoded numbers in [0, 1], got others")
        pixels = (pixels * 255.0).round().astype(np.uint8)
    return Photo(pixels_u8=_large_enough(np.ascontiguousarray(pixels), "photo"))


def _large_enough(pixels_u8: np.ndarray, what: str) -> np.ndarray:
    if min(pixels_u8.shape[:2]) < LEAST_SIZE:
        size = f"{pixels_u8.shape[1]} × {pixels_u8.shape[0]}"
        raise ValueError(f"{what}: expected at least {LEAST_SIZE} × {LEAST_SIZE} pixels, got {size}")
    return pixels_u8


def read_photo(path: Path) -> Tensor:
    """As `open_photo`: the pixels alone, (H, W, 3) float32, sRGB-encoded, [0, 1]."""
    return torch.from_numpy(open_photo(path).pixels_u8.astype(np.float32) / 255.0)


def portrait_square(photo_srgb: Tensor, size: int) -> Tensor:
    """The whole of a photo (H, W, 3) as a square (size, size, 3), or of a long one the middle square.

    A portrait format (up to 5:4) keeps all of its face: its shorter side is made up with border pixels.
    """
    dims = expect_shape(photo_srgb, "H W 3", name="photo_srgb")
    side = square_side(dims["H"], dims["W"])
    missing_w, missing_h = max(side - dims["W"], 0), max(side - dims["H"], 0)
    edges = (missing_w // 2, missing_w - missing_w // 2, missing_h // 2, missing_h - missing_h // 2)
    whole = functional.pad(photo_srgb.permute(2, 0, 1)[None], edges, mode="replicate")
    return middle_square(whole[0].permute(1, 2, 0), size)


def square_side(height: int, width: int) -> int:
    """Side in pixels of the square that `portrait_square` takes."""
    short, long = sorted((height, width))
    return long if long <= WHOLE_UP_TO * short else short


def middle_square(photo_srgb: Tensor, size: int) -> Tensor:
    """The largest centred square of a photo (H, W, 3), resampled to (size, size, 3) without aliasing."""
    dims = expect_shape(photo_srgb, "H W 3", name="photo_srgb")
    side = min(dims["H"], dims["W"])
    top, left = (dims["H"] - side) // 2, (dims["W"] - side) // 2
    square = photo_srgb[top : top + side, left : left + side].permute(2, 0, 1)[None]  # (1, 3, side, side)
    resized = functional.interpolate(
        square, size=(size, size), mode="bilinear", antialias=True, align_corners=False
    )
    return resized[0].permute(1, 2, 0).clamp(0.0, 1.0)
