"""Structural similarity, at one scale and at five."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from ftb.maths.shapes import expect_shape

_RADIUS, _SIGMA = 5, 1.5
_C1, _C2 = 0.01**2, 0.03**2
# Wang et al. 2003, from fine to coarse.
_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
# The window of 11 pixels must fit after four halvings.
MS_SSIM_LEAST_SIZE = 176


def ssim(estimate: Tensor, true: Tensor) -> Tensor:
    """Mean SSIM of pictures (B, H, W, 3) in [0, 1], H and W ≥ 11: (B,) float64.

    Wang et al. 2004: Gaussian window of 11 pixels and σ = 1.5, K = 0.01 and 0.03, data range 1, each
    channel by itself. No mask: over the square less the 5 outermost pixels; of a ball this includes the
    black around the disc, which is equal in both.
    """
    return _result(_scales(estimate, true, 1)[0][0].mean(axis=-1), true)


def ms_ssim(estimate: Tensor, true: Tensor) -> Tensor:
    """Mean MS-SSIM of pictures (B, H, W, 3) in [0, 1], H and W ≥ 176: (B,) float64.

    Wang et al. 2003: five scales, each the block means of two by two pixels of the one before, with weights
    0.0448, 0.2856, 0.3001, 0.2363, 0.1333; contrast and structure of all of them, luminance of the last.
    Window, constants and mask at each scale as in `ssim`; negative means count as 0.
    """
    return ssim_and_ms_ssim(estimate, true)[1]


def ssim_and_ms_ssim(estimate: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    """Both, in little more time than one."""
    if min(true.shape[1:3]) < MS_SSIM_LEAST_SIZE:
        raise ValueError(
            f"true: expected {MS_SSIM_LEAST_SIZE} pixels or more a side, got {tuple(true.shape)}"
        )
    scales = _scales(estimate, true, len(_WEIGHTS))
    terms = [*(structure for _, structure in scales[:-1]), scales[-1][0]]
    powers = [np.maximum(term, 0.0) ** weight for term, weight in zip(terms, _WEIGHTS, strict=True)]
    return _result(scales[0][0].mean(axis=-1), true), _result(np.prod(powers, axis=0).mean(axis=-1), true)


def _scales(estimate: Tensor, true: Tensor, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each scale the means (B, 3) of SSIM, and of its contrast and structure alone."""
    dims = expect_shape(true, "B H W 3", name="true")
    expect_shape(estimate, "B H W 3", name="estimate", dims=dims)
    pairs = [
        np.ascontiguousarray(pictures.detach().cpu().to(torch.float64).numpy())
        for pictures in (estimate, true)
    ]
    scales = []
    for number in range(count):
        if number:
            pairs = [_halved(pictures) for pictures in pairs]
        found = [_similarity(first, second) for first, second in zip(*pairs, strict=True)]
        scales.append(
            (np.array([both for both, _ in found]), np.array([structure for _, structure in found]))
        )
    return scales


def _similarity(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means (3,) over two pictures (H, W, 3) of SSIM, and of contrast and structure alone."""
    mean_1, mean_2 = _windowed(first), _windowed(second)
    power = mean_1 * mean_1 + mean_2 * mean_2
    shared = mean_1 * mean_2
    variances = _windowed(first * first + second * second) - power
    covariance = _windowed(first * second) - shared
    structure = (2.0 * covariance + _C2) / (variances + _C2)
    luminance = (2.0 * shared + _C1) / (power + _C1)
    return (structure * luminance).mean(axis=(0, 1)), structure.mean(axis=(0, 1))


def _windowed(picture: np.ndarray) -> np.ndarray:
    """Gaussian means (H − 10, W − 10, 3) where the window fits. By OpenCV: torch takes 25 times as long."""
    steps = np.arange(-_RADIUS, _RADIUS + 1)
    window = np.exp(-0.5 * (steps / _SIGMA) ** 2)
    window /= window.sum()
    return cv2.sepFilter2D(picture, -1, window, window)[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS]


def _halved(pictures: np.ndarray) -> np.ndarray:
    """Block means of two by two pixels of (B, H, W, 3); an odd last row or column is left out."""
    height, width = (size // 2 * 2 for size in pictures.shape[1:3])
    even = pictures[:, :height, :width]
    return 0.25 * (even[:, ::2, ::2] + even[:, 1::2, ::2] + even[:, ::2, 1::2] + even[:, 1::2, 1::2])


def _result(values: np.ndarray, like: Tensor) -> Tensor:
    return torch.from_numpy(values).to(like.device)
