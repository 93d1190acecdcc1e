"""The metrics of one ball of one material, in linear light."""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.metrics.chroma import chroma_angle
from ftb.metrics.disc import disc_pixels
from ftb.metrics.n_rmse import n_rmse
from ftb.metrics.psnr import psnr
from ftb.metrics.rmse import rmse
from ftb.metrics.si_rmse import si_rmse
from ftb.metrics.ssim import MS_SSIM_LEAST_SIZE, ssim, ssim_and_ms_ssim

MATERIALS = ("matte", "silver", "mirror")


def ball_metrics(estimate_linear: Tensor, true_linear: Tensor) -> dict[str, Tensor]:
    """Every metric of balls (B, S, S, 3), linear, by name: (B,) float64 each.

    psnr, ssim and ms_ssim see linear light clipped to [0, 1], data range 1, and no tone curve: 1 is white
    paper that fills the sensor. rmse, si_rmse, n_rmse and chroma_angle see it unclipped, so that a
    mirrored lamp weighs as much as it shines. Mask: the disc, but for ssim and ms_ssim, which see the
    square. ms_ssim only where S ≥ 176.
    """
    estimate, true = disc_pixels(estimate_linear), disc_pixels(true_linear)  # (B, 1, P, 3)
    disc = torch.ones_like(true[:1, ..., 0])
    values = {
        "psnr": psnr(estimate.clamp(0.0, 1.0), true.clamp(0.0, 1.0), disc),
        "rmse": rmse(estimate, true, disc),
        "si_rmse": si_rmse(estimate, true, disc),
        "n_rmse": n_rmse(estimate, true, disc),
        "chroma_angle": chroma_angle(estimate, true, disc),
    }
    first, second = estimate_linear.clamp(0.0, 1.0), true_linear.clamp(0.0, 1.0)
    if true_linear.shape[1] < MS_SSIM_LEAST_SIZE:
        return {**values, "ssim": ssim(first, second)}
    similarity, over_scales = ssim_and_ms_ssim(first, second)
    return {**values, "ssim": similarity, "ms_ssim": over_scales}
