"""The metrics of one ball of one material, in linear light."""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.metrics.chroma import chroma_angle
from ftb.metrics.disc import ball_disc
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
    disc = ball_disc(true_linear)
    first, second = (x.to(torch.float64).clamp(0.0, 1.0) for x in (estimate_linear, true_linear))
    values = {
        "psnr": psnr(first, second, disc),
        "rmse": rmse(estimate_linear, true_linear, disc),
        "si_rmse": si_rmse(estimate_linear, true_linear, disc),
        "n_rmse": n_rmse(estimate_linear, true_linear, disc),
        "chroma_angle": chroma_angle(estimate_linear, true_linear, disc),
    }
    if true_linear.shape[1] < MS_SSIM_LEAST_SIZE:
        return {**values, "ssim": ssim(first, second)}
    similarity, over_scales = ssim_and_ms_ssim(first, second)
    return {**values, "ssim": similarity, "ms_ssim": over_scales}
