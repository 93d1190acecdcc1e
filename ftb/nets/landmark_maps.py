"""Landmarks as pictures: one heatmap each, beside the photograph at a network's entrance.

After the normal generator of Kuo et al., which is shown where eyes, nose and mouth are.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.maths.shapes import expect_shape
from ftb.nets.config import NetworkConfig
from ftb.types import Pair

# Standard deviation of a heatmap over the side of its picture: 4 pixels of 128.
SIGMA = 1.0 / 32.0


def landmark_maps(landmarks: Tensor, height: int, width: int) -> Tensor:
    """exp(−d²/2σ²), d the distance to each landmark (B, 5, 2) in [−1, 1], +Y up: (B, 5, H, W).

    σ is `SIGMA` of each side; pixel centres at +0.5; 1 at the landmark, next to 0 where it is outside.
    """
    expect_shape(landmarks, "B 5 2", name="landmarks")
    across = _bell(landmarks[..., 0], width)  # (B, 5, W)
    down = _bell(-landmarks[..., 1], height)  # (B, 5, H)
    return down[..., :, None] * across[..., None, :]


def _bell(place: Tensor, count: int) -> Tensor:
    """One factor of the separable bell, at `count` pixel centres in [−1, 1]: (..., count)."""
    centres = (torch.arange(count, device=place.device, dtype=place.dtype) + 0.5) * (2.0 / count) - 1.0
    return torch.exp(-0.5 * ((centres - place[..., None]) / (2.0 * SIGMA)).square())


def network_inputs(pair: Pair, config: NetworkConfig) -> tuple[Tensor, ...]:
    """What a network of `config` is called with: photographs (B, 3, H, W), and landmarks (B, 5, 2) where it
    reads them. ValueError where the pairs have none."""
    photo_srgb = pair.photo_srgb.permute(0, 3, 1, 2)
    if not config.landmarks:
        return (photo_srgb,)
    if pair.landmarks is None:
        raise ValueError("net.landmarks: expected pairs with landmarks, got some without")
    return photo_srgb, pair.landmarks
