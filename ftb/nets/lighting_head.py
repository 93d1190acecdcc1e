"""From the bottleneck to light: harmonics of order 2, one key light, and how far off they may be."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from ftb.nets.blocks import ConvNorm, pool_to_grid, widened
from ftb.nets.config import NetworkConfig
from ftb.nets.light_fit import FIT_NUMBERS
from ftb.scene import lighting_ops
from ftb.types import Lighting

# Where an untrained network starts: half of the light from everywhere, half from the front and above,
# together about π of irradiance on a surface that faces the camera (a white one shows 1 in the photo).
_AMBIENT_L0 = 1.8
_KEY_IRRADIANCE = 1.3
_KEY_DIRECTION = (0.0, 0.4, 1.0)
_ERROR_DEG = 25.0
# radians; nothing in a photograph of a face tells it well, so it is a constant: a lamp, not the sun
_KEY_ANGULAR_RADIUS = 0.1
_HEAD_CHANNELS = 64
# of the six raw numbers of global brightness: mean and spread of each channel, linear light
_BRIGHTNESS_NUMBERS = 6


class LightingHead(nn.Module):
    """Bottleneck features (B, C, h, w) -> `Lighting` of order 2 and one key light, in the camera frame.

    Of a network without key light the harmonics are all of the light, and there are 0 key lights.

    The features are averaged over head_grid² cells that keep their place, not over the whole image:
    which side of the face is bright *is* the answer. The photograph's mean and spread in linear light
    go in as well, because normalisation removes brightness and the scale of the light needs it.
    """

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.grid = config.head_grid
        self.reduce = ConvNorm(config.map_widths[-1], _HEAD_CHANNELS, config.norm_channels)
        self.hidden = nn.Linear(_HEAD_CHANNELS * self.grid**2 + _BRIGHTNESS_NUMBERS, config.head_width)
        self.numbers = 27 + 6 * config.key_light
        self.refine = nn.Linear(config.head_width, config.head_width)
        self.fitted = nn.Linear(FIT_NUMBERS, config.head_width) if config.light_fit else None
        self.light = nn.Linear(config.head_width + (FIT_NUMBERS if config.light_fit else 0), self.numbers)
        self.doubt = nn.Sequential(nn.Linear(config.head_width, 64), nn.ReLU(inplace=True), nn.Linear(64, 1))

    def forward(
        self, features: Tensor, photo_srgb: Tensor, fit: Tensor | None
    ) -> tuple[Lighting, Tensor, Tensor]:
        """Lighting (leading B), expected error of its direction in degrees (B,), hidden features (B, W).

        fit (B, FIT_NUMBERS): what `LightFit` found, or None for a network without.
        """
        cells = pool_to_grid(self.reduce(features), self.grid).flatten(1)  # (B, 64 · grid²)
        total = self.hidden(torch.cat([cells, _brightness(photo_srgb)], dim=1))
        if fit is not None and self.fitted is not None:
            total = total + self.fitted(fit)
        hidden = functional.relu(total)
        hidden = hidden + functional.relu(self.refine(hidden))
        known = hidden if fit is None else torch.cat([hidden, fit.to(hidden)], dim=1)
        from_raw = lighting_from_raw if self.numbers > 27 else harmonics_from_raw
        lighting = from_raw(widened(self.light(known)))
        # detached: how well the network knows itself must not change what it knows
        doubt = widened(self.doubt(hidden.detach())).squeeze(1)
        return lighting, softplus_from(doubt, _ERROR_DEG, scale=_ERROR_DEG), hidden

    def start(self) -> None:
        """Make the untrained answer the mean light; called once the weights are drawn."""
        for layer in (self.light, self.doubt[-1]):
            with torch.no_grad():
                layer.weight.mul_(0.1)


def lighting_from_raw(raw: Tensor) -> Lighting:
    """Numbers (B, 33) of any size -> a physically possible `Lighting`; raw 0 gives the mean light.

    0..26: harmonics (9, 3), of which l0 passes a softplus and the others are relative to it, so that
    one photograph at two exposures asks for one direction; 27..29 irradiance of the key light, softplus;
    30..32 its direction before normalisation, added to a frontal one.
    """
    sh_raw = raw[:, :27].unflatten(1, (9, 3))
    level = softplus_from(sh_raw[:, :1], _AMBIENT_L0)  # (B, 1, 3)
    toward = raw[:, 30:33] + raw.new_tensor(_KEY_DIRECTION)
    return Lighting(
        sh_coeffs=torch.cat([level, level * sh_raw[:, 1:]], dim=1),
        key_dirs=functional.normalize(toward, dim=1, eps=1e-6)[:, None],
        key_irradiance=softplus_from(raw[:, 27:30], _KEY_IRRADIANCE)[:, None],
        key_angular_radius=raw.new_full((raw.shape[0], 1), _KEY_ANGULAR_RADIUS),
    )


def harmonics_from_raw(raw: Tensor) -> Lighting:
    """Numbers (B, 27) of any size -> a `Lighting` of harmonics alone; raw 0 gives the mean light.

    As `lighting_from_raw`, whose key light at the start is in the harmonics here.
    """
    sh_raw = raw.unflatten(1, (9, 3))
    start = lighting_ops.total_sh(lighting_from_raw(raw.new_zeros(1, 33)))  # (1, 9, 3), grey
    level = softplus_from(sh_raw[:, :1], float(start[0, 0, 0]))  # (B, 1, 3)
    nothing = raw.new_zeros(raw.shape[0], 0, 3)
    return Lighting(
        sh_coeffs=torch.cat([level, level * (sh_raw[:, 1:] + start[:, 1:] / start[:, :1])], dim=1),
        key_dirs=nothing,
        key_irradiance=nothing,
        key_angular_radius=nothing[..., 0],
    )


def softplus_from(raw: Tensor, start: float, scale: float = 1.0) -> Tensor:
    """`scale` · softplus, shifted so that raw 0 gives `start`; positive everywhere, linear far up."""
    offset = math.log(math.expm1(start / scale))
    return scale * functional.softplus(raw + offset)


def _brightness(photo_srgb: Tensor) -> Tensor:
    """Mean and standard deviation of each channel in (roughly) linear light: (B, 6)."""
    # a bare power of 2: this is a feature, not a measurement, and it has no corner at 0
    linear = photo_srgb.square().flatten(2)
    mean = linear.mean(dim=2, keepdim=True)
    # the root of the mean square: torch's own standard deviation takes ten times as long on a CPU
    spread = torch.linalg.vector_norm(linear - mean, dim=2) / linear.shape[2] ** 0.5
    return torch.cat([mean[..., 0], spread], dim=1)
