"""Photographs: read whatever a camera or an editor wrote, upright, and cut to a square."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional

from ftb.maths.shapes import expect_shape

LEAST_SIZE = 16


def read_photo(path: Path) -> Tensor:
    """A photograph as (H, W, 3) float32, sRGB-encoded, [0, 1], turned upright by its EXIF orientation.

    Grey, palette, CMYK and 16-bit pictures are converted; alpha is laid over mid-grey. Does not: convert
    from other colour spaces, nor decode camera raw.
    """
    try:
        with Image.open(path) as opened:
            upright = ImageOps.exif_transpose(opened)
            pixels = np.array(_as_rgb(upright), dtype=np.float32)
    except UnidentifiedImageError as error:
        raise ValueError(f"{path}: expected a picture such as JPEG or PNG, got something else") from error
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such photo") from None
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: could not be read as a picture: {error}") from error
    if min(pixels.shape[:2]) < LEAST_SIZE:
        size = f"{pixels.shape[1]} × {pixels.shape[0]}"
        raise ValueError(f"{path}: expected at least {LEAST_SIZE} × {LEAST_SIZE} pixels, got {size}")
    return torch.from_numpy(pixels / 255.0)


def _as_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):  # 16-bit grey: Pillow would clip it instead of scaling it
        values = np.asarray(picture, dtype=np.float32) / 65535.0
        picture = Image.fromarray((values.clip(0.0, 1.0) * 255.0).round().astype(np.uint8))
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (128, 128, 128, 255))
        picture = Image.alpha_composite(ground, layer)
    return picture.convert("RGB")


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
