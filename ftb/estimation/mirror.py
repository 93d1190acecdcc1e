"""A face and its mirror image are lit by mirrored light: ask about both and average.

The answer then mirrors exactly with the photograph, and errors that do not, such as a taste for light from
one side, cancel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ftb.maths.color import luminance
from ftb.scene.landmarks import mirror_landmarks
from ftb.types import LightAnswer, Lighting, Prediction


def predict_both_ways(
    network: Callable[..., Prediction], photos_srgb: Tensor, landmarks: Tensor | None = None
) -> Prediction:
    """The mean of what a network answers for photographs (B, 3, H, W) and, mirrored back, for their mirror
    images; landmarks (B, 5, 2), mirrored as well, for a network that reads them."""
    straight, mirrored = _asked_both_ways(network, photos_srgb, landmarks)
    return mean_prediction(straight, mirror_prediction(mirrored))


def light_both_ways(
    light_only: Callable[..., LightAnswer], photos_srgb: Tensor, landmarks: Tensor | None = None
) -> LightAnswer:
    """As `predict_both_ways`, of a network's `light_only`: the same light."""
    straight, mirrored = _asked_both_ways(light_only, photos_srgb, landmarks)
    return LightAnswer(
        lighting=_mean_lighting(straight.lighting, mirror_lighting(mirrored.lighting)),
        direction_error_deg=_mean(straight.direction_error_deg, mirrored.direction_error_deg),
    )


def _asked_both_ways(
    ask: Callable[..., Any], photos_srgb: Tensor, landmarks: Tensor | None
) -> tuple[Any, Any]:
    """The answers for the photographs and for their mirror images, asked for in one batch."""
    photos = torch.cat([photos_srgb, photos_srgb.flip(3)])
    places = () if landmarks is None else (torch.cat([landmarks, mirror_landmarks(landmarks)]),)
    both, count = ask(photos, *places), len(photos_srgb)
    return both[:count], both[count:]


def mirror_lighting(lighting: Lighting) -> Lighting:
    """The light as seen in a mirror beside the camera: what came from (x, y, z) comes from (−x, y, z)."""
    flip = lighting.key_dirs.new_tensor([-1.0, 1.0, 1.0])
    environment = lighting.environment
    return replace(
        lighting,
        sh_coeffs=lighting.sh_coeffs * _signs(lighting.sh_coeffs)[:, None],
        key_dirs=lighting.key_dirs * flip,
        environment=None if environment is None else environment.flip(-2),
    )


def _signs(sh_coeffs: Tensor) -> Tensor:
    """(K,) ±1: whether a harmonic is odd in x. With φ from +X to +Y, x → −x is φ → π − φ: cos(mφ) takes
    (−1)^m and sin(mφ) the opposite."""
    order = round(sh_coeffs.shape[-2] ** 0.5) - 1
    orders = [m for degree in range(order + 1) for m in range(-degree, degree + 1)]
    signs = [(-1) ** (m % 2) * (1 if m >= 0 else -1) for m in orders]
    return sh_coeffs.new_tensor(signs)


def mirror_prediction(prediction: Prediction) -> Prediction:
    """What the same network should answer for the mirrored photograph."""
    flip = prediction.ball_linear.new_tensor([-1.0, 1.0, 1.0])
    normals = prediction.normals
    return replace(
        prediction,
        lighting=mirror_lighting(prediction.lighting),
        ball_linear=prediction.ball_linear.flip(2),
        normals=None if normals is None else normals.flip(2) * flip,
        **{
            name: None if (image := getattr(prediction, name)) is None else image.flip(2)
            for name in ("albedo_linear", "visibility", "residual_linear")
        },
    )


def mean_prediction(first: Prediction, second: Prediction) -> Prediction:
    """The mean of two answers for the same photographs; one key light each becomes one between them."""
    images = ("ball_linear", "albedo_linear", "visibility", "residual_linear", "direction_error_deg")
    means = {name: _mean(getattr(first, name), getattr(second, name)) for name in images}
    normals = _mean(first.normals, second.normals)
    return replace(
        first,
        lighting=_mean_lighting(first.lighting, second.lighting),
        normals=None if normals is None else functional.normalize(normals, dim=-1, eps=1e-6),
        **means,
    )


def _mean(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    return None if first is None or second is None else 0.5 * (first + second)


def _mean_lighting(first: Lighting, second: Lighting) -> Lighting:
    """Two key lights (of slot n) become one of their mean irradiance, at the direction of their sum."""
    towards = sum(
        luminance(light.key_irradiance)[..., None] * light.key_dirs for light in (first, second)
    ) + 1e-6 * (first.key_dirs + second.key_dirs)
    return replace(
        first,
        sh_coeffs=0.5 * (first.sh_coeffs + second.sh_coeffs),
        key_dirs=functional.normalize(torch.as_tensor(towards), dim=-1, eps=1e-12),
        key_irradiance=0.5 * (first.key_irradiance + second.key_irradiance),
        key_angular_radius=0.5 * (first.key_angular_radius + second.key_angular_radius),
    )
