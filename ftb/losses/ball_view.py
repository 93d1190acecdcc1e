"""What the losses on the ball look at: the gray ball as a display shows it, and its disc."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from ftb.losses.display import display_from_linear
from ftb.losses.targets import Targets
from ftb.maths import sphere
from ftb.types import Prediction


def shown(holder: Prediction | Targets) -> Tensor:
    """The ball in display space, unclipped: (B, S, S, 3)."""
    return display_from_linear(holder.ball_linear)


def over_disc(values: Tensor) -> Tensor:
    """Mean over the disc of (B, S, S, 3): ()."""
    inside = disc(values.shape[1], values.device)
    return (values * inside[..., None]).sum() / (inside.sum() * 3 * values.shape[0])


@lru_cache(maxsize=8)
def disc(size: int, device: torch.device) -> Tensor:
    """1 at pixels whose centre the ball covers, else 0: (S, S) float32."""
    # a constant made under inference mode could not take part in training later
    with torch.inference_mode(False):
        return sphere.ball_normals(size)[1].to(device=device, dtype=torch.float32)
