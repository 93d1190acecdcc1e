"""Reflectance against integrals over the hemisphere, reciprocity, energy, and worked values."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from ftb.maths import brdf
from ftb.maths.sphere import fibonacci_directions

UP = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
BASE = torch.tensor([0.18, 0.5, 0.9], dtype=torch.float64)
BRDFS = {
    "correlated": partial(brdf.specular_ggx, alpha=0.3, f0=0.04),
    "separable": partial(brdf.specular_ggx_separable, alpha=0.3, f0=0.04),
    "gltf": partial(brdf.gltf_dielectric, base_linear=BASE, alpha=0.3),
}


def hemisphere(count=200):
    """Gauss-Legendre in cosθ, even in azimuth: directions (N, 3) about +Z, weights (N,) steradians."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    z, phi = np.meshgrid((nodes + 1) / 2, (np.arange(2 * count) + 0.5) * np.pi / count, indexing="ij")
    sine = np.sqrt(1 - z**2)
    dirs = np.stack((sine * np.cos(phi), sine * np.sin(phi), z), axis=-1).reshape(-1, 3)
    return torch.from_numpy(dirs), torch.from_numpy(np.repeat(weights / 2, 2 * count) * np.pi / count)


def view(degrees):
    angle = math.radians(degrees)
    return torch.tensor([math.sin(angle), 0.0, math.cos(angle)], dtype=torch.float64)


def reflected(function, view_dirs):
    """Directional albedo: ∫ f cosθ dω."""
    dirs, weights = hemisphere()
    return (function(UP, view_dirs, dirs) * (dirs[:, 2] * weights)[:, None]).sum(dim=0)


def test_lambert_reflects_its_albedo():
    dirs, weights = hemisphere(20)
    total = (brdf.lambert(BASE) * (dirs[:, 2] * weights)[:, None]).sum(dim=0)
    torch.testing.assert_close(total, BASE)


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.25, 0.5, 1.0])
def test_ggx_distribution_is_normalised(alpha):
    dirs, weights = hemisphere(400)
    total = (brdf.ggx_distribution(dirs[:, 2], alpha) * dirs[:, 2] * weights).sum().item()
    torch.testing.assert_close(total, 1.0, rtol=0, atol=1e-6)


@pytest.mark.parametrize("alpha", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("degrees", [0, 40, 75])
def test_masking_conserves_projected_area(alpha, degrees):
    # ∫ G₁ D max(v·h, 0) dω_h = cosθ_v: the visible microfacets fill the view (Heitz 2014, eq. 18).
    dirs, weights = hemisphere(400)
    v = view(degrees)
    facing = (dirs @ v).clamp(min=0)
    total = brdf.smith_g1(v[2], alpha) * (brdf.ggx_distribution(dirs[:, 2], alpha) * facing * weights).sum()
    torch.testing.assert_close(total.item(), v[2].item(), rtol=1e-4, atol=0)


def test_joint_masking_lies_between_product_and_minimum():
    v, l = torch.meshgrid(*[torch.linspace(0.01, 1, 30, dtype=torch.float64)] * 2, indexing="ij")  # noqa: E741
    for alpha in (0.1, 0.5, 1.0):
        first, second = brdf.smith_g1(v, alpha), brdf.smith_g1(l, alpha)
        joint = brdf.smith_masking(v, l, alpha)
        assert (joint >= first * second - 1e-12).all()
        assert (joint <= torch.minimum(first, second) + 1e-12).all()
        # 1 / (1 + Λ(v) + Λ(l)) with Λ = 1/G₁ − 1 (Heitz 2014, eq. 99).
        torch.testing.assert_close(joint, 1 / (1 / first + 1 / second - 1))


def test_there_are_no_microfacets_below_the_surface():
    cosine = torch.tensor([-1.0, -0.3, 0.0], dtype=torch.float64)
    nothing = torch.zeros(3, dtype=torch.float64)
    torch.testing.assert_close(brdf.ggx_distribution(cosine, 0.3), nothing)
    torch.testing.assert_close(brdf.smith_g1(cosine, 0.3), nothing)
    torch.testing.assert_close(brdf.smith_masking(cosine, -cosine, 0.3), nothing)


def test_schlick_at_its_ends():
    cosine = torch.tensor([1.0, 0.5, 0.0, -1.0], dtype=torch.float64)
    expected = torch.tensor([0.04, 0.07, 1.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(brdf.fresnel_schlick(cosine, 0.04), expected)
    assert brdf.fresnel_schlick(cosine[:, None], BASE).shape == (4, 3)


def test_worked_values_head_on():
    torch.testing.assert_close(brdf.ggx_distribution(UP[2], 0.5).item(), 1.2732395)
    torch.testing.assert_close(brdf.specular_ggx(UP, UP, UP, 0.5, 0.04).tolist(), [0.012732395])
    value = brdf.gltf_dielectric(UP, UP, UP, BASE[:1].expand(3), 0.25)
    torch.testing.assert_close(value.tolist(), [0.10593353] * 3)


def test_gltf_dielectric_is_the_appendix_written_out():
    """The text of glTF 2.0, appendix B.3, one pair of directions at a time."""
    alpha, n = 0.25, np.array([0.0, 0.0, 1.0])
    lights = fibonacci_directions(40, dtype=torch.float64)
    v = np.array([0.6, 0.0, 0.8])
    for light in lights.numpy()[lights[:, 2].numpy() > 0]:
        half = (v + light) / np.linalg.norm(v + light)
        distribution = alpha**2 / (math.pi * ((n @ half) ** 2 * (alpha**2 - 1) + 1) ** 2)
        visibility = 1.0
        for cosine in (n @ light, n @ v):
            visibility /= cosine + math.sqrt(alpha**2 + (1 - alpha**2) * cosine**2)
        fresnel = 0.04 + (1 - 0.04) * (1 - abs(v @ half)) ** 5
        expected = (1 - fresnel) * BASE.numpy() / math.pi + fresnel * distribution * visibility
        value = brdf.gltf_dielectric(UP, torch.from_numpy(v), torch.from_numpy(light), BASE, alpha)
        np.testing.assert_allclose(value.numpy(), expected, rtol=1e-10)


@pytest.mark.parametrize("name", BRDFS)
def test_reciprocal_non_negative_and_nothing_below_the_surface(name):
    dirs = fibonacci_directions(60, dtype=torch.float64)
    forth = BRDFS[name](UP, dirs[:, None], dirs[None, :])
    torch.testing.assert_close(forth, forth.transpose(0, 1))
    below = (dirs[:, None, 2] <= 0) | (dirs[None, :, 2] <= 0)
    assert (forth[below] == 0).all()
    assert (forth[~below] > 0).all()


@pytest.mark.parametrize("degrees", [0, 30, 60, 80])
def test_white_furnace(degrees):
    """No material gives back more light than it gets; a smooth mirror all but all of it."""
    for function in (brdf.specular_ggx, brdf.specular_ggx_separable):
        for alpha in (0.1, 0.3, 1.0):
            total = reflected(partial(function, alpha=alpha, f0=1.0), view(degrees))
            assert 0.3 < total.item() <= 1 + 1e-3
    smooth = reflected(partial(brdf.specular_ggx, alpha=0.1, f0=1.0), view(0)).item()
    assert smooth > 0.98


def test_gltf_dielectric_conserves_energy_but_for_white_at_grazing_angles():
    gray, white = torch.full((3,), 0.18, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    for degrees in (0, 30, 60, 80):
        total = reflected(partial(brdf.gltf_dielectric, base_linear=gray, alpha=0.25), view(degrees))
        assert (total > 0.18).all()
        assert (total < 0.6).all()
    for degrees, low, high in ((0, 0.99, 1.0), (30, 0.99, 1.0), (80, 1.07, 1.08)):
        total = reflected(partial(brdf.gltf_dielectric, base_linear=white, alpha=0.25), view(degrees))
        assert low < total[0].item() < high


def test_separable_is_the_darker_one():
    dirs = fibonacci_directions(80, dtype=torch.float64)
    joint = brdf.specular_ggx(UP, dirs[:, None], dirs, 0.5, 0.04)
    separable = brdf.specular_ggx_separable(UP, dirs[:, None], dirs, 0.5, 0.04)
    assert (separable <= joint + 1e-12).all()
    assert (separable < 0.9 * joint).any()


def test_shapes_of_channels_and_textures():
    dirs = fibonacci_directions(6).reshape(2, 3, 3)
    up = UP.float()
    alpha, f0 = torch.full((2, 3), 0.3), torch.full((2, 3, 1), 0.028)
    assert brdf.specular_ggx(up, up, dirs, alpha, 0.04).shape == (2, 3, 1)
    assert brdf.specular_ggx(up, up, dirs, alpha, f0.expand(2, 3, 3)).shape == (2, 3, 3)
    value = brdf.gltf_dielectric(up, up, dirs, torch.rand(2, 3, 3, generator=torch.Generator()), alpha, f0)
    assert value.shape == (2, 3, 3)
    assert value.dtype == torch.float32
    with pytest.raises(ValueError, match=r"^light_dirs: expected \(..., 3\), got \(2,\)$"):
        brdf.specular_ggx(up, up, torch.ones(2), 0.3, 0.04)


def test_gradients_are_right_and_finite_at_the_horizon():
    alpha = torch.tensor([0.2, 0.6], dtype=torch.float64, requires_grad=True)
    base = BASE.expand(2, 3).clone().requires_grad_(True)
    light = torch.stack((view(30), view(-50))).requires_grad_(True)
    assert gradcheck(lambda a, b, d: brdf.gltf_dielectric(UP, view(20), d, b, a), (alpha, base, light))
    assert gradcheck(lambda a, d: brdf.specular_ggx(UP, view(20), d, a, 0.04), (alpha, light))
    edge = torch.tensor([[1.0, 0, 0], [-1, 0, 0], [0, 0, -1], [0, 0, 1]], requires_grad=True)
    brdf.gltf_dielectric(UP.float(), UP.float(), edge, BASE.float(), 0.25).sum().backward()
    assert edge.grad.isfinite().all()
