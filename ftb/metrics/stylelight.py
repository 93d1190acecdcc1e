"""Ball metrics with the formulas and the quirks of the StyleLight and DiffusionLight evaluation code.

For comparison within this project only. Published tables used scene photographs, Blender's path tracer
and other materials, so that no number here is comparable with them.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ftb.maths.shapes import expect_shape
from ftb.metrics.disc import ball_disc

NOTE = "formulas of the StyleLight/DiffusionLight code on our balls: not comparable with published tables"


def tone_mapped(environment: Tensor) -> Tensor:
    """Their light: α · I^(1/2.4) of maps (B, H, 2H, 3), α so that the median of the values above 0 is 0.5.

    Not clipped. The balls are lit by this compressed light, not by radiance. A black map stays black.
    """
    expect_shape(environment, "B H 2H 3", name="environment")
    curved = environment.to(torch.float64).clamp_min(0.0) ** (1.0 / 2.4)
    scales = []
    for one in curved:
        lit = one[one > 0.0]
        # np.percentile(x, 50): the mean of the two middle values where their count is even
        scales.append(0.5 / float(np.median(lit.cpu().numpy())) if lit.numel() else 0.0)
    return curved * curved.new_tensor(scales)[:, None, None, None]


def stylelight_metrics(estimate: Tensor, true: Tensor) -> dict[str, Tensor]:
    """Their four metrics of balls (B, S, S, 3) lit by `tone_mapped` light, by name: (B,) float64 each.

    M: pixels of the disc, N of them. rmse = √(Σ_M Σ_c (p − g)² / N), divided by pixels, not by 3N.
    si_rmse = √(((4ac − b²)/4a) / N), a = Σp², b = −2Σpg, c = Σg². angular: degrees of
    Σ_M arccos(clip(p·g / ‖p‖‖g‖, 0, 1)) / N, between colours. n_rmse: x → (x − P_lo)/(P_99.9 − P_lo), P_lo
    being np.percentile(x, 0.01), over the whole square with its background, then rmse over M.
    """
    dims = expect_shape(true, "B S S 3", name="true")
    expect_shape(estimate, "B S S 3", name="estimate", dims=dims)
    inside = ball_disc(true)[0].cpu().numpy() != 0
    rows = [
        _metrics(first.to(torch.float64).cpu().numpy(), second.to(torch.float64).cpu().numpy(), inside)
        for first, second in zip(estimate, true, strict=True)
    ]
    return {name: torch.tensor([row[name] for row in rows], dtype=torch.float64) for name in rows[0]}


def _metrics(estimate: np.ndarray, true: np.ndarray, inside: np.ndarray) -> dict[str, float]:
    p, g, count = estimate[inside], true[inside], int(inside.sum())
    a, b, c = float((p * p).sum()), float(-2.0 * (p * g).sum()), float((g * g).sum())
    # a black estimate cannot be scaled to anything
    least = (4.0 * a * c - b * b) / (4.0 * a) if a > 0.0 else c
    lengths = np.linalg.norm(p, axis=-1) * np.linalg.norm(g, axis=-1)
    # their code divides by 0 where a pixel is black; here such a pixel counts as a right angle
    cosines = (p * g).sum(axis=-1) / np.where(lengths > 0.0, lengths, 1.0)
    ranged = _ranged(estimate)[inside] - _ranged(true)[inside]
    return {
        "rmse": float(np.sqrt(np.square(p - g).sum() / count)),
        "si_rmse": float(np.sqrt(max(least, 0.0) / count)),
        "angular": float(np.degrees(np.arccos(np.clip(cosines, 0.0, 1.0)).sum() / count)),
        "n_rmse": float(np.sqrt(np.square(ranged).sum() / count)),
    }


def _ranged(picture: np.ndarray) -> np.ndarray:
    low, high = np.percentile(picture, 0.01), np.percentile(picture, 99.9)
    return (picture - low) / (high - low) if high > low else np.zeros_like(picture)
