"""Loss on the photograph put together again from its parts."""

from __future__ import annotations

from torch import Tensor

from ftb.losses.display import display_from_linear
from ftb.losses.targets import Targets, masked_mean
from ftb.scene import lighting_ops
from ftb.types import Prediction


def reconstruction_loss(prediction: Prediction, targets: Targets) -> Tensor:
    """Mean |difference| over the head, in display space, of the face before its camera: ().

    visibility · albedo/π · E₂(n) + residual, all of the prediction, against the same of the truth. A
    prediction without visibility or residual has to make do with the rest.
    """
    diffuse = lighting_ops.face_radiance(
        prediction.lighting, prediction.normals, prediction.albedo_linear, prediction.visibility
    )
    residual = prediction.residual_linear
    estimate = display_from_linear(diffuse if residual is None else diffuse + residual)
    true = display_from_linear(targets.radiance_linear)
    return masked_mean((estimate - true).abs().mean(dim=-1), targets.weight)
