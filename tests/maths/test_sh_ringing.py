"""Ringing taken out of harmonics: nothing negative, means kept, colours calm, what never rang untouched."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ftb.maths import envmap, rotation, sh
from ftb.maths.sh_ringing import FLOOR, LEAST_COLOR, without_ringing


def seen(sh_coeffs: Tensor, height: int = 48) -> Tensor:
    """Radiance (..., M, 3) all around, on another grid than the code's own."""
    return sh.radiance_from_sh(sh_coeffs, envmap.directions(height).to(sh_coeffs).flatten(0, 1))


@pytest.mark.parametrize("order", [1, 2, 4])
def test_nothing_is_negative_and_each_mean_stays(order: int, generator: torch.Generator) -> None:
    coeffs = torch.randn(50, (order + 1) ** 2, 3, generator=generator)
    coeffs[:, 0] = coeffs[:, 0].abs() + 0.3
    shown = without_ringing(coeffs)
    radiance = seen(shown)
    # the code looks at some directions only: between them a little may be missed
    assert float((radiance / shown[:, :1]).min()) > -0.01
    torch.testing.assert_close(shown[:, 0], coeffs[:, 0], rtol=1e-4, atol=1e-5)


def test_what_never_rang_is_untouched(generator: torch.Generator) -> None:
    coeffs = 0.1 * torch.randn(20, 9, 3, generator=generator)
    coeffs[:, 0] = 3.0
    assert float(seen(coeffs).min()) > 0.0
    torch.testing.assert_close(without_ringing(coeffs), coeffs)
    barely = coeffs.clone()
    barely[:, 0] -= math.sqrt(4.0 * math.pi) * (seen(coeffs).amin(-2) + 1e-5)
    torch.testing.assert_close(without_ringing(barely), barely, rtol=0.05, atol=2e-3)  # no jump


def test_one_white_lamp_is_windowed_as_sloan_says() -> None:
    coeffs = sh.directional_light(torch.tensor([0.0, 0.0, 1.0]), torch.ones(3), 2)
    shown = without_ringing(coeffs)
    ratio = (shown / coeffs)[[2, 6], 0].double()  # z and 3z² − 1
    strengths = (1.0 / ratio - 1.0) / torch.tensor([4.0, 36.0])  # λ l² (l + 1)²
    assert float(strengths[0]) == pytest.approx(float(strengths[1]), rel=1e-3)
    # naive twin, of radiance 1 + 3 z + 5/2 (3z² − 1) along z: the smallest λ of a fine scan at which the
    # least radiance is FLOOR of the mean
    z = torch.linspace(-1.0, 1.0, 4001, dtype=torch.float64)
    for strength in torch.arange(0.0, 1.0, 1e-4, dtype=torch.float64):
        first, second = 3.0 / (1.0 + 4.0 * strength), 2.5 / (1.0 + 36.0 * strength)
        if float((1.0 + first * z + second * (3.0 * z * z - 1.0)).min()) >= FLOOR:
            break
    assert float(strengths[0]) == pytest.approx(float(strength), rel=0.02)


def test_no_colour_stands_out_where_it_is_dark() -> None:
    # a hole around +Z that is deeper in red and green than in blue, as networks leave around a key light
    coeffs = torch.zeros(9, 3)
    coeffs[0] = 1.0
    coeffs[6] = torch.tensor([-0.65, -0.7, -0.2])
    cut = seen(coeffs).clamp_min(0.0)
    assert float((cut.amin(-1) / cut.amax(-1)).min()) == 0.0  # pure blue
    shown = seen(without_ringing(coeffs))
    luminance = shown @ torch.tensor([0.2126, 0.7152, 0.0722])
    assert float((shown.amin(-1) / luminance).min()) > 0.98 * LEAST_COLOR
    assert float((shown.amax(-1) / luminance).max()) < 1.02 / LEAST_COLOR


def test_it_turns_with_the_light(generator: torch.Generator) -> None:
    coeffs = torch.randn(9, 3, generator=generator)
    coeffs[0] = 1.5
    turn = rotation.rotation_about_axis(torch.tensor([0.3, 1.0, -0.4]), 1.1)
    there, back = without_ringing(sh.rotate(coeffs, turn)), sh.rotate(without_ringing(coeffs), turn)
    torch.testing.assert_close(there, back, rtol=0.05, atol=0.02)  # the directions looked at stay


def test_darkness_is_dark_and_one_colour_stays_one() -> None:
    assert without_ringing(torch.zeros(9, 3)).abs().max() == 0.0
    red = torch.zeros(9, 3)
    red[0, 0], red[2, 0] = 1.0, 2.0
    shown = without_ringing(red)
    assert float(shown[:, 1:].abs().max()) == 0.0
    assert float(seen(shown)[:, 0].min()) >= 0.0
    dark = -torch.ones(9, 3)
    assert float(seen(without_ringing(dark)).abs().max()) == 0.0


def test_batches_are_their_parts_and_gradients_flow(generator: torch.Generator) -> None:
    coeffs = torch.randn(2, 3, 9, 3, generator=generator, requires_grad=True)
    shown = without_ringing(coeffs)
    each = torch.stack([torch.stack([without_ringing(one) for one in row]) for row in coeffs])
    torch.testing.assert_close(shown, each)
    shown.sum().backward()
    assert coeffs.grad is not None
    assert bool(torch.isfinite(coeffs.grad).all())
