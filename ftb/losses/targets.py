"""Targets at the network's resolution, and means over what is head."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ftb.maths.shapes import expect_shape
from ftb.scene import lighting_ops
from ftb.types import Lighting, Pair, Prediction, TensorData


@dataclass(frozen=True, kw_only=True)
class Targets(TensorData):
    """The truth of a batch, its images averaged over the network's pixels.

    weight (B, h, w): share of each pixel that is head; normals, albedo_linear, residual_linear,
    radiance_linear (B, h, w, 3) and visibility (B, h, w): means over that share, normals unit again,
    all 0 where there is no head. radiance_linear: the face before its camera. ball_linear (B, S, S, 3).
    For a prediction of a face without visibility, residual_linear is what has to be added to light without
    shadows: the shadows are part of it, negative.
    """

    lighting: Lighting
    ball_linear: Tensor
    weight: Tensor
    normals: Tensor
    albedo_linear: Tensor
    visibility: Tensor
    residual_linear: Tensor
    radiance_linear: Tensor


def targets_for(pair: Pair, prediction: Prediction) -> Targets:
    """What `prediction` should have been: `pair` at the resolution of its face-space fields."""
    size = pair.mask.shape[-2:] if prediction.normals is None else prediction.normals.shape[1:3]
    diffuse = lighting_ops.face_radiance(pair.lighting, pair.normals, pair.albedo_linear, pair.visibility)
    residual = pair.residual_linear
    if prediction.visibility is None and prediction.normals is not None:
        lit = lighting_ops.face_radiance(pair.lighting, pair.normals, pair.albedo_linear, None)
        residual = residual + diffuse - lit
    images, weight = masked_pool(
        (pair.normals, pair.albedo_linear, residual, diffuse + pair.residual_linear),
        pair.mask,
        tuple(size),
    )
    normals, albedo, residual, radiance = images
    (visibility,), _ = masked_pool((pair.visibility[..., None],), pair.mask, tuple(size))
    return Targets(
        lighting=pair.lighting,
        ball_linear=pair.ball_linear,
        weight=weight,
        normals=torch.nn.functional.normalize(normals, dim=-1, eps=1e-6),
        albedo_linear=albedo,
        visibility=visibility[..., 0],
        residual_linear=residual,
        radiance_linear=radiance,
    )


def masked_pool(
    images: tuple[Tensor, ...], mask: Tensor, size: tuple[int, int]
) -> tuple[tuple[Tensor, ...], Tensor]:
    """Images (B, H, W, C) and mask (B, H, W) -> means over what the mask covers (B, h, w, C), and its share.

    Σ m·x / Σ m over each block of (H/h) × (W/w) pixels, 0 where Σ m = 0; H/h and W/w are whole.
    """
    dims = expect_shape(mask, "B H W", name="mask")
    if dims["H"] % size[0] or dims["W"] % size[1]:
        raise ValueError(f"size: expected divisors of ({dims['H']}, {dims['W']}), got {size}")
    share = _blocks(mask[..., None], size)  # (B, h, w, 1)
    divisor = torch.where(share > 0, share, 1.0)  # where there is no head the total is 0 as well
    return tuple(_blocks(image * mask[..., None], size) / divisor for image in images), share[..., 0]


def _blocks(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Means over whole blocks: (B, H, W, C) -> (B, h, w, C)."""
    block = (images.shape[1] // size[0], images.shape[2] // size[1])
    # channel-last memory seen as torch's channel-first shape: nothing is copied
    return torch.nn.functional.avg_pool2d(images.permute(0, 3, 1, 2), block).permute(0, 2, 3, 1)


def masked_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Mean of `values` over pixels by `weight`, both (B, h, w), for each sample, then over samples: ().

    Each photograph counts the same however much of it is head, so that the loss of a batch is the mean
    of the losses of its halves, on one process or two. A photograph without a head counts as 0.
    """
    covered = weight.sum(dim=(1, 2))
    some = covered > 0
    means = (values * weight).sum(dim=(1, 2)) / torch.where(some, covered, 1.0)
    return torch.where(some, means, 0.0).mean()
