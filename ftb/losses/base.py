"""The family of losses and its contract.

A loss is a function of a `Prediction` and the `Targets` at its resolution, and answers with one number:
the mean over the samples of a batch, in float32. Each has an entry in a table and a weight of the same
name in `LossConfig`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ftb.losses.albedo import albedo_loss
from ftb.losses.ball import BALL_LOSSES
from ftb.losses.ball_l1 import l1
from ftb.losses.ball_ms_ssim import multiscale_dissimilarity
from ftb.losses.ball_mse import mse
from ftb.losses.ball_rank import rank
from ftb.losses.ball_ssim import dissimilarity
from ftb.losses.confidence import confidence_loss
from ftb.losses.direction import direction_loss, key_direction_loss, key_share_loss
from ftb.losses.irradiance import irradiance_loss
from ftb.losses.normals import normals_loss
from ftb.losses.parity import parity_loss
from ftb.losses.reconstruction import reconstruction_loss
from ftb.losses.residual import residual_loss
from ftb.losses.targets import Targets, targets_for
from ftb.losses.visibility import visibility_loss
from ftb.types import Pair, Prediction

__all__ = ["BALL_LOSSES", "LOSSES", "LossConfig", "total_loss"]

Loss = Callable[[Prediction, Targets], Tensor]

LOSSES: dict[str, Loss] = {
    "ball_l1": l1,
    "ball_mse": mse,
    "ball_ssim": dissimilarity,
    "ball_ms_ssim": multiscale_dissimilarity,
    "ball_rank": rank,
    "irradiance": irradiance_loss,
    "direction": direction_loss,
    "key_direction": key_direction_loss,
    "key_share": key_share_loss,
    "parity": parity_loss,
    "normals": normals_loss,
    "albedo": albedo_loss,
    "visibility": visibility_loss,
    "residual": residual_loss,
    "reconstruction": reconstruction_loss,
    "confidence": confidence_loss,
}
# what a loss needs beyond light and ball, which every network answers with
_FIELDS: dict[str, tuple[str, ...]] = {
    "normals": ("normals",),
    "albedo": ("albedo_linear",),
    "visibility": ("visibility",),
    "residual": ("residual_linear",),
    "reconstruction": ("normals", "albedo_linear"),
    "confidence": ("direction_error_deg",),
}
# what only a light that is told apart from the rest can be asked
_OF_KEY_LIGHTS = ("key_direction", "key_share")


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """Weights of the losses, 0 for none.

    ball: of the one that ball_kind names, an entry of `BALL_LOSSES`; ball_l1 to ball_rank: of others beside
    it, or, with ball = 0, of a mixture of one's own.

    With 0 for normals, albedo and visibility no loss names them, and what the residual and the reconstruction
    ask of their product is all that teaches them. The fit of the light reads the normals nevertheless and
    passes no gradient on: a network without any supervision of them also leaves out `light_fit`.
    """

    ball_kind: str = "mix"
    ball: float = 1.0
    ball_l1: float = 0.0
    ball_mse: float = 0.0
    ball_ssim: float = 0.0
    ball_ms_ssim: float = 0.0
    ball_rank: float = 0.0
    irradiance: float = 0.3
    direction: float = 1.0
    key_direction: float = 0.2
    key_share: float = 0.1
    parity: float = 0.0
    normals: float = 0.3
    albedo: float = 0.5
    visibility: float = 0.2
    residual: float = 0.5
    reconstruction: float = 0.5
    confidence: float = 0.05

    def __post_init__(self) -> None:
        if self.ball_kind not in BALL_LOSSES:
            raise ValueError(
                f"loss.ball_kind: expected one of {', '.join(BALL_LOSSES)}, got {self.ball_kind!r}"
            )
        for field in dataclasses.fields(self):
            weight = getattr(self, field.name)
            if field.name != "ball_kind" and not weight >= 0.0:
                raise ValueError(f"loss.{field.name}: expected a weight of 0 or more, got {weight}")


def total_loss(prediction: Prediction, pair: Pair, config: LossConfig) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted sum () and each loss by name, (), unweighted and detached, with the sum as "total".

    Losses of weight 0, and of what this network does not answer with, are left out: of a light without key
    lights only the whole is compared with the whole of the true one.
    """
    if prediction.ball_linear.shape != pair.ball_linear.shape:
        shapes = tuple(pair.ball_linear.shape), tuple(prediction.ball_linear.shape)
        raise ValueError(f"ball_linear: expected {shapes[0]} as in the pair, got {shapes[1]}")
    # radiance spans more digits than bfloat16 has: losses stay float32 under the trainer's autocast
    with torch.autocast(pair.ball_linear.device.type, enabled=False):
        targets = targets_for(pair, prediction)
        total = prediction.ball_linear.new_zeros(())
        values: dict[str, Tensor] = {}
        for name, loss in {"ball": BALL_LOSSES[config.ball_kind], **LOSSES}.items():
            weight = getattr(config, name)
            if weight == 0.0 or not _answered(name, prediction):
                continue
            value = loss(prediction, targets)
            values[name] = value.detach()
            total = total + weight * value
        return total, {"total": total.detach(), **values}


def _answered(name: str, prediction: Prediction) -> bool:
    """Whether a prediction has what the loss of this name compares."""
    if name in _OF_KEY_LIGHTS and prediction.lighting.key_dirs.shape[-2] == 0:
        return False
    return all(getattr(prediction, field) is not None for field in _FIELDS.get(name, ()))
