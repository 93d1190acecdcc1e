"""Dropout whose masks do not depend on who else draws, nor on where a run was interrupted."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ftb.maths.random import generator_for


class Dropout(nn.Module):
    """Sets a share of the features to 0 in training and enlarges the others to match; else changes nothing.

    The mask of use n is a function of (seed, place, n) alone; n is counted in the state, so that a run goes
    on with the masks that it would have drawn.
    """

    def __init__(self, share: float, seed: int, place: str):
        super().__init__()
        self.share, self.seed, self.place = share, seed, place
        self.register_buffer("uses", torch.zeros((), dtype=torch.int64))

    def forward(self, features: Tensor) -> Tensor:
        """Features of any shape -> the same shape."""
        if not self.training or self.share == 0.0:
            return features
        generator = generator_for(self.seed, "dropout", int(self.uses), self.place)
        self.uses += 1
        kept = torch.rand(features.shape, generator=generator) >= self.share
        return features * (kept.to(features) / (1.0 - self.share))
