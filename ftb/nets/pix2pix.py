"""pix2pix (Isola et al. 2017): the direct U-Net as generator, and the discriminator that it has to convince.

Section 3: the discriminator sees photograph and ball together and judges them patch by patch; the
generator's noise is dropout in its deepest steps. Unlike theirs, noise is off when the network is used, so
that one photograph has one answer, and normalisation is by groups, so that an answer does not depend on the
rest of its batch.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from ftb.maths import color
from ftb.maths.shapes import expect_shape
from ftb.nets.blocks import norm, pool_to_grid, widened
from ftb.nets.config import NetworkConfig
from ftb.nets.direct import DirectUNet

# Of the initial weights: Isola et al. 2017, appendix 6.2.
_SPREAD = 0.02
_SLOPE = 0.2
# photograph and ball
_CHANNELS = 6


def pix2pix_generator(config: NetworkConfig) -> DirectUNet:
    """The generator; all that is left of pix2pix once it is trained."""
    return DirectUNet(config, dropout=config.dropout)


class PatchDiscriminator(nn.Module):
    """Photograph and ball -> for each patch, the log-odds that the ball is the true one.

    4 × 4 convolutions to `discriminator_widths` channels, of stride 2 but for the last, then one to a
    number: 2 widths see 16 × 16 pixels of the ball, 3 see 34, 4 see 70 (their appendix 6.1.2).
    """

    def __init__(self, config: NetworkConfig):
        super().__init__()
        layers: list[nn.Module] = []
        widths = (_CHANNELS, *config.discriminator_widths)
        last = len(widths) - 2
        for number, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
            stride = 1 if number == last else 2
            layers.append(nn.Conv2d(inputs, outputs, 4, stride=stride, padding=1))
            if number:
                layers.append(norm(outputs, config.norm_channels))
            layers.append(nn.LeakyReLU(_SLOPE))
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, padding=1))
        generator = torch.Generator().manual_seed(config.init_seed + 1)
        for part in self.layers:
            if isinstance(part, nn.Conv2d):
                nn.init.normal_(part.weight, std=_SPREAD, generator=generator)
                nn.init.zeros_(part.bias)

    def forward(self, photo_srgb: Tensor, ball_linear: Tensor) -> Tensor:
        """photo_srgb (B, 3, H, W), encoded; ball_linear (B, S, S, 3) -> logits (B, h, w) in float32.

        The photograph is pooled to the ball's size; the ball is judged as displayed.
        """
        dims = expect_shape(ball_linear, "B S S 3", name="ball_linear")
        expect_shape(photo_srgb, "B 3 H W", name="photo_srgb", dims={"B": dims["B"]})
        with torch.autocast(ball_linear.device.type, enabled=False):
            ball = color.display_from_linear(ball_linear).permute(0, 3, 1, 2)
            photo = pool_to_grid(photo_srgb, dims["S"])
            both = 2.0 * torch.cat([photo, ball], dim=1) - 1.0
        return widened(self.layers(both)).squeeze(1)


def verdict_loss(logits: Tensor, true: bool) -> Tensor:
    """Cross-entropy of a discriminator's logits with the same answer everywhere, mean over patches: ()."""
    wanted = torch.full_like(logits, 1.0 if true else 0.0)
    return functional.binary_cross_entropy_with_logits(logits, wanted)
