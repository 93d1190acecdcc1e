"""Loss on the network's own expectation of its error."""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.losses.targets import Targets
from ftb.scene import lighting_ops
from ftb.types import Prediction

# degrees added to both, so that errors below what matters are not told apart
_FLOOR_DEG = 1.0


def confidence_loss(prediction: Prediction, targets: Targets) -> Tensor:
    """`expectation_loss` of the dominant direction: () ≥ 0.

    The error itself is detached: being wrong on purpose is no way to be right about it.
    """
    true, _ = lighting_ops.dominant(targets.lighting)
    estimate, _ = lighting_ops.dominant(prediction.lighting)
    error_deg = lighting_ops.angle_deg(true, estimate).detach()
    return expectation_loss(prediction.direction_error_deg, error_deg)


def expectation_loss(expected_deg: Tensor, error_deg: Tensor) -> Tensor:
    """Mean of r − ln r − 1, r = (error + 1°)/(expected + 1°), of angles (B,): () ≥ 0.

    The log-likelihood of an exponential distribution, up to a constant: least where the expectation is
    the *mean* error of photographs like this one (an L1 would ask for the median).
    """
    ratio = (error_deg + _FLOOR_DEG) / (expected_deg + _FLOOR_DEG)
    return (ratio - torch.log(ratio) - 1.0).mean()
