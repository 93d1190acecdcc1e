"""One sample of a frozen split: as files, and back.

Pictures that people look at are PNG; what is linear or exact is OpenEXR; everything else is in the JSON.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ftb.data.frozen_exr import decode_exr, encode_exr
from ftb.maths.color import u8_from_srgb
from ftb.scene.landmarks import LANDMARKS
from ftb.scene.lights import ENVIRONMENT_HEIGHT, KEY_LIGHTS
from ftb.scene.materials import BALL_MATERIALS
from ftb.sheet import ball_rgba_u8
from ftb.types import Lighting, Pair

SH_COUNT = 25
# zlib's usual level: half the time of the best one, for a few per cent of the bytes.
_PNG_LEVEL = 6
KINDS = (
    *(f"ball_{name}.{end}" for name in sorted(BALL_MATERIALS) for end in ("exr", "png")),
    *("albedo.exr", "env.exr", "normal.exr", "residual.exr"),
    *("face.png", "json", "mask.png", "visibility.png"),
)
# What a training pair is made of; the ball is rendered from the light at the size the network wants.
FACE_KINDS = ("face.png", "mask.png", "normal.exr")
PAIR_KINDS = (*FACE_KINDS, "albedo.exr", "visibility.png", "residual.exr")
LIGHT_KINDS = ("env.exr", "json")


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Pixels of the photograph and of the balls of a split."""

    image: int
    ball: int


def encode_sample(pair: Pair, balls_linear: dict[str, Tensor], about: dict[str, Any]) -> dict[str, bytes]:
    """The files of one unbatched pair, by what follows the key in their names.

    balls_linear: (S, S, 3) by material. about: what the JSON says beside the light.
    """
    environment = pair.lighting.environment
    assert environment is not None
    files = {
        "face.png": _png(u8_from_srgb(pair.photo_srgb)),
        "mask.png": _png(u8_from_srgb(pair.mask)),
        "visibility.png": _png(u8_from_srgb(pair.visibility)),
        "normal.exr": encode_exr(pair.normals.numpy()),
        "albedo.exr": encode_exr(pair.albedo_linear.numpy()),
        "residual.exr": encode_exr(pair.residual_linear.numpy()),
        "env.exr": encode_exr(environment.numpy(), exact=True),
    }
    for name, ball in balls_linear.items():
        files[f"ball_{name}.png"] = _png(torch.from_numpy(ball_rgba_u8(ball)))
        files[f"ball_{name}.exr"] = encode_exr(ball.numpy())
    document = {**about, "lighting": _lighting_fields(pair.lighting)}
    if pair.landmarks is not None:
        document["landmarks"] = plain_numbers(pair.landmarks)
    files["json"] = (json.dumps(document, sort_keys=True, separators=(",", ":")) + "\n").encode()
    return files


def plain_numbers(values: Tensor) -> Any:
    """A tensor as nested lists of the shortest decimals that name the same float32 values."""
    if values.dtype.is_floating_point:
        rounded = np.asarray(values.detach().cpu().numpy(), dtype=np.float32)
        return _shortest(rounded)
    return values.tolist()


def _shortest(values: np.ndarray) -> Any:
    return float(str(values[()])) if values.ndim == 0 else [_shortest(row) for row in values]


def _lighting_fields(lighting: Lighting) -> dict[str, Any]:
    names = ("sh_coeffs", "key_dirs", "key_irradiance", "key_angular_radius")
    return {name: plain_numbers(getattr(lighting, name)) for name in names}


def _png(pixels_u8: Tensor) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels_u8.numpy()).save(stream, format="PNG", compress_level=_PNG_LEVEL)
    return stream.getvalue()


def decode_png(content: bytes, size: int, channels: int) -> Tensor:
    """A square PNG as (size, size) or (size, size, channels) float32 in [0, 1]."""
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as picture:
            if picture.size != (size, size) or picture.mode != mode:
                found = f"{picture.size[0]} x {picture.size[1]} {picture.mode}"
                raise ValueError(f"expected a PNG of {size} x {size} {mode}, got {found}")
            pixels = np.asarray(picture)
    except (OSError, SyntaxError, EOFError, IndexError, TypeError, Image.DecompressionBombError) as error:
        raise ValueError("damaged or cut off PNG") from error
    return torch.from_numpy(pixels.astype(np.float32)) / 255.0


def decode_linear(content: bytes, height: int, width: int) -> Tensor:
    """An .exr as (height, width, 3) float32; values that are not finite are refused."""
    pixels = decode_exr(content, height, width)
    if not np.isfinite(pixels).all():
        raise ValueError("damaged: it holds NaN or infinity")
    return torch.from_numpy(pixels)


def decode_about(content: bytes) -> dict[str, Any]:
    """The JSON of a sample."""
    try:
        document = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError("damaged: not readable as JSON") from error
    if not isinstance(document, dict):
        raise ValueError("damaged: expected an object")
    return document


def decode_lighting(files: dict[str, bytes]) -> Lighting:
    """The light, unbatched, from the JSON and the environment of a sample."""
    fields = decode_about(files["json"]).get("lighting")
    if not isinstance(fields, dict):
        raise ValueError("damaged: no lighting")
    height = ENVIRONMENT_HEIGHT
    return Lighting(
        sh_coeffs=_tensor(fields, "sh_coeffs", (SH_COUNT, 3)),
        key_dirs=_tensor(fields, "key_dirs", (KEY_LIGHTS, 3)),
        key_irradiance=_tensor(fields, "key_irradiance", (KEY_LIGHTS, 3)),
        key_angular_radius=_tensor(fields, "key_angular_radius", (KEY_LIGHTS,)),
        environment=decode_linear(files["env.exr"], height, 2 * height),
    )


def decode_landmarks(files: dict[str, bytes]) -> Tensor | None:
    """Landmarks (5, 2) of a sample; None in splits from before they were stored."""
    about = decode_about(files["json"])
    return _tensor(about, "landmarks", (LANDMARKS, 2), inside="") if "landmarks" in about else None


def _tensor(fields: dict[str, Any], name: str, shape: tuple[int, ...], inside: str = "lighting.") -> Tensor:
    try:
        values = np.asarray(fields[name], dtype=np.float32)
    except (KeyError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"damaged: {inside}{name}") from error
    if values.shape != shape or not np.isfinite(values).all():
        raise ValueError(f"damaged: {inside}{name}: expected {shape} finite numbers")
    return torch.from_numpy(values)


def decode_face(files: dict[str, bytes], sizes: Sizes) -> tuple[Tensor, Tensor, Tensor]:
    """Photograph (S, S, 3), mask (S, S) and unit normals (S, S, 3) of a sample."""
    size = sizes.image
    mask = decode_png(files["mask.png"], size, 1)
    # halves are off by up to 1e-3
    normals = torch.nn.functional.normalize(decode_linear(files["normal.exr"], size, size), dim=-1)
    return decode_png(files["face.png"], size, 3), mask, normals * (mask[..., None] > 0)


def decode_pair(files: dict[str, bytes], sizes: Sizes, index: int) -> Pair:
    """The pair, unbatched, of a sample; `ball_linear` is left empty, (0, 0, 3)."""
    size = sizes.image
    photo_srgb, mask, normals = decode_face(files, sizes)
    return Pair(
        photo_srgb=photo_srgb,
        mask=mask,
        normals=normals,
        albedo_linear=decode_linear(files["albedo.exr"], size, size),
        visibility=decode_png(files["visibility.png"], size, 1),
        residual_linear=decode_linear(files["residual.exr"], size, size),
        ball_linear=torch.zeros(0, 0, 3),
        lighting=decode_lighting(files),
        index=torch.tensor(index),
        landmarks=decode_landmarks(files),
    )
