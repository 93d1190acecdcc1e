"""The direct U-Net: a face in, the picture of the ball out, and no physics between.

What the study that this project grew out of did. Light is read off the painted ball afterwards
(`nets.ball_reading`), so that the same metrics and the same programs can be asked about it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ftb.maths import color
from ftb.nets import physics
from ftb.nets.ball_reading import ball_reader, light_of_ball
from ftb.nets.blocks import conv1, conv3, initialise, pool_to_grid, widened
from ftb.nets.config import NetworkConfig
from ftb.nets.decoders import GROUPS, SkipStep
from ftb.nets.dropout import Dropout
from ftb.nets.encoders import build_encoder
from ftb.nets.exposure import entered
from ftb.types import LightAnswer, Prediction

# What an untrained network paints, as displayed: the middle of gray balls in daylight.
_START = 0.4
# As displayed; 3 is a hundred times white, and beyond it only numbers overflow.
_BRIGHTEST = 3.0
# Steps of the decoder that drop features: Isola et al. 2017, appendix 6.1.1, "U-Net decoder".
_DROPPING = 3


class BallPainter(nn.Module):
    """Encoder maps -> the ball as displayed (B, S, S, 3): a U-Net's way up, skips included.

    Level i of the encoder joins at S/2^i pixels, pooled to that grid: face and ball lie over each other.
    """

    def __init__(self, config: NetworkConfig, dropout: float):
        super().__init__()
        skips, channels = config.map_widths, config.norm_channels
        widths = [GROUPS * width for width in config.decoder_widths]
        self.sizes = [max(config.ball_size >> level, 1) for level in range(len(skips))]
        inputs = widths[-1]
        self.enter = conv1(skips[-1], inputs)
        steps, drops = [], []
        for number, level in enumerate(reversed(range(len(skips) - 1))):
            outputs = widths[min(level, len(widths) - 1)]
            steps.append(SkipStep(inputs, outputs, skips[level], channels))
            # there with a share of 0, too: a checkpoint of the one kind then fits the other
            share = dropout if number < _DROPPING else 0.0
            drops.append(Dropout(share, config.init_seed, f"step {number}"))
            inputs = outputs
        self.steps, self.drops = nn.ModuleList(steps), nn.ModuleList(drops)
        self.exit = conv3(inputs, 3, bias=True)

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Maps at strides 2, 4, 8, ... -> numbers (B, S, S, 3), to which the start is still to be added."""
        features = self.enter(_at(maps[-1], self.sizes[-1]))
        levels = reversed(range(len(maps) - 1))
        for level, step, drop in zip(levels, self.steps, self.drops, strict=True):
            skip = _at(maps[level], self.sizes[level])
            features = drop(step(features, skip, skip.shape[-2:]))
        return widened(self.exit(features)).permute(0, 2, 3, 1)


def _at(features: Tensor, size: int) -> Tensor:
    return features if features.shape[-2:] == (size, size) else pool_to_grid(features, size)


class DirectUNet(nn.Module):
    """Photographs (B, 3, H, W) in sRGB, [0, 1], H and W multiples of 16 -> `Prediction` of ball and light.

    Inside, every photograph has one exposure (`nets.exposure`), so that the ball only scales with it.
    Knows nothing of normals, albedo and visibility, nor how wrong it may be.
    """

    def __init__(self, config: NetworkConfig, dropout: float = 0.0):
        super().__init__()
        self.config = config
        self.encoder = build_encoder(config)
        self.painter = BallPainter(config, dropout)
        _, disc = physics.ball_geometry(config.ball_size)
        self.register_buffer("ball_disc", disc, persistent=False)
        self.register_buffer("reader", ball_reader(config.ball_size), persistent=False)
        initialise(self, torch.Generator().manual_seed(config.init_seed))
        with torch.no_grad():
            self.painter.exit.weight.mul_(0.1)

    def forward(self, photo_srgb: Tensor) -> Prediction:
        """Photographs (B, 3, H, W), encoded, [0, 1] -> the ball, and the light that it shows."""
        photo, gain = entered(photo_srgb)
        painted = self.painter(self.encoder(photo))
        with torch.autocast(photo.device.type, enabled=False):
            shown = physics.smooth_positive(painted + _START).clamp_max(_BRIGHTEST)
            dimming = (1.0 / gain)[:, None, None, None]
            ball = dimming * color.linear_from_display(shown) * self.ball_disc[..., None]
            return Prediction(lighting=light_of_ball(self.reader, ball), ball_linear=ball)

    def light_only(self, photo_srgb: Tensor) -> LightAnswer:
        """As `forward`, the light alone: which takes the ball, on which it is seen."""
        return LightAnswer(lighting=self(photo_srgb).lighting)
