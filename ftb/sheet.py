"""Contact sheets: captioned groups of square tiles on one picture, written as PNG."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ftb.maths.color import srgb_from_linear, u8_from_srgb
from ftb.maths.shapes import expect_shape
from ftb.maths.sphere import ball_coverage, ball_normals

BACKGROUND_U8 = (24, 24, 26)
CAPTION_U8 = (200, 200, 204)
GAP = 4
CAPTION_HEIGHT = 22
# Pixels of a picture over those of its tile up to which four by four of them hide no detail of it: taken from
# these only, a tile is ready in a tenth of the time.
_FEW_TIMES = 1.25


def tiles_from_srgb(images_srgb: Tensor, size: int) -> list[np.ndarray]:
    """Encoded pictures (B, H, W, 3) in [0, 1] as byte tiles of size × size."""
    expect_shape(images_srgb, "B H W 3", name="images_srgb")
    pictures = u8_from_srgb(images_srgb.detach().float().cpu().clamp(0.0, 1.0))
    return [_resized(picture.numpy(), size) for picture in pictures]


def tiles_from_ball(balls_linear: Tensor, size: int) -> list[np.ndarray]:
    """Reference balls (B, S, S, 3), linear, as byte tiles on the sheet's background."""
    expect_shape(balls_linear, "B S S 3", name="balls_linear")
    return [tile_from_rgba(ball_rgba_u8(ball), size) for ball in balls_linear]


def tile_from_rgba(pixels_u8: np.ndarray, size: int) -> np.ndarray:
    """A square picture (S, S, 4) uint8 with straight alpha as a byte tile on the sheet's background."""
    ball = Image.fromarray(pixels_u8)
    over = Image.new("RGB", ball.size, BACKGROUND_U8)
    over.paste(ball, mask=ball.getchannel("A"))
    return _resized(np.asarray(over), size)


def ball_rgba_u8(ball_linear: Tensor) -> np.ndarray:
    """A ball (S, S, 3), linear, as (S, S, 4) uint8: sRGB, clipped, with straight antialiased alpha.

    Pixels that the rim crosses beyond their centre take the mean colour of their neighbours on the disc.
    """
    size = expect_shape(ball_linear, "S S 3", name="ball_linear")["S"]
    rim = _rim(size)
    pixels = (ball_linear.detach().float().cpu() * rim.disc).flatten(0, 1)  # (S², 3)
    pixels[rim.pixels] = (pixels[rim.neighbours] * rim.weights).sum(dim=1)
    encoded = u8_from_srgb(srgb_from_linear(pixels.clamp_(0.0, 1.0))).unflatten(0, (size, size))
    return torch.cat([encoded, rim.coverage_u8], dim=-1).numpy()


@dataclass(frozen=True, kw_only=True)
class _Rim:
    """Of a ball of S × S pixels: disc (S, S, 1) bool, coverage_u8 (S, S, 1), and the pixels (R,) beside
    the disc with their neighbours (R, 9) on it, each of weights (R, 9, 1) that add up to 1; 0 for those off.
    """

    disc: Tensor
    coverage_u8: Tensor
    pixels: Tensor
    neighbours: Tensor
    weights: Tensor


@lru_cache(maxsize=8)
def _rim(size: int) -> _Rim:
    with torch.inference_mode(False), torch.no_grad():
        disc = ball_normals(size)[1]
        rows, columns = (~disc).nonzero().T
        steps = torch.tensor([(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)])
        near_rows, near_columns = rows[:, None] + steps[:, 0], columns[:, None] + steps[:, 1]  # (R, 9)
        inside = (near_rows >= 0) & (near_rows < size) & (near_columns >= 0) & (near_columns < size)
        near_rows, near_columns = near_rows.clamp(0, size - 1), near_columns.clamp(0, size - 1)
        known = (inside & disc[near_rows, near_columns]).float()
        beside = known.sum(dim=1) > 0
        return _Rim(
            disc=disc[..., None],
            coverage_u8=u8_from_srgb(ball_coverage(size)[..., None]),
            pixels=(rows * size + columns)[beside],
            neighbours=(near_rows * size + near_columns)[beside],
            weights=(known / known.sum(dim=1, keepdim=True).clamp_min(1.0))[beside][..., None],
        )


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A direction (x, y, z), unit, camera frame, to be drawn where the ball's normal is that direction."""

    direction: tuple[float, float, float]
    label: str
    color_u8: tuple[int, int, int]


def mark_directions(pixels_u8: np.ndarray, marks: tuple[Mark, ...]) -> np.ndarray:
    """A ball's picture (S, S, 3 or 4) with a ray from the centre to each mark; behind the ball, a ring."""
    picture = Image.fromarray(pixels_u8)
    draw = ImageDraw.Draw(picture)
    size = picture.width
    centre, radius, dot = size / 2, size / 2 * 0.92, max(size / 70, 2.0)
    font = _font(max(size // 22, 10))
    for mark in marks:
        x, y, z = mark.direction
        place = (centre + radius * x, centre - radius * y)
        colour = (*mark.color_u8, 255)[: len(picture.getbands())]
        draw.line((centre, centre, *place), fill=colour, width=max(size // 200, 1))
        box = (place[0] - dot, place[1] - dot, place[0] + dot, place[1] + dot)
        draw.ellipse(box, fill=colour if z >= 0.0 else None, outline=colour, width=max(size // 200, 1))
        # the label stands beside the ray, on the side of the centre, where there is ball behind it
        beside = (place[0] - 2 * dot, place[1]) if x > 0.3 else (place[0] + 2 * dot, place[1])
        lower = (beside[0], beside[1] + (2.5 * dot if y >= 0.0 else -2.5 * dot))
        draw.text(lower, mark.label, fill=colour, anchor="rm" if x > 0.3 else "lm", font=font)
    return np.asarray(picture)


def tiles_from_signed(vectors: Tensor, size: int) -> list[np.ndarray]:
    """Vectors (B, H, W, 3) in [−1, 1], such as normals, as 0.5 + 0.5 · v."""
    return tiles_from_srgb(0.5 + 0.5 * vectors, size)


def tiles_from_mono(values: Tensor, size: int) -> list[np.ndarray]:
    """Maps (B, H, W) in [0, 1] as greys."""
    return tiles_from_srgb(values[..., None].expand(*values.shape, 3), size)


def compose(groups: list[list[np.ndarray]], captions: list[str], columns: int) -> np.ndarray:
    """One picture of groups of tiles side by side, `columns` groups a row, captions above each column.

    Every group holds one tile per caption; all tiles are (size, size, 3) uint8.
    """
    size, parts = groups[0][0].shape[0], len(captions)
    columns = min(columns, len(groups))
    rows = -(-len(groups) // columns)
    group_width = parts * (size + GAP) + 2 * GAP
    shape = (columns * group_width + GAP, rows * (size + GAP) + CAPTION_HEIGHT + GAP)
    sheet = _captioned(shape, tuple(captions), columns, size).copy()
    for number, group in enumerate(groups):
        row, column = divmod(number, columns)
        for part, tile in enumerate(group):
            left = 2 * GAP + column * group_width + part * (size + GAP)
            sheet.paste(Image.fromarray(tile), (left, CAPTION_HEIGHT + row * (size + GAP)))
    return np.asarray(sheet)


@lru_cache(maxsize=4)
def _captioned(shape: tuple[int, int], captions: tuple[str, ...], columns: int, size: int) -> Image.Image:
    """An empty sheet (width, height) with the captions above its columns of tiles."""
    sheet = Image.new("RGB", shape, BACKGROUND_U8)
    draw = ImageDraw.Draw(sheet)
    group_width = len(captions) * (size + GAP) + 2 * GAP
    for column in range(columns):
        for part, caption in enumerate(captions):
            place = (2 * GAP + column * group_width + part * (size + GAP) + size // 2, CAPTION_HEIGHT // 2)
            draw.text(place, caption, fill=CAPTION_U8, anchor="mm", font=_font(12))
    return sheet


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)


def png_bytes(pixels_u8: np.ndarray) -> bytes:
    """Encode (H, W, 3) or, with straight alpha, (H, W, 4) uint8 as PNG.

    At zlib's level 4: the last twelfth of the size would take twenty times as long.
    """
    buffer = BytesIO()
    Image.fromarray(pixels_u8).save(buffer, format="PNG", compress_level=4)
    return buffer.getvalue()


def _resized(pixels_u8: np.ndarray, size: int) -> np.ndarray:
    if pixels_u8.shape[:2] == (size, size):
        return pixels_u8
    if max(pixels_u8.shape[:2]) <= _FEW_TIMES * size:
        return cv2.resize(pixels_u8, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.asarray(Image.fromarray(pixels_u8).resize((size, size), Image.Resampling.LANCZOS))


def suffix_of(path: Path, known: tuple[str, ...]) -> str:
    """The suffix of an output path, in lower case, if it is one of `known`."""
    suffix = path.suffix.lower()
    if suffix not in known:
        raise ValueError(f"--out: expected a file name ending in {' or '.join(known)}, got {path}")
    return suffix
