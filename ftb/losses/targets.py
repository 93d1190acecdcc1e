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
    fields = (
        pair.normals,
        pair.albedo_linear,
        pair.residual_linear,
        diffuse + pair.residual_linear,
        pair.visibility[..., None],
    )
    images, weight = masked_pool(torch.cat(fields, dim=-1), pair.mask, tuple(size))
    normals, albedo, residual, radiance, visibility = images.split([3, 3, 3, 3, 1], dim=-1)
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


def masked_pool(images: Tensor, mask: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Images (B, H, W, C) and mask (B, H, W) -> means over what the mask covers (B, h, w, C), and its share.

    Σ m·x / Σ m over each block of (H/h) × (W/w) pixels, 0 where Σ m = 0; H/h and W/w are whole.
    """
    dims = expect_shape(images, "B H W C", name="images")
    expect_shape(mask, "B H W", name="mask", dims=dims)
    height, width = size
    if dims["H"] % height or dims["W"] % width:
        raise ValueError(f"size: expected divisors of ({dims['H']}, {dims['W']}), got {size}")
    share = _blocks(mask[..., None], size)
    total = _blocks(images * mask[..., None], size)
    some = share > 0
    return torch.where(some, total / torch.where(some, share, 1.0), 0.0), share[..., 0]


def _blocks(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Means over whole blocks: (B, H, W, C) -> (B, h, w, C)."""
    rows, columns = images.shape[1] // size[0], images.shape[2] // size[1]
    return images.unflatten(2, (size[1], columns)).unflatten(1, (size[0], rows)).mean(dim=(2, 4))


def masked_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Mean of `values` over pixels by `weight`, both (B, h, w), for each sample, then over samples: ().

    Each photograph counts the same however much of it is head, so that the loss of a batch is the mean
    of the losses of its halves, on one process or two. A photograph without a head counts as 0.
    """
    covered = weight.sum(dim=(1, 2))
    some = covered > 0
    means = (values * weight).sum(dim=(1, 2)) / torch.where(some, covered, 1.0)
    return torch.where(some, means, 0.0).mean()
