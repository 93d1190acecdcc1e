"""Linear pictures as OpenEXR bytes, in memory: written by OpenEXR, read back without trusting a byte.

The reader understands what a split holds: one part of scan lines, channels B, G, R of one kind, half or
float, ZIP, ZIPS or no compression. It checks every number before it acts on it, which the general decoder
does not promise.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
import OpenEXR
import torch

_MAGIC = b"\x76\x2f\x31\x01\x02\x00\x00\x00"
_KINDS = {1: np.dtype("<f2"), 2: np.dtype("<f4")}
# Scan lines a block by compression: none, ZIPS, ZIP.
_LINES = {0: 1, 2: 1, 3: 16}
_LARGEST_HALF = 65504.0
_MOST_ATTRIBUTES = 64


def encode_exr(linear: np.ndarray, *, exact: bool = False) -> bytes:
    """A picture (H, W, 3) as .exr: half floats where they can hold it, else, or if `exact`, float32."""
    fits = not exact and float(np.abs(linear).max(initial=0.0)) <= _LARGEST_HALF
    pixels = np.ascontiguousarray(linear, dtype=np.float16 if fits else np.float32)
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    stream = io.BytesIO()
    OpenEXR.File(header, {"RGB": pixels}).write(stream)
    return stream.getvalue()


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """kind: of the values; lines: scan lines a block; blocks: where the table of blocks begins."""

    kind: np.dtype
    lines: int
    blocks: int


def decode_exr(content: bytes, height: int, width: int) -> np.ndarray:
    """(height, width, 3) float32 of such bytes; ValueError in one line for anything else."""
    try:
        layout = _layout(content, height, width)
        return _pixels(content, layout, height, width)
    except (struct.error, zlib.error, IndexError, UnicodeDecodeError) as error:
        raise ValueError("damaged or cut off OpenEXR data") from error


def _layout(content: bytes, height: int, width: int) -> _Layout:
    if content[:8] != _MAGIC:
        raise ValueError("expected an OpenEXR picture of one part")
    fields, end = _attributes(content)
    window = struct.unpack("<4i", fields["dataWindow"])
    if window != (0, 0, width - 1, height - 1):
        raise ValueError(f"expected a picture of {width} x {height} pixels, got the window {window}")
    compression = fields["compression"][0]
    if compression not in _LINES:
        raise ValueError(f"expected OpenEXR data without compression or with ZIP, got method {compression}")
    return _Layout(kind=_kind(fields["channels"]), lines=_LINES[compression], blocks=end)


def _attributes(content: bytes) -> tuple[dict[str, bytes], int]:
    fields: dict[str, bytes] = {}
    place = 8
    for _ in range(_MOST_ATTRIBUTES):
        if content[place] == 0:
            break
        texts = []
        for _ in range(2):  # name and type
            stop = content.find(b"\0", place, place + 256)
            texts.append(content[place:stop].decode("ascii"))
            place = stop + 1 if stop >= 0 else len(content)
        (size,) = struct.unpack_from("<i", content, place)
        if not 0 <= size <= len(content) - place - 4:
            raise ValueError("damaged or cut off OpenEXR header")
        fields[texts[0]] = content[place + 4 : place + 4 + size]
        place += 4 + size
    missing = {"dataWindow", "compression", "channels"} - set(fields)
    if missing:
        raise ValueError(f"damaged OpenEXR header: no {sorted(missing)[0]}")
    return fields, place + 1


def _kind(channels: bytes) -> np.dtype:
    kinds = set()
    for number, name in enumerate(b"BGR"):
        kind, _, along, down = struct.unpack_from("<i4sii", channels, 18 * number + 2)
        if channels[18 * number] != name or channels[18 * number + 1] != 0 or (along, down) != (1, 1):
            raise ValueError("expected OpenEXR channels B, G, R")
        kinds.add(kind)
    if len(kinds) != 1 or len(channels) != 55 or not kinds <= set(_KINDS):
        raise ValueError("expected OpenEXR channels B, G, R, all half or all float")
    return _KINDS[kinds.pop()]


def _pixels(content: bytes, layout: _Layout, height: int, width: int) -> np.ndarray:
    """(H, W, 3) float32."""
    row_bytes = 3 * width * layout.kind.itemsize
    blocks = -(-height // layout.lines)
    rows = np.empty((height, 3, width), dtype=layout.kind)
    for number, offset in enumerate(struct.unpack_from(f"<{blocks}Q", content, layout.blocks)):
        if offset > len(content) - 8:
            raise ValueError("damaged or cut off OpenEXR data")
        first, size = struct.unpack_from("<ii", content, offset)
        count = min(layout.lines, height - number * layout.lines)
        data = content[offset + 8 : offset + 8 + size] if size >= 0 else b""
        if first != number * layout.lines or len(data) != size:
            raise ValueError("damaged or cut off OpenEXR data")
        raw = data if size == count * row_bytes else _inflated(data, count * row_bytes)
        rows[first : first + count] = np.frombuffer(raw, layout.kind).reshape(count, 3, width)
    planes = rows.astype(np.float32)  # (H, BGR, W)
    pixels = np.empty((height, width, 3), dtype=np.float32)
    for channel in range(3):
        pixels[..., channel] = planes[:, 2 - channel]
    return pixels


def _inflated(data: bytes, size: int) -> bytes:
    """Undo OpenEXR's ZIP: deflate, differences of neighbouring bytes, even and odd bytes apart."""
    packed = zlib.decompressobj().decompress(data, size + 1)  # never more than asked for
    if len(packed) != size:
        raise ValueError("damaged or cut off OpenEXR data")
    differences = np.frombuffer(packed, dtype=np.uint8) - np.uint8(128)
    differences[:1] += np.uint8(128)
    # by torch: numpy adds bytes up one by one, six times as slowly
    halves = torch.cumsum(torch.from_numpy(differences), 0, dtype=torch.uint8).numpy()
    result = np.empty(size, dtype=np.uint8)
    result[0::2], result[1::2] = halves[: (size + 1) // 2], halves[(size + 1) // 2 :]
    return result.tobytes()
