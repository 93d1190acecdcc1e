"""Loss on the face's normals."""

from __future__ import annotations

from torch import Tensor

from ftb.losses.targets import Targets, masked_mean
from ftb.types import Prediction


def normals_loss(prediction: Prediction, targets: Targets) -> Tensor:
    """Mean of 1 − cos over the head: ()."""
    return masked_mean(1.0 - (prediction.normals * targets.normals).sum(dim=-1), targets.weight)
