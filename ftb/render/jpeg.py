"""The loss of JPEG, without the file: 4:2:0 chroma, 8×8 DCT, quantisation by the standard tables.

ITU-T T.81 (1992), annex A.3.3 for the transform, annex K.1 for the tables; quality scales them as the
Independent JPEG Group's library does. Entropy coding loses nothing and is left out. It runs on any
device, which a codec would not.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from ftb.maths.shapes import expect_shape

LUMA_TABLE = (
    "16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56 14 17 22 29 51 87 80 62 "
    "18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92 49 64 78 87 103 121 120 101 72 92 95 98 112 "
    "100 103 99"
)
CHROMA_TABLE = (
    "17 18 24 47 99 99 99 99 18 21 26 66 99 99 99 99 24 26 56 99 99 99 99 99 47 66 99 99 99 99 99 99 "
    "99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99"
)
# Rec. 601 luma and colour differences, as JFIF 1.02 fixes them.
_YCC_FROM_RGB = (
    (0.299, 0.587, 0.114),
    (-0.168736, -0.331264, 0.5),
    (0.5, -0.418688, -0.081312),
)


def jpeg_roundtrip(encoded: Tensor, quality: Tensor) -> Tensor:
    """Pictures (S, H, W, 3) in [0, 1] as they come back from JPEG files of `quality` (S,), 1 to 100.

    Quality 100 is passed through untouched. H and W must be multiples of 16.
    """
    dims = expect_shape(encoded, "S H W 3", name="encoded")
    if dims["H"] % 16 or dims["W"] % 16:
        raise ValueError(
            f"encoded: expected height and width in multiples of 16, got {dims['H']}×{dims['W']}"
        )
    ycc_from_rgb = torch.tensor(_YCC_FROM_RGB, device=encoded.device, dtype=encoded.dtype)
    ycc = (encoded * 255.0) @ ycc_from_rgb.T
    luma = _quantise(ycc[..., 0] - 128.0, LUMA_TABLE, quality) + 128.0
    chroma = ycc[..., 1:].permute(0, 3, 1, 2)  # (S, 2, H, W)
    chroma = torch.nn.functional.avg_pool2d(chroma, 2).flatten(0, 1)
    chroma = _quantise(chroma, CHROMA_TABLE, quality.repeat_interleave(2))
    chroma = chroma.reshape(dims["S"], 2, dims["H"] // 2, dims["W"] // 2)
    chroma = torch.nn.functional.interpolate(chroma, scale_factor=2, mode="bilinear", align_corners=False)
    ycc = torch.stack([luma, chroma[:, 0], chroma[:, 1]], dim=-1)
    decoded = (ycc @ torch.linalg.inv(ycc_from_rgb).T / 255.0).clamp(0.0, 1.0)
    return torch.where(quality[:, None, None, None] >= 100.0, encoded, decoded)


def quantisation_table(table: str, quality: Tensor) -> Tensor:
    """Steps (S, 64) of the standard table at each quality; 50 is the table itself."""
    base = _steps(table, str(quality.device))
    quality = quality.clamp(1.0, 100.0)
    percent = torch.where(quality < 50.0, 5000.0 / quality, 200.0 - 2.0 * quality)
    return ((base * percent[:, None] + 50.0) / 100.0).floor().clamp(1.0, 255.0)


@lru_cache(maxsize=4)
def _steps(table: str, device: str) -> Tensor:
    # Cached constants must not become inference tensors, which autograd refuses later.
    with torch.inference_mode(False):
        return torch.tensor([float(step) for step in table.split()], device=device)


@lru_cache(maxsize=4)
def dct_matrix(device: str, dtype: torch.dtype, dimensions: int) -> Tensor:
    """The orthonormal DCT-II of 8 values (8, 8), or of blocks of 8×8 as one matrix (64, 64)."""
    n = torch.arange(8, dtype=torch.float64)
    basis = torch.cos(math.pi / 8.0 * (n[None, :] + 0.5) * n[:, None]) * 0.5
    basis[0] *= math.sqrt(0.5)
    matrix = basis if dimensions == 1 else torch.kron(basis, basis)
    return matrix.to(device=device, dtype=dtype)


def _quantise(plane: Tensor, table: str, quality: Tensor) -> Tensor:
    """Planes (P, H, W) through DCT, rounding and back; quality (P,)."""
    planes, height, width = plane.shape
    blocks = plane.reshape(planes, height // 8, 8, width // 8, 8).transpose(2, 3).reshape(planes, -1, 64)
    dct = dct_matrix(str(plane.device), plane.dtype, 2)
    steps = quantisation_table(table, quality).to(plane.dtype)[:, None, :]
    blocks = ((blocks @ dct.T) / steps).round() * steps @ dct
    return (
        blocks.reshape(planes, height // 8, width // 8, 8, 8).transpose(2, 3).reshape(planes, height, width)
    )


def quantise_planes(planes: Tensor, table: str, quality: Tensor) -> None:
    """As `_quantise`, in place and in two steps of 8-point transforms, which need no blocks side by side.

    planes (P, H, W) contiguous, H and W multiples of 8 and 16; quality (P,).
    """
    count, height, width = planes.shape
    dct = dct_matrix(str(planes.device), planes.dtype, 1)
    twice = torch.block_diag(dct, dct)  # two blocks at once: a shape that is multiplied faster
    steps = quantisation_table(table, quality).to(planes.dtype).view(count, 1, 8, 8)
    steps = steps.repeat(1, 1, 1, width // 8)  # (P, 1, 8, W)
    rows = (planes.view(-1, 16) @ twice.T).view(count, height // 8, 8, width)
    blocks = torch.matmul(dct, rows)
    blocks.div_(steps).round_().mul_(steps)
    rows = torch.matmul(dct.T, blocks)
    torch.mm(rows.view(-1, 16), twice, out=planes.view(-1, 16))
