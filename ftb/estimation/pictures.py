"""The pictures of an estimate: balls, overview."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from ftb.estimation.estimator import Estimate
from ftb.interop.atomic import write_atomically
from ftb.render.ball import BALL_MATERIALS, render_ball
from ftb.scene.lighting_ops import dominant
from ftb.sheet import (
    Mark,
    ball_rgba_u8,
    compose,
    mark_directions,
    tile_from_rgba,
    tiles_from_srgb,
)
from ftb.types import Lighting

BALL_SIZE = 256
TILE = 224
LIGHT_COLOR_U8 = (255, 214, 64)
_QUICK_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP)


def ball_pictures(lighting: Lighting, size: int = BALL_SIZE) -> dict[str, np.ndarray]:
    """The reference ball (S, S, 4) uint8 in every material by name: sRGB with straight alpha, clipped."""
    return {name: ball_rgba_u8(render_ball(lighting, name, size)) for name in BALL_MATERIALS}


def write_pictures(folder: Path, estimate: Estimate) -> None:
    """ball_<material>.png and overview.png."""
    balls = ball_pictures(estimate.lighting)
    for name, picture in balls.items():
        _write(folder / f"ball_{name}.png", picture)
    _write(folder / "overview.png", overview(estimate, balls))


def _write(path: Path, picture_u8: np.ndarray) -> None:
    """As PNG, quickly: rows less the row above at zlib's level 1 take a third of the time of the usual, and a
    tenth more room. OpenCV lets other threads go on meanwhile."""
    order = cv2.COLOR_RGBA2BGRA if picture_u8.shape[-1] == 4 else cv2.COLOR_RGB2BGR
    done, content = cv2.imencode(".png", cv2.cvtColor(picture_u8, order), _QUICK_PNG)
    if not done:
        raise ValueError(f"{path}: OpenCV could not encode it as PNG")
    write_atomically(path, lambda temporary: _write_bytes(temporary, content.tobytes()))


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def overview(estimate: Estimate, balls: dict[str, np.ndarray]) -> np.ndarray:
    """The faces seen, the balls and where the light comes from, in one picture (H, W, 3) uint8."""
    tiles = {name: tile_from_rgba(ball, TILE) for name, ball in balls.items()}
    marked = mark_directions(tiles["gray"], (light_mark(estimate.lighting),))
    faces = "faces" if len(estimate.faces) > 1 else "face"
    captions = [faces, *tiles, "light from"]
    return compose([[_faces_tile(estimate), *tiles.values(), marked]], captions, columns=1)


def light_mark(lighting: Lighting) -> Mark:
    """The dominant direction of an unbatched lighting, to draw on a ball."""
    x, y, z = (float(value) for value in dominant(lighting)[0])
    return Mark(direction=(x, y, z), label="light", color_u8=LIGHT_COLOR_U8)


def _faces_tile(estimate: Estimate) -> np.ndarray:
    """The crops, as many to a row as there are rows."""
    along = int(np.ceil(np.sqrt(len(estimate.faces))))
    crops = torch.stack([face.crop.crop_srgb for face in estimate.faces])
    small = tiles_from_srgb(crops, TILE // along)
    tile = Image.new("RGB", (TILE, TILE), (24, 24, 26))
    for number, picture in enumerate(small):
        row, column = divmod(number, along)
        tile.paste(Image.fromarray(picture), (column * (TILE // along), row * (TILE // along)))
    return np.asarray(tile)
