"""Spherical harmonics against scipy and quadrature; rotation, projection, irradiance, direction."""

import math

import numpy as np
import pytest
import torch
from scipy.special import sph_harm_y
from torch.autograd import gradcheck

from ftb.maths import envmap, sh
from ftb.maths.color import luminance
from ftb.maths.rotation import random_rotations
from ftb.maths.sphere import fibonacci_directions


def random_coeffs(*lead, order=4):
    generator = torch.Generator().manual_seed(2)
    return torch.randn(*lead, (order + 1) ** 2, 3, generator=generator, dtype=torch.float64)


def turns(count):
    return random_rotations(count, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def scipy_basis(dirs, order):
    """Real harmonics from scipy's complex ones, whose Condon-Shortley phase is taken out."""
    x, y, z = dirs.numpy().T
    theta, phi = np.arccos(z), np.arctan2(y, x)
    columns = []
    for degree in range(order + 1):
        for m in range(-degree, degree + 1):
            value = sph_harm_y(degree, abs(m), theta, phi) * (-1) ** abs(m)
            columns.append(value.real if m == 0 else math.sqrt(2) * (value.imag if m < 0 else value.real))
    return torch.from_numpy(np.stack(columns, axis=-1))


def sphere_quadrature(count):
    """Gauss-Legendre × trapezoid: directions (N, 3) and weights (N,), exact to degree 2 · count − 1."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    azimuth = np.arange(2 * count) * np.pi / count
    z, phi = np.meshgrid(nodes, azimuth, indexing="ij")
    sine = np.sqrt(1 - z**2)
    dirs = np.stack((sine * np.cos(phi), sine * np.sin(phi), z), axis=-1).reshape(-1, 3)
    return torch.from_numpy(dirs), torch.from_numpy(np.repeat(weights, 2 * count) * np.pi / count)


@pytest.mark.parametrize("order", [0, 1, 2, 3, 4, 5, 8, 30])
def test_basis_is_scipys(order):
    dirs = torch.cat((fibonacci_directions(200, dtype=torch.float64), torch.eye(3), -torch.eye(3)))
    tolerance = 1e-12 * (order + 1) ** 2
    torch.testing.assert_close(sh.evaluate(dirs, order), scipy_basis(dirs, order), rtol=0, atol=tolerance)


def test_order_one_is_y_z_x():
    c = math.sqrt(3 / (4 * math.pi))
    torch.testing.assert_close(
        sh.evaluate(torch.eye(3), 1)[:, 1:], c * torch.tensor([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
    )
    torch.testing.assert_close(sh.evaluate(torch.eye(3), 0), torch.full((3, 1), 0.28209479))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_polynomials_are_the_recurrence(dtype):
    dirs = fibonacci_directions(300, dtype=dtype).reshape(3, 100, 3)
    values = sh.evaluate(dirs, 4)
    assert values.shape == (3, 100, 25)
    assert values.dtype == dtype
    torch.testing.assert_close(
        values, sh.evaluate_recurrence(dirs, 4), rtol=0, atol=20 * torch.finfo(dtype).eps
    )


@pytest.mark.parametrize("order", [4, 7])
def test_basis_is_orthonormal(order):
    dirs, weights = sphere_quadrature(order + 1)
    basis = sh.evaluate(dirs, order)
    torch.testing.assert_close(basis.T @ (weights[:, None] * basis), torch.eye((order + 1) ** 2).double())


@pytest.mark.parametrize("order", [0, 1, 2, 4, 6])
def test_rotate_turns_the_function(order):
    coeffs, rotation = random_coeffs(5, order=order), turns(5)
    dirs = fibonacci_directions(50, dtype=torch.float64)
    turned = sh.radiance_from_sh(sh.rotate(coeffs, rotation), dirs @ rotation.mT)  # at R d
    torch.testing.assert_close(turned, sh.radiance_from_sh(coeffs, dirs.expand(5, -1, -1)))


def test_rotations_compose_keep_power_per_band_and_broadcast():
    coeffs, rotation = random_coeffs(), turns(6)
    turned = sh.rotate(coeffs, rotation)
    assert turned.shape == (6, 25, 3)
    torch.testing.assert_close(
        sh.rotate(turned[:3], rotation[3:]), sh.rotate(coeffs, rotation[3:] @ rotation[:3])
    )
    for degree in range(5):
        band = slice(degree**2, (degree + 1) ** 2)
        torch.testing.assert_close(turned[:, band].norm(dim=1), coeffs[band].norm(dim=0).expand(6, 3))


def test_rotating_light_and_map_agree():
    towards = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    light = sh.directional_light(towards, torch.ones(3, dtype=torch.float64), 4)
    rotation = turns(3)
    expected = sh.directional_light(rotation @ towards, torch.ones(3, 3, dtype=torch.float64), 4)
    torch.testing.assert_close(sh.rotate(light, rotation), expected)
    smooth = sh.radiance_from_sh(light, envmap.directions(64, dtype=torch.float64))
    projected = sh.project_environment(envmap.rotate(smooth, rotation), 4)
    # 1 %: bilinear resampling and projection each lose about (l/H)² of order 4.
    torch.testing.assert_close(projected, expected, rtol=0, atol=0.01 * expected.abs().max().item())


@pytest.mark.parametrize("height", [1, 2, 9, 32, 64])
def test_white_environment(height):
    white = torch.ones(2, height, 2 * height, 3, dtype=torch.float64)
    coeffs = sh.project_environment(white, 4)
    torch.testing.assert_close(coeffs[:, 0], torch.full((2, 3), 3.544907701811032, dtype=torch.float64))
    assert coeffs[:, 1:].abs().max() < 1e-9
    normals = fibonacci_directions(10, dtype=torch.float64)
    torch.testing.assert_close(
        sh.irradiance_from_sh(coeffs[:, None], normals), torch.full((2, 1, 10, 3), math.pi).double()
    )


def test_projection_is_the_integral_over_constant_texels():
    environment = torch.rand(4, 8, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    # The naive twin: every texel cut into 64 × 64 of constant radiance.
    fine = environment.repeat_interleave(64, 0).repeat_interleave(64, 1)
    areas = envmap.solid_angles(256, dtype=torch.float64)[..., None]
    basis = sh.evaluate(envmap.directions(256, dtype=torch.float64), 6)
    expected = torch.einsum("ijk,ijc->kc", basis, fine * areas)
    # 1e-3: the twin's own midpoint error, (6 π / 256)² / 24 of the total.
    torch.testing.assert_close(sh.project_environment(environment, 6), expected, rtol=0, atol=1e-3)


def test_projection_recovers_coefficients_to_second_order():
    coeffs = random_coeffs()
    errors = []
    for height in (32, 64):
        smooth = sh.radiance_from_sh(coeffs, envmap.directions(height, dtype=torch.float64))
        errors.append((sh.project_environment(smooth, 4) - coeffs).norm() / coeffs.norm())
    assert errors[0] < 6e-3
    torch.testing.assert_close((errors[0] / errors[1]).item(), 4.0, rtol=0.05, atol=0)


def test_projection_is_linear_in_any_batch_and_usable_after_inference_mode():
    with torch.inference_mode():
        sh.project_environment(torch.ones(5, 10, 3), 3)
        sh.rotate(torch.ones(16, 3), torch.eye(3))
    maps = torch.rand(2, 3, 5, 10, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    coeffs = sh.rotate(sh.project_environment(maps, 3), torch.eye(3))
    coeffs.sum().backward()
    assert coeffs.shape == (2, 3, 16, 3)
    assert maps.grad.isfinite().all()
    one = sh.project_environment(maps[1, 2], 3)
    torch.testing.assert_close(coeffs[1, 2], one, rtol=0, atol=1e-5)


@pytest.mark.parametrize("degree", range(11))
def test_cosine_factors_are_the_integral(degree):
    # A_l = 2π ∫₀¹ P_l(t) t dt (Funk-Hecke), a polynomial: exact by 12 Gauss points.
    nodes, weights = np.polynomial.legendre.leggauss(12)
    t, weights = (nodes + 1) / 2, weights / 2
    legendre = np.polynomial.legendre.Legendre.basis(degree)(t)
    expected = 2 * math.pi * float(np.sum(weights * legendre * t))
    coeffs = torch.ones((degree + 1) ** 2, 3, dtype=torch.float64)
    torch.testing.assert_close(
        sh.irradiance_coeffs(coeffs)[degree**2, 0].item(), expected, rtol=0, atol=1e-14
    )


def test_irradiance_is_the_hemisphere_integral():
    coeffs = random_coeffs(2)
    normals = fibonacci_directions(5, dtype=torch.float64)
    dirs, weights = sphere_quadrature(400)
    cosine = (normals @ dirs.T).clamp(min=0)  # (M, N)
    expected = (cosine * weights) @ sh.radiance_from_sh(coeffs, dirs)
    # 1e-4: the kink of the clamped cosine slows the quadrature.
    torch.testing.assert_close(sh.irradiance_from_sh(coeffs, normals), expected, rtol=0, atol=1e-4)


def test_a_distant_light_shines_with_its_irradiance():
    dirs = torch.tensor([0.36, 0.48, 0.8], dtype=torch.float64)
    irradiance = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    coeffs = sh.directional_light(dirs, irradiance, 20)
    assert coeffs.shape == (441, 3)
    # The series of max(cos θ, 0) at its peak: 0.4 % short at order 20.
    torch.testing.assert_close(sh.irradiance_from_sh(coeffs, dirs[None])[0], irradiance, rtol=5e-3, atol=0)
    assert (sh.irradiance_from_sh(coeffs, -dirs[None]) / irradiance).abs().max() < 5e-3


def test_dominant_direction_of_one_light_and_of_mixtures():
    dirs = turns(8)[:, 0]
    irradiance = torch.rand(8, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    light = sh.directional_light(dirs, irradiance, 2)
    direction, directionality = sh.dominant_direction(light)
    torch.testing.assert_close(direction, dirs)
    torch.testing.assert_close(directionality, torch.ones(8, dtype=torch.float64))
    even = light.clone()
    even[:, 0] *= 4  # three parts of even light
    torch.testing.assert_close(sh.dominant_direction(even)[1], torch.full((8,), 0.25, dtype=torch.float64))


def test_dominant_direction_follows_rotation_and_weighs_by_luminance():
    coeffs, rotation = random_coeffs(7), turns(7)
    direction, directionality = sh.dominant_direction(coeffs)
    turned, same = sh.dominant_direction(sh.rotate(coeffs, rotation))
    torch.testing.assert_close(turned, (rotation @ direction[..., None])[..., 0])
    torch.testing.assert_close(same, directionality)
    vector = luminance(coeffs)[:, [3, 1, 2]]
    torch.testing.assert_close(direction, vector / vector.norm(dim=-1, keepdim=True))


def test_dominant_direction_without_light_or_direction():
    coeffs = torch.zeros(4, 9, 3)
    coeffs[1, 0] = 1  # even light
    coeffs[2, 3] = 1  # a direction without any level
    coeffs[3, 0], coeffs[3, 3] = -1, 1  # a negative level
    coeffs.requires_grad_(True)
    direction, directionality = sh.dominant_direction(coeffs)
    expected = torch.tensor([[0.0, 0, 1], [0, 0, 1], [1, 0, 0], [1, 0, 0]])
    torch.testing.assert_close(direction.detach(), expected)
    torch.testing.assert_close(directionality.detach(), torch.zeros(4))
    (direction.sum() + directionality.sum()).backward()
    assert coeffs.grad.isfinite().all()


def test_gradients():
    coeffs = random_coeffs(order=2).requires_grad_(True)
    dirs = fibonacci_directions(4, dtype=torch.float64).requires_grad_(True)
    rotation = turns(1)[0].requires_grad_(True)
    assert gradcheck(sh.irradiance_from_sh, (coeffs, dirs))
    assert gradcheck(sh.rotate, (coeffs, rotation))
    assert gradcheck(lambda d: sh.evaluate(d, 5), dirs)
    lit = (coeffs.detach() + 3 * torch.eye(9, 3, dtype=torch.float64)).requires_grad_(True)
    assert gradcheck(sh.dominant_direction, lit)
    environment = torch.rand(3, 6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert gradcheck(lambda e: sh.project_environment(e, 2), environment.requires_grad_(True))


def test_errors_name_what_is_wrong():
    with pytest.raises(ValueError, match=r"^sh_coeffs: expected .* K = 1, 4, 9, 16, 25, .*, got \(8, 3\)$"):
        sh.order_of(torch.ones(8, 3))
    with pytest.raises(ValueError, match=r"^sh_coeffs: expected \(..., K, 3\) with K ≥ 4, got \(1, 3\)$"):
        sh.dominant_direction(torch.ones(1, 3))
    with pytest.raises(ValueError, match=r"^dirs: expected \(..., 3\), got \(2,\)$"):
        sh.evaluate(torch.ones(2), 2)
    with pytest.raises(ValueError, match=r"^order: expected 0 or more, got -1$"):
        sh.evaluate(torch.ones(3), -1)
