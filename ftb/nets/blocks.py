"""Building blocks: grouped convolutions with group normalisation, deterministic pooling, initialisation.

Group normalisation rather than batch normalisation: no statistics that differ between processes,
between training and use, or that an average of weights would have to redo; and it is the faster of the
two on a CPU. Upsampling is nearest, whose gradient is deterministic on every device.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def conv3(inputs: int, outputs: int, *, stride: int = 1, groups: int = 1, bias: bool = False) -> nn.Conv2d:
    """3 × 3 convolution, same padding."""
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, groups=groups, bias=bias)


def conv1(inputs: int, outputs: int, *, groups: int = 1, bias: bool = False) -> nn.Conv2d:
    """1 × 1 convolution."""
    return nn.Conv2d(inputs, outputs, 1, groups=groups, bias=bias)


def norm(channels: int, norm_channels: int) -> nn.GroupNorm:
    """Group normalisation over runs of `norm_channels`, so that channel groups stay independent."""
    return nn.GroupNorm(channels // norm_channels, channels)


class ConvNorm(nn.Module):
    """Convolution 3 × 3, group normalisation, ReLU: (B, inputs, H, W) -> (B, outputs, H/stride, W/stride)."""

    def __init__(self, inputs: int, outputs: int, norm_channels: int, stride: int = 1, groups: int = 1):
        super().__init__()
        self.conv = conv3(inputs, outputs, stride=stride, groups=groups)
        self.norm = norm(outputs, norm_channels)

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, C, H, W) -> (B, C', H', W')."""
        return functional.relu(self.norm(self.conv(features)))


class ResidualBlock(nn.Module):
    """Basic block of He et al. 2016: x + norm(conv(relu(norm(conv(x))))), then ReLU."""

    def __init__(self, inputs: int, outputs: int, norm_channels: int, stride: int = 1):
        super().__init__()
        self.first = ConvNorm(inputs, outputs, norm_channels, stride)
        self.conv = conv3(outputs, outputs)
        self.norm = norm(outputs, norm_channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            # average before projecting, so that no input pixel is ignored (He et al. 2019, ResNet-D)
            pool = nn.AvgPool2d(stride, ceil_mode=True, count_include_pad=False)
            self.shortcut = nn.Sequential(
                pool if stride > 1 else nn.Identity(), conv1(inputs, outputs), norm(outputs, norm_channels)
            )

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, C, H, W) -> (B, C', H/stride, W/stride)."""
        return functional.relu(self.shortcut(features) + self.norm(self.conv(self.first(features))))


def widened(value: Tensor) -> Tensor:
    """Half precision to float32, anything wider as it is: what leaves the convolutions for the physics."""
    return value.to(torch.promote_types(value.dtype, torch.float32))


def upsample_to(features: Tensor, size: torch.Size | tuple[int, int]) -> Tensor:
    """Nearest enlargement of (B, C, h, w) to (B, C, *size)."""
    return functional.interpolate(features, size=tuple(size), mode="nearest")


def pool_to_grid(features: Tensor, grid: int) -> Tensor:
    """Exact area average of (B, C, H, W) over `grid` × `grid` equal cells: (B, C, grid, grid).

    For any H and W: cells share the pixels on their borders by overlap; the identity when H = W = grid.
    Two matrix products, because the gradient of torch's adaptive pooling is not deterministic on CUDA.
    """
    rows = _overlap(features.shape[-2], grid, features)
    columns = _overlap(features.shape[-1], grid, features)
    return torch.einsum("gh,bchw,kw->bcgk", rows, features, columns)


def _overlap(size: int, grid: int, like: Tensor) -> Tensor:
    """Share of each of `size` pixels in each of `grid` cells, rows summing to 1: (grid, size)."""
    edges = torch.arange(grid + 1, device=like.device, dtype=torch.float64) * (size / grid)
    pixels = torch.arange(size, device=like.device, dtype=torch.float64)
    upper = torch.minimum(edges[1:, None], pixels + 1.0)
    lower = torch.maximum(edges[:-1, None], pixels)
    return ((upper - lower).clamp_min(0.0) * (grid / size)).to(like.dtype)


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """He initialisation (fan in, for ReLU) of every convolution and linear layer, in module order.

    The last normalisation of each residual block starts at 0, so that blocks start as identities.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu", generator=generator)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, ResidualBlock):
            nn.init.zeros_(part.norm.weight)
