"""Structural dissimilarity of the ball at several scales."""

from __future__ import annotations

import torch
from pytorch_msssim import ssim
from torch import Tensor

from ftb.losses.ball_view import shown
from ftb.losses.targets import Targets
from ftb.types import Prediction

# Exponents of the five scales, finest first (Wang, Simoncelli, Bovik 2003, section 3.2).
_EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_WINDOW = 11
# Stabilisers: of both terms (Wang et al. 2004); the first so large that the luminance term is 1.
_BOTH, _STRUCTURE_ALONE = (0.01, 0.03), (1e4, 0.03)
# A root has no slope at 0, and structure may be opposite.
_LEAST = 1e-3


def multiscale_dissimilarity(prediction: Prediction, targets: Targets) -> Tensor:
    """1 − MS-SSIM of the square in display space, black around the disc, data range 1: ().

    Π over scales of (contrast · structure)^w, with luminance at the coarsest, a channel at a time, means over
    channels and samples. As many of the five scales as the window of 11 pixels fits into, their exponents
    scaled to add up to 1: one for a ball of 16 pixels, two for 32, three for 64, five from 176 on.
    """
    squares = [shown(holder).permute(0, 3, 1, 2).flatten(0, 1)[:, None] for holder in (prediction, targets)]
    exponents = scale_exponents(squares[0].shape[-1])
    similarity = torch.ones_like(squares[0][:, 0, 0, 0])  # (3B,): a channel of a sample
    for level, exponent in enumerate(exponents):
        last = level == len(exponents) - 1
        stabilisers = _BOTH if last else _STRUCTURE_ALONE
        term = ssim(*squares, data_range=1.0, size_average=False, win_size=_WINDOW, K=stabilisers)
        similarity = similarity * term.clamp_min(_LEAST) ** exponent
        padding = squares[0].shape[-1] % 2
        squares = [torch.nn.functional.avg_pool2d(square, 2, padding=padding) for square in squares]
    return 1.0 - similarity.mean()


def scale_exponents(size: int) -> tuple[float, ...]:
    """Exponents of the scales, finest first, at which a square of `size` pixels holds the window."""
    if size < _WINDOW:
        raise ValueError(f"ball_linear: expected at least {_WINDOW} pixels for MS-SSIM, got {size}")
    count = sum(size // 2**level >= _WINDOW for level in range(len(_EXPONENTS)))
    total = sum(_EXPONENTS[:count])
    return tuple(exponent / total for exponent in _EXPONENTS[:count])
