"""Losses on the light against values computed by hand."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import torch
from torch.testing import assert_close

from ftb.losses.confidence import confidence_loss
from ftb.losses.direction import direction_loss, key_direction_loss, key_share, key_share_loss
from ftb.losses.irradiance import irradiance_loss
from ftb.losses.parity import parity_loss
from ftb.losses.targets import targets_for
from ftb.maths import rotation, sh
from ftb.types import Lighting, Pair
from tests.losses import fabricate


def key_light(degrees: float, irradiance: float = 1.0, ambient_l0: float = 0.0) -> Lighting:
    """One white key light in the horizontal plane, and constant ambient light."""
    angle = math.radians(degrees)
    sh_coeffs = torch.zeros(1, 9, 3)
    sh_coeffs[:, 0] = ambient_l0
    return Lighting(
        sh_coeffs=sh_coeffs,
        key_dirs=torch.tensor([[[math.sin(angle), 0.0, math.cos(angle)]]]),
        key_irradiance=torch.full((1, 1, 3), irradiance),
        key_angular_radius=torch.zeros(1, 1),
    )


def lit(pair: Pair, estimate: Lighting, true: Lighting, **fields: torch.Tensor) -> tuple:
    prediction = dataclasses.replace(fabricate.perfect(pair), lighting=estimate, **fields)
    return prediction, targets_for(dataclasses.replace(pair, lighting=true), prediction)


def test_direction_losses_of_two_lights_at_a_right_angle():
    """The chord is √2; directionality of one light is 1, its share all but 1e-3/(1 + 1e-3) of the light."""
    arguments = lit(fabricate.pair(1), key_light(0.0), key_light(90.0))
    chord = math.sqrt(2.0 + 0.05**2) - 0.05
    assert_close(direction_loss(*arguments).item(), chord)
    assert_close(key_direction_loss(*arguments).item(), chord / 1.001)


def test_direction_loss_grows_with_the_angle_and_not_with_its_square():
    ten, twenty = (
        direction_loss(*lit(fabricate.pair(1), key_light(degrees), key_light(0.0))).item()
        for degrees in (10.0, 20.0)
    )
    assert 1.9 < twenty / ten < 2.4
    same = lit(fabricate.pair(1), key_light(30.0), key_light(30.0))
    assert abs(direction_loss(*same).item()) < 1e-5


def test_direction_loss_does_not_ask_where_there_is_none():
    true = key_light(90.0, irradiance=0.0, ambient_l0=1.0)
    assert_close(direction_loss(*lit(fabricate.pair(1), key_light(90.0), true)).item(), 0.0)


def test_key_direction_is_that_of_the_strongest():
    true = key_light(90.0)
    true = dataclasses.replace(
        true,
        key_dirs=torch.tensor([[[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]]),
        key_irradiance=torch.tensor([1.0, 3.0])[None, :, None].expand(1, 2, 3),
        key_angular_radius=torch.zeros(1, 2),
    )
    assert key_direction_loss(*lit(fabricate.pair(1), key_light(90.0), true)) < 1e-6


def test_key_share_of_equal_parts_is_a_half():
    """π of irradiance from the key, and from a constant environment of radiance 1."""
    half = key_light(0.0, irradiance=math.pi, ambient_l0=math.sqrt(4 * math.pi))
    assert_close(key_share(half).item(), 0.5, atol=1e-3, rtol=0.0)
    none = key_light(0.0, irradiance=0.0, ambient_l0=1.0)
    assert_close(key_share_loss(*lit(fabricate.pair(1), half, none)).item(), 0.5, atol=1e-3, rtol=0.0)


def test_irradiance_loss_of_constant_light_twice_too_bright():
    """c(2) − c(1) = asinh(10) − asinh(5), whatever the exposure."""
    for level in (0.1, 1.0, 30.0):
        estimate = key_light(0.0, 0.0, 2.0 * level)
        loss = irradiance_loss(*lit(fabricate.pair(1), estimate, key_light(0.0, 0.0, level)))
        assert_close(loss.item(), math.asinh(10.0) - math.asinh(5.0), atol=1e-4, rtol=1e-4)


def test_irradiance_loss_turns_with_the_light():
    """Turning both lights together changes little: 64 directions stand for all."""
    a, b = fabricate.lighting(1), fabricate.lighting(1, seed=3)
    turn = rotation.from_yaw_pitch_roll(torch.tensor(0.7), torch.tensor(0.3), torch.tensor(-0.2))

    def turned(light: Lighting) -> Lighting:
        return dataclasses.replace(
            light, sh_coeffs=sh.rotate(light.sh_coeffs, turn), key_dirs=light.key_dirs @ turn.T
        )

    pair = fabricate.pair(1)
    straight, crooked = irradiance_loss(*lit(pair, a, b)), irradiance_loss(*lit(pair, turned(a), turned(b)))
    assert_close(straight, crooked, atol=0.0, rtol=0.03)


def test_confidence_is_least_at_the_mean_error():
    """Errors of 10° and 30°: the best single expectation is 20°."""
    pair = fabricate.pair(2)
    true = key_light(0.0).map(lambda x: x.expand(2, *x.shape[1:]))
    estimate = dataclasses.replace(
        true, key_dirs=torch.cat([key_light(10.0).key_dirs, key_light(30.0).key_dirs])
    )
    expected = torch.linspace(5.0, 50.0, 451)
    losses = [
        confidence_loss(*lit(pair, estimate, true, direction_error_deg=x.expand(2))).item() for x in expected
    ]
    assert_close(expected[int(np.argmin(losses))].item(), 20.0, atol=0.15, rtol=0.0)


def test_parity_of_light_and_dark_skin():
    """Light skin read as twice too bright a light: ln 2 times how unusual it is; as too dim: nothing."""
    pair = fabricate.pair(1)
    for albedo, factor in ((0.6, 2.0), (0.05, 0.5)):
        skin = albedo * (pair.mask > 0)[..., None].expand(1, 64, 64, 3)
        tone = dataclasses.replace(pair, albedo_linear=skin)
        leaning, opposite = (
            dataclasses.replace(fabricate.perfect(tone), ball_linear=scale * tone.ball_linear)
            for scale in (factor, 1.0 / factor)
        )
        expected = math.log(2.0) * abs(math.log(albedo) + 1.76) / 0.76
        assert_close(parity_loss(leaning, targets_for(tone, leaning)).item(), expected, atol=0.0, rtol=0.02)
        assert parity_loss(opposite, targets_for(tone, opposite)).item() == 0.0
