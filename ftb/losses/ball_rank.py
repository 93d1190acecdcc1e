"""Ranking loss on the ball's luminance: which pixel is brighter than which, and nothing else."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from ftb.losses.ball_view import disc
from ftb.losses.display import display_from_linear
from ftb.losses.targets import Targets
from ftb.maths import color
from ftb.types import Prediction

# Pixels that are compared, each with each.
_PIXELS = 256
# Width of a soft comparison, in standard deviations of the predicted ball.
_SOFTNESS = 0.1
# A ball without contrast: differences below what any display tells apart.
_LEAST_SPREAD = 1e-4


def rank(prediction: Prediction, targets: Targets) -> Tensor:
    """1 − Spearman's ρ of predicted and true luminance over pixels of the disc, mean over samples: ().

    The value is that of exact ranks, so that no increasing curve of either ball, exposure, tone curve or
    display, changes it: 0 for the same order, 1 for none, 2 for the reverse. Ranks have no slope: the
    gradient is that of soft ranks (differentiable sorting in place of sorting, as in SoDeep, Engilberge et
    al. 2019, section 3), evaluated at the exact ones, and 0 where the order is right. At most 256 pixels,
    always the same. A ball without contrast, true or predicted, counts as 1 and has no order to learn.

    Does not: see colour, brightness, or how much brighter.
    """
    places = _places(prediction.ball_linear.shape[1], prediction.ball_linear.device)
    estimate, true = (
        color.luminance(ball.flatten(1, 2)[:, places])
        for ball in (prediction.ball_linear, targets.ball_linear)
    )  # (B, N)
    exact, wanted = exact_ranks(estimate), exact_ranks(true)
    encoded = display_from_linear(estimate)
    spread = encoded.detach().std(dim=-1, keepdim=True).clamp_min(_LEAST_SPREAD)
    soft = soft_ranks(encoded, _SOFTNESS * spread)
    # exact in value, soft in slope
    difference = _unit(soft + (exact - soft).detach()) - _unit(wanted)
    told = wanted.any(dim=-1) & exact.any(dim=-1)
    return torch.where(told, 0.5 * difference.square().sum(dim=-1), 1.0).mean()


def soft_ranks(values: Tensor, width: Tensor) -> Tensor:
    """Ranks of (B, N) that have a slope, centred on 0: rᵢ = ½ Σⱼ tanh((xᵢ − xⱼ) / width), (B, N).

    width (B, 1); the exact ones as it goes to 0.
    """
    differences = values[:, :, None] - values[:, None, :]  # (B, N, N)
    return 0.5 * torch.tanh(differences / width[..., None]).sum(dim=-1)


@torch.no_grad()
def exact_ranks(values: Tensor) -> Tensor:
    """Ranks of (B, N) centred on 0, the mean of theirs for equal values: ½ Σⱼ sign(xᵢ − xⱼ), (B, N)."""
    return 0.5 * torch.sign(values[:, :, None] - values[:, None, :]).sum(dim=-1)


def _unit(ranks: Tensor) -> Tensor:
    """(B, N) over its length; 0 stays 0."""
    squared = ranks.square().sum(dim=-1, keepdim=True)
    return ranks * torch.rsqrt(squared.clamp_min(1.0))  # the least length of any order is ½√2


@lru_cache(maxsize=8)
def _places(size: int, device: torch.device) -> Tensor:
    """Numbers (N,) of pixels of the disc, row by row, drawn once and for all."""
    with torch.inference_mode(False):
        inside = disc(size, torch.device("cpu")).flatten().nonzero()[:, 0]
        order = torch.randperm(len(inside), generator=torch.Generator().manual_seed(0))
        return inside[order[:_PIXELS]].to(device)
