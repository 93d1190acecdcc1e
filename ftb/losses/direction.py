"""Losses on where the light comes from."""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.losses.targets import Targets
from ftb.maths import color, sh
from ftb.scene import lighting_ops
from ftb.types import Lighting, Prediction

# irradiance that a photograph cannot show, so that no light divides by 0
_DARKEST = 1e-3
# Radians below which an error counts by its square: what two photographs of one light differ by.
_FINE = 0.05


def direction_loss(prediction: Prediction, targets: Targets) -> Tensor:
    """Chord between the dominant directions, times the true directionality, mean over samples: ().

    Where light has no direction, none is asked for.
    """
    true, directionality = lighting_ops.dominant(targets.lighting)
    estimate, _ = lighting_ops.dominant(prediction.lighting)
    return (directionality.clamp(0.0, 1.0) * _chord(true, estimate)).mean()


def key_direction_loss(prediction: Prediction, targets: Targets) -> Tensor:
    """Chord between the key light and the strongest true one, times the true one's share: ().

    The share of the light is that of `key_share`, of the strongest key light alone.
    """
    strength = color.luminance(targets.lighting.key_irradiance)  # (B, N)
    strongest = strength.argmax(dim=-1, keepdim=True)  # (B, 1)
    true = torch.take_along_dim(targets.lighting.key_dirs, strongest[..., None], dim=1)[:, 0]
    share = _share(targets.lighting, strength.amax(dim=-1))
    return (share * _chord(true, prediction.lighting.key_dirs[:, 0])).mean()


def _chord(true: Tensor, estimate: Tensor) -> Tensor:
    """√(|a − b|² + ε²) − ε of unit vectors (B, 3): (B,), within [0, 2], about the angle in radians.

    Grows with the error and not with its square as the cosine does, which leaves errors of ten degrees
    almost unpunished; smooth at 0.
    """
    squared = 2.0 * (1.0 - (true * estimate).sum(dim=-1)).clamp_min(0.0)
    return (squared + _FINE**2).sqrt() - _FINE


def key_share_loss(prediction: Prediction, targets: Targets) -> Tensor:
    """Mean |difference| of the share of light that comes from key lights: ().

    Tells hard light from soft: irradiance alone leaves open how it is divided.
    """
    return (key_share(prediction.lighting) - key_share(targets.lighting)).abs().mean()


def key_share(lighting: Lighting) -> Tensor:
    """Luminance of key over that of all light, as irradiance facing the keys: (B,) in [0, 1).

    The environment counts with π times its mean radiance.
    """
    return _share(lighting, color.luminance(lighting.key_irradiance).sum(dim=-1))


def _share(lighting: Lighting, keys: Tensor) -> Tensor:
    l0 = lighting.sh_coeffs[..., :1, :]  # (B, 1, 3)
    anywhere = l0.new_tensor([[0.0, 0.0, 1.0]])
    environment = color.luminance(sh.irradiance_from_sh(l0, anywhere)[..., 0, :]).clamp_min(0.0)
    return keys / (keys + environment + _DARKEST)
