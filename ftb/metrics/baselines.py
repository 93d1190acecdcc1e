"""What a network must beat: the mean light of a distribution, and light from the camera."""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.maths import brdf, color, sphere
from ftb.metrics.disc import shown
from ftb.scene import lighting_ops
from ftb.types import Lighting, Pair, Prediction

# base colour of the gray ball
_BALL_ALBEDO = 0.18


class MeanLight:
    """The average ball and the average light of a stream of pairs.

    The ball is averaged as `ball_rmse` sees it, sRGB-encoded and clipped, which makes it the best
    constant answer to the mean squared error there; the light as order-2 `total_sh`, without key lights.
    """

    def __init__(self) -> None:
        self.count = 0
        self._ball_srgb: Tensor | float = 0.0
        self._sh: Tensor | float = 0.0

    def add(self, pair: Pair) -> None:
        """One batch."""
        self.count += pair.ball_linear.shape[0]
        self._ball_srgb = self._ball_srgb + shown(pair.ball_linear.detach()).sum(dim=0).cpu()
        total = lighting_ops.total_sh(pair.lighting.to(torch.float64), order=2)
        self._sh = self._sh + total.detach().sum(dim=0).cpu()

    def predict(self, pair: Pair) -> Prediction:
        """The same answer for each sample of `pair`, on its device, float32."""
        if not isinstance(self._ball_srgb, Tensor) or not isinstance(self._sh, Tensor):
            raise ValueError("mean light: expected at least one batch of pairs before an answer, got none")
        like = pair.ball_linear
        ball = color.linear_from_srgb(self._ball_srgb / self.count).to(like)
        sh_coeffs = (self._sh / self.count).to(like)
        batch = like.shape[0]
        return Prediction(
            lighting=Lighting(
                sh_coeffs=sh_coeffs.expand(batch, 9, 3),
                key_dirs=like.new_tensor([0.0, 0.0, 1.0]).expand(batch, 1, 3),
                key_irradiance=like.new_zeros(batch, 1, 3),
                key_angular_radius=like.new_zeros(batch, 1),
            ),
            ball_linear=ball.expand(batch, *ball.shape),
        )


def frontal_light(pair: Pair) -> Prediction:
    """One white key light at the camera, under which a white surface that faces it shows 1: for each sample.

    Its ball is the Lambert part of the gray one, 0.18 · n_z, on the disc.
    """
    like = pair.ball_linear
    batch, size = like.shape[:2]
    toward = like.new_tensor([0.0, 0.0, 1.0])
    irradiance = torch.ones_like(toward) / brdf.lambert(torch.ones_like(toward))
    normals = sphere.ball_normals(size)[0].to(like)
    ball = (_BALL_ALBEDO * normals[..., 2:]).expand(size, size, 3)
    return Prediction(
        lighting=Lighting(
            sh_coeffs=like.new_zeros(batch, 9, 3),
            key_dirs=toward.expand(batch, 1, 3),
            key_irradiance=irradiance.expand(batch, 1, 3),
            key_angular_radius=like.new_zeros(batch, 1),
        ),
        ball_linear=ball.expand(batch, *ball.shape),
    )
