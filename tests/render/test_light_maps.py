"""Filtered maps: by rows and by frequency as by matrix, white light, energy."""

from __future__ import annotations

import math

import pytest
import torch

from ftb.maths import envmap, sh
from ftb.render.light_maps import filtered_by_frequency, filtered_by_matrix, light_maps
from ftb.types import Lighting


def under(environment: torch.Tensor) -> Lighting:
    samples = len(environment)
    return Lighting(
        sh_coeffs=torch.zeros(samples, 9, 3),
        key_dirs=torch.zeros(samples, 0, 3),
        key_irradiance=torch.zeros(samples, 0, 3),
        key_angular_radius=torch.zeros(samples, 0),
        environment=environment,
    )


@pytest.mark.parametrize("height", [8, 16, 32, 48])
@pytest.mark.parametrize("samples", [1, 3, 11])
def test_filtered_as_by_the_matrix(height, samples, generator):
    environment = torch.rand(samples, height, 2 * height, 3, generator=generator)
    maps = light_maps(under(environment))
    expected = filtered_by_matrix(environment)
    torch.testing.assert_close(maps.irradiance, expected[:, 0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(maps.glossy, expected[:, 1:], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("height", [16, 32])
def test_frequencies_equal_the_matrix(height, generator):
    environment = torch.rand(3, height, 2 * height, 3, generator=generator)
    maps, expected = filtered_by_frequency(environment), filtered_by_matrix(environment)
    torch.testing.assert_close(maps, expected, rtol=1e-5, atol=1e-6)


def test_bits_do_not_depend_on_who_else_is_filtered(generator):
    environment = torch.rand(11, 32, 64, 3, generator=generator)
    together = light_maps(under(environment))
    for number in range(11):
        alone = light_maps(under(environment[number : number + 1]))
        assert torch.equal(alone.irradiance[0], together.irradiance[number])
        assert torch.equal(alone.glossy[0], together.glossy[number])


def test_white_light_stays_white():
    maps = light_maps(under(torch.ones(1, 32, 64, 3)))
    torch.testing.assert_close(maps.irradiance, torch.full_like(maps.irradiance, math.pi))
    torch.testing.assert_close(maps.glossy, torch.ones_like(maps.glossy))


def test_irradiance_is_that_of_harmonics(generator):
    coeffs = torch.randn(9, 3, generator=generator) * 0.2
    coeffs[0] = 2.0
    environment = sh.radiance_from_sh(coeffs, envmap.directions(32).flatten(0, 1)).unflatten(0, (32, 64))
    directions = envmap.directions(16).flatten(0, 1)
    expected = sh.irradiance_from_sh(coeffs, directions).unflatten(0, (16, 32))
    maps = light_maps(under(environment[None]))
    # The map's texels are sums over 5.6°.
    torch.testing.assert_close(maps.irradiance[0], expected, rtol=5e-3, atol=5e-3)
