"""What every encoder is: a photograph in, maps of features out; it may be frozen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

from torch import Tensor, nn


class ImageEncoder(nn.Module, ABC):
    """Photographs -> features at strides 2, 4, 8, ..., of `NetworkConfig.map_widths` channels.

    Takes encoded photographs (B, 3, H, W) in [0, 1] and does its own standardising.
    """

    frozen = False

    def freeze(self) -> Self:
        """Learn nothing from now on: neither weights nor the statistics of batch normalisation."""
        self.frozen = True
        return self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Self:
        """As `nn.Module.train`; a frozen one stays in evaluation mode, whatever it is part of."""
        return super().train(mode and not self.frozen)

    @abstractmethod
    def forward(self, photo_srgb: Tensor) -> list[Tensor]:
        """Encoded photographs (B, 3, H, W) -> one map a stride, finest first: (B, C, ⌈H/s⌉, ⌈W/s⌉)."""
