"""Loss on light that is read as brighter on light skin and as dimmer on dark skin."""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.losses.ball_view import disc
from ftb.losses.targets import Targets
from ftb.maths import color
from ftb.types import Prediction

# mean and spread of the log of the mean albedo of a head, hair included, over 1,024 pairs of `standard`
_USUAL_LOG_ALBEDO, _SPREAD = -1.76, 0.76
# luminance of a ball, or of an albedo, below which nothing is told apart
_DARKEST = 1e-3


def parity_loss(prediction: Prediction, targets: Targets) -> Tensor:
    """Mean of max(a·r, 0), r = ln(Ȳ/Ȳ*) of the balls, a = the standardised log albedo of the head: () ≥ 0.

    A photograph tells albedo times light, and whoever cannot tell them apart answers with the usual albedo:
    too bright a light for a light skin, too dim a one for a dark skin. Each such error is the best guess for
    its photograph and yet falls on the same people every time. This asks for a price of those errors alone,
    not of their opposites, in proportion to how unusual the skin is (a Lagrangian of "bias and albedo are not
    correlated", its sign kept). Ȳ: mean luminance over the disc and 0.001, Ȳ* the true one; a < 0 is darker
    than usual. A photograph without a head counts as 0.
    """
    bright, true = (_mean_luminance(holder.ball_linear) for holder in (prediction, targets))
    error = torch.log(bright / true)
    covered = targets.weight.sum(dim=(1, 2))
    albedo = (color.luminance(targets.albedo_linear) * targets.weight).sum(dim=(1, 2))
    albedo = (albedo / torch.where(covered > 0, covered, 1.0)).clamp_min(_DARKEST)
    unusual = (torch.log(albedo) - _USUAL_LOG_ALBEDO) / _SPREAD
    return torch.where(covered > 0, unusual * error, 0.0).clamp_min(0.0).mean()


def _mean_luminance(ball_linear: Tensor) -> Tensor:
    """Over the disc of (B, S, S, 3), and what cannot be told from black: (B,) above 0."""
    inside = disc(ball_linear.shape[1], ball_linear.device)
    total = (color.luminance(ball_linear) * inside).sum(dim=(1, 2))
    return (total / inside.sum()).clamp_min(0.0) + _DARKEST
