"""Loss on what of the face is not visible diffuse light: highlights above all."""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.losses.targets import Targets, masked_mean
from ftb.types import Prediction


def residual_loss(prediction: Prediction, targets: Targets) -> Tensor:
    """Mean |asinh(r) − asinh(r*)| of linear radiance over the head and channels: ().

    As an L1 for what is below white; a glint of ten times white does not outweigh the face. Of a prediction
    without visibility r* holds its shadows too (`Targets`).
    """
    difference = torch.asinh(prediction.residual_linear) - torch.asinh(targets.residual_linear)
    return masked_mean(difference.abs().mean(dim=-1), targets.weight)
