"""Noise over the head that knows no seams: it lives in the template's space, not in the texture's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SKULL_Z = -7.0  # cm from between the eyes to the skull's vertical axis
NOISE_CM = (5.0, 1.6, 0.55)  # wavelengths of the noise banks
NOISE_FIELDS = (6, 8, 10)


def noise_bank(point: np.ndarray, wavelength: float, count: int, seed: int) -> np.ndarray:
    """(count, N) smooth solid noise, unit variance: sums of plane waves in the template's space (cm)."""
    draw = np.random.default_rng(seed)
    bank = np.zeros((count, len(point)), dtype=np.float32)
    for field in range(count):
        for _ in range(8):
            direction = draw.normal(size=3)
            direction *= 2.0 * np.pi / (wavelength * draw.uniform(0.6, 1.7) * np.linalg.norm(direction))
            phase = point[:, 0] * direction[0] + point[:, 1] * direction[1] + point[:, 2] * direction[2]
            bank[field] += np.cos(phase + draw.uniform(0.0, 2.0 * np.pi)).astype(np.float32)
    return bank * np.float32(0.5)


def noise_banks(point: np.ndarray) -> tuple[np.ndarray, ...]:
    """One (K, N) bank for each wavelength of NOISE_CM at points (N, 3), cm; the same waves at every call."""
    return tuple(
        noise_bank(point, wavelength, count, seed)
        for seed, (wavelength, count) in enumerate(zip(NOISE_CM, NOISE_FIELDS, strict=True))
    )


def weighted_sum(fields: Sequence[np.ndarray], weights: Sequence[float] | np.ndarray) -> np.ndarray:
    """Sum of float32 fields (N,) times weights; a loop, so that its bits do not depend on BLAS's threads.

    Weights of several people, (H, 1) each, make (H, N); their fields may be their own.
    """
    weights = np.asarray(weights, dtype=np.float32)
    total = fields[0] * weights[0]
    part = np.empty_like(total)
    for field, weight in zip(fields[1:], weights[1:], strict=True):
        np.multiply(field, weight, out=part)
        total += part
    return total


def strands(point: np.ndarray) -> np.ndarray:
    """(2, N) streaks along hair that falls from the crown: fine around it, long down it; unit variance."""
    draw = np.random.default_rng(11)
    turn = np.arctan2(point[:, 0], point[:, 2] - SKULL_Z + 2.0)
    fall = np.arctan2(np.hypot(point[:, 0], point[:, 2] - SKULL_Z + 2.0), point[:, 1])
    bank = np.zeros((2, len(point)))
    for field in range(2):
        for _ in range(24):
            waves = np.round(draw.uniform(25.0, 140.0))
            bank[field] += np.cos(
                waves * turn + draw.uniform(0.0, 2.5) * fall * 6.0 + draw.uniform(0.0, 6.28)
            )
    return (bank / np.sqrt(12.0)).astype(np.float32)
