"""The residual encoder that all of stage A shares."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ftb.nets.blocks import ConvNorm, ResidualBlock
from ftb.nets.config import NetworkConfig
from ftb.nets.image_encoder import ImageEncoder
from ftb.nets.landmark_maps import landmark_maps
from ftb.scene.landmarks import LANDMARKS

# mean and spread of encoded photographs of faces, roughly: only the scale of the input matters
_SRGB_MEAN = 0.45
_SRGB_SPREAD = 0.25


class Encoder(ImageEncoder):
    """Residual encoder: photographs (B, 3, H, W) -> features at strides 2, 4, 8, ... (B, widths[i], h, w).

    The input is the encoded photograph, standardised, and the position of each pixel: x to the right
    and y up in [−1, 1]. Where shading falls in the frame tells the direction of light, and zero padding
    alone reaches only a few pixels from the border. Of a network with landmarks also their heatmaps.
    """

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.landmarks = config.landmarks
        inputs = 5 + LANDMARKS * config.landmarks
        self.stem = ConvNorm(inputs, config.widths[0], config.norm_channels, stride=2)
        levels = [_level(config.widths[0], config.widths[0], config.blocks[0], config.norm_channels, 1)]
        for inputs, outputs, blocks in zip(
            config.widths[:-1], config.widths[1:], config.blocks[1:], strict=True
        ):
            levels.append(_level(inputs, outputs, max(blocks, 1), config.norm_channels, 2))
        self.levels = nn.ModuleList(levels)

    def forward(self, photo_srgb: Tensor, landmarks: Tensor | None = None) -> list[Tensor]:
        """Encoded photographs (B, 3, H, W), landmarks (B, 5, 2) -> one feature map a level, finest first."""
        entering = [(photo_srgb - _SRGB_MEAN) / _SRGB_SPREAD, _positions(photo_srgb)]
        if self.landmarks:
            if landmarks is None:
                raise ValueError("landmarks: expected (B, 5, 2) for a network with landmarks, got None")
            entering.append(landmark_maps(landmarks, *photo_srgb.shape[-2:]))
        features = self.stem(torch.cat(entering, 1))
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
