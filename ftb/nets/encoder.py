"""The residual encoder that all of stage A shares."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ftb.nets.blocks import ConvNorm, ResidualBlock
from ftb.nets.config import NetworkConfig
from ftb.nets.image_encoder import ImageEncoder

# mean and spread of encoded photographs of faces, roughly: only the scale of the input matters
_SRGB_MEAN = 0.45
_SRGB_SPREAD = 0.25


class Encoder(ImageEncoder):
    """Residual encoder: photographs (B, 3, H, W) -> features at strides 2, 4, 8, ... (B, widths[i], h, w).

    The input is the encoded photograph, standardised, and the position of each pixel: x to the right
    and y up in [−1, 1]. Where shading falls in the frame tells the direction of light, and zero padding
    alone reaches only a few pixels from the border.
    """

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.stem = ConvNorm(5, config.widths[0], config.norm_channels, stride=2)
        levels = [_level(config.widths[0], config.widths[0], config.blocks[0], config.norm_channels, 1)]
        for inputs, outputs, blocks in zip(
            config.widths[:-1], config.widths[1:], config.blocks[1:], strict=True
        ):
            levels.append(_level(inputs, outputs, max(blocks, 1), config.norm_channels, 2))
        self.levels = nn.ModuleList(levels)

    def forward(self, photo_srgb: Tensor) -> list[Tensor]:
        """Encoded photographs (B, 3, H, W) -> one feature map a level, finest first."""
        features = self.stem(torch.cat([(photo_srgb - _SRGB_MEAN) / _SRGB_SPREAD, _positions(photo_srgb)], 1))
        maps = []
        for level in self.levels:
            features = level(features)
            maps.append(features)
        return maps


def _level(inputs: int, outputs: int, blocks: int, norm_channels: int, stride: int) -> nn.Sequential:
    if blocks == 0:
        return nn.Sequential()
    rest = (ResidualBlock(outputs, outputs, norm_channels) for _ in range(blocks - 1))
    return nn.Sequential(ResidualBlock(inputs, outputs, norm_channels, stride), *rest)


def _positions(photo_srgb: Tensor) -> Tensor:
    """Pixel centres as x right, y up in [−1, 1]: (B, 2, H, W)."""
    batch, _, height, width = photo_srgb.shape
    rows = (torch.arange(height, device=photo_srgb.device, dtype=photo_srgb.dtype) + 0.5) * (2.0 / height)
    columns = (torch.arange(width, device=photo_srgb.device, dtype=photo_srgb.dtype) + 0.5) * (2.0 / width)
    grid = torch.stack(torch.meshgrid(1.0 - rows, columns - 1.0, indexing="ij"))  # (2, H, W): y, x
    return grid.expand(batch, 2, height, width)
