"""The cheap baseline: frozen features of an image encoder, and ridge regression from them to light.

No gradient is followed: sums over the samples are enough, and the weights follow from them in closed form.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ftb.maths import color
from ftb.nets.ball_reading import ANSWERED_ORDER, harmonic_light
from ftb.nets.blocks import initialise, pool_to_grid, widened
from ftb.nets.config import NetworkConfig
from ftb.nets.encoders import build_encoder
from ftb.nets.exposure import entered
from ftb.render.ball import render_ball
from ftb.scene import lighting_ops
from ftb.types import LightAnswer, Lighting, Prediction

# Harmonics of order 2 in three channels.
NUMBERS = 27
# Of the first harmonic, at the one exposure; a tenth of the samples have less than 0.8.
_LEAST_LEVEL = 0.3
# Light from everywhere, of which white paper shows 1 (√(4π)): the answer before anything is known.
_AMBIENT_L0 = 3.544908


class RidgeNetwork(nn.Module):
    """Photographs (B, 3, H, W) in sRGB, [0, 1], H and W multiples of 16 -> `Prediction` of light and ball.

    Features: every map of the encoder, pooled to ridge_grid² cells. Light: one linear layer, order 2, at the
    photograph's one exposure (`nets.exposure`); ball: rendered from it. The encoder is frozen whatever the
    configuration says; without `encoder_weights` its features are random.
    """

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.config = config
        self.encoder = build_encoder(config).freeze()
        self.light = nn.Linear(sum(config.map_widths) * config.ridge_grid**2, NUMBERS)
        initialise(self, torch.Generator().manual_seed(config.init_seed))
        with torch.no_grad():
            self.light.weight.mul_(0.01)
            self.light.bias.view(-1, 3)[0] = _AMBIENT_L0

    def features(self, photo_srgb: Tensor) -> tuple[Tensor, Tensor]:
        """Photographs -> features (B, F), float32, and the gain that they were exposed with (B,)."""
        photo, gain = entered(photo_srgb)
        maps = self.encoder(photo)
        cells = [pool_to_grid(widened(one), self.config.ridge_grid).flatten(1) for one in maps]
        return torch.cat(cells, dim=1), gain

    def forward(self, photo_srgb: Tensor) -> Prediction:
        """Photographs (B, 3, H, W), encoded, [0, 1] -> light and the ball in it."""
        lighting = self.light_only(photo_srgb).lighting
        with torch.autocast(photo_srgb.device.type, enabled=False):
            return Prediction(
                lighting=lighting, ball_linear=render_ball(lighting, "gray", self.config.ball_size)
            )

    def light_only(self, photo_srgb: Tensor) -> LightAnswer:
        """As `forward`, the light alone."""
        features, gain = self.features(photo_srgb)
        with torch.autocast(photo_srgb.device.type, enabled=False):
            sh_coeffs = self.light(features).unflatten(1, (-1, 3)) / gain[:, None, None]
            return LightAnswer(lighting=harmonic_light(sh_coeffs))


def light_targets(lighting: Lighting, gain: Tensor) -> Tensor:
    """What the features are regressed to: order 2 of all light, key lights too, times gain (B,): (B, 27)."""
    return (lighting_ops.total_sh(lighting, ANSWERED_ORDER) * gain[:, None, None]).flatten(1)


def relative_weights(targets: Tensor) -> Tensor:
    """1 / level² of the targets' light (B, 27): (B,), so that errors count relative to the light.

    A face against the light is dark, and at its one exposure that light is a hundred times that of others:
    unweighted, a few such would decide everything.
    """
    level = color.luminance(targets.unflatten(1, (-1, 3)))[:, 0]
    return level.clamp_min(_LEAST_LEVEL).square().reciprocal()


def normal_sums(features: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Sums over samples of w [x, 1]ᵀ[x, 1] and w [x, 1]ᵀ y: (F + 1, F + 1) and (F + 1, T), float64.

    features x (B, F), targets y (B, T), weights w (B,). Those of two batches add up.
    """
    known = torch.cat([features.double(), features.new_ones(len(features), 1).double()], dim=1)
    weighted = known * weights.double()[:, None]
    return weighted.T @ known, weighted.T @ targets.double()


def solve_ridge(gram: Tensor, moment: Tensor, ridge: float) -> tuple[Tensor, Tensor]:
    """Weight (T, F) and bias (T,) from `normal_sums`, float64.

    argmin of the weighted mean of |y − W x − b|² + ridge · Σ (W_f · spread of feature f)²: features count as
    if they were standardised, and the bias is free (Hastie et al. 2009, section 3.4.1).
    """
    count = gram[-1, -1]
    mean_x, mean_y = gram[:-1, -1] / count, moment[-1] / count
    covariance = gram[:-1, :-1] / count - torch.outer(mean_x, mean_x)
    spread = covariance.diagonal().clamp_min(0.0).sqrt()
    spread = torch.where(spread > 1e-7 * (1.0 + mean_x.abs()), spread, 1.0)  # a feature that never changes
    correlation = covariance / torch.outer(spread, spread)
    correlation.diagonal().add_(ridge)
    shared = (moment[:-1] / count - torch.outer(mean_x, mean_y)) / spread[:, None]
    weight = (torch.linalg.solve(correlation, shared) / spread[:, None]).T
    return weight, mean_y - weight @ mean_x
