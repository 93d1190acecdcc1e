"""Loss on the face's albedo."""

from __future__ import annotations

from torch import Tensor

from ftb.losses.targets import Targets, masked_mean
from ftb.types import Prediction


def albedo_loss(prediction: Prediction, targets: Targets) -> Tensor:
    """Mean |difference| of linear albedo over the head and channels: ().

    A photograph tells albedo only up to a factor (bright skin in dim light looks like dark skin in
    bright light), and a tint. The loss is not made blind to it: what is known of human skin is all that
    fixes the scale of the light, and the network is to learn it.
    """
    difference = (prediction.albedo_linear - targets.albedo_linear).abs().mean(dim=-1)
    return masked_mean(difference, targets.weight)
