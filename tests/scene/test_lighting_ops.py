"""`lighting_ops` against quadrature, hand-computed values and its own definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from ftb.maths import sphere
from ftb.scene import lighting_ops
from ftb.types import Lighting
from tests.losses import fabricate


def one_key(direction: tuple[float, float, float], irradiance: float = 1.0, order: int = 2) -> Lighting:
    return Lighting(
        sh_coeffs=torch.zeros(1, (order + 1) ** 2, 3, dtype=torch.float64),
        key_dirs=torch.tensor([[direction]], dtype=torch.float64),
        key_irradiance=torch.full((1, 1, 3), irradiance, dtype=torch.float64),
        key_angular_radius=torch.zeros(1, 1, dtype=torch.float64),
    )


def test_total_sh_adds_the_key_lights():
    light = fabricate.lighting(2).to(torch.float64)
    total = lighting_ops.total_sh(light, order=1)
    for b in range(2):
        expected = light.sh_coeffs[b, :4].clone()
        for n in range(2):
            x, y, z = light.key_dirs[b, n].tolist()
            basis = torch.tensor(
                [0.28209479177387814, *(0.4886025119029199 * c for c in (y, z, x))], dtype=torch.float64
            )
            expected += basis[:, None] * light.key_irradiance[b, n]
        assert_close(total[b], expected)


@pytest.mark.parametrize(("order", "count"), [(0, 1), (2, 9), (4, 25), (5, 36)])
def test_total_sh_has_the_order_asked_for(order: int, count: int):
    total = lighting_ops.total_sh(fabricate.lighting(3), order=order)
    assert total.shape == (3, count, 3)


def test_total_sh_accepts_any_leading_dimensions():
    light = fabricate.lighting(6)
    grid = light.map(lambda x: x.unflatten(0, (2, 3)))
    assert_close(lighting_ops.total_sh(grid).flatten(0, 1), lighting_ops.total_sh(light))
    assert lighting_ops.total_sh(light[0]).shape == (9, 3)


def test_irradiance_is_the_integral_of_radiance():
    """Environment by quadrature over the sphere, key light by its cosine."""
    light = fabricate.lighting(1).to(torch.float64)
    light = Lighting(
        sh_coeffs=light.sh_coeffs[:, :9], key_dirs=light.key_dirs, key_irradiance=light.key_irradiance,
        key_angular_radius=light.key_angular_radius,
    )  # fmt: skip
    normals = sphere.fibonacci_directions(7, dtype=torch.float64)
    around = sphere.fibonacci_directions(20_000, dtype=torch.float64)
    x, y, z = around.numpy().T
    first = [0.28209479 + 0 * x, 0.48860251 * y, 0.48860251 * z, 0.48860251 * x]
    second = [x * y, y * z, (3 * z * z - 1) / math.sqrt(12), x * z, (x * x - y * y) / 2]
    basis = np.stack([*first, *(1.09254843 * band for band in second)])
    radiance = torch.from_numpy(basis.T) @ light.sh_coeffs[0]
    expected = (normals @ around.T).clamp_min(0.0) @ radiance * (4.0 * math.pi / 20_000)
    expected = expected + (normals @ light.key_dirs[0].T).clamp_min(0.0) @ light.key_irradiance[0]
    # 20,000 points integrate a clamped cosine to about 1e-4
    assert_close(lighting_ops.irradiance(light, normals)[0], expected, atol=1e-3, rtol=0.0)


def test_irradiance_order2_of_one_light_rings_as_documented():
    light = one_key((0.0, 0.0, 1.0))
    normals = torch.tensor([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]], dtype=torch.float64)
    # 1/4 + cos/2 + 5/32·(3·cos² − 1): Ramamoorthi and Hanrahan 2001
    expected = torch.tensor([1.0625, 0.09375, 0.0625], dtype=torch.float64)
    assert_close(lighting_ops.irradiance_order2(light, normals)[0, :, 0], expected)
    assert_close(lighting_ops.irradiance(light, normals)[0, :, 0], torch.tensor([1.0, 0.0, 0.0]).double())


def test_face_radiance_of_a_white_furnace_is_its_albedo():
    light = fabricate.lighting(1)
    furnace = Lighting(
        sh_coeffs=torch.zeros(1, 9, 3), key_dirs=light.key_dirs, key_irradiance=torch.zeros(1, 2, 3),
        key_angular_radius=light.key_angular_radius,
    )  # fmt: skip
    furnace.sh_coeffs[:, 0] = math.sqrt(4.0 * math.pi)
    normals = sphere.fibonacci_directions(12).reshape(1, 3, 4, 3)
    radiance = lighting_ops.face_radiance(
        furnace, normals, torch.full((1, 3, 4, 3), 0.4), torch.full((1, 3, 4), 0.5)
    )
    assert_close(radiance, torch.full((1, 3, 4, 3), 0.2))


@pytest.mark.parametrize("degrees", [0.0, 1e-5, 1.0, 90.0, 179.99999, 180.0])
def test_angle_deg_is_exact_at_both_ends(degrees: float):
    a = torch.tensor([2.0, 0.0, 0.0], dtype=torch.float64)
    b = torch.tensor(
        [math.cos(math.radians(degrees)), math.sin(math.radians(degrees)), 0.0], dtype=torch.float64
    )
    assert_close(lighting_ops.angle_deg(a, b).item(), degrees, atol=1e-9, rtol=0.0)


def test_dominant_of_one_light_is_that_light():
    direction, directionality = lighting_ops.dominant(one_key((0.6, 0.0, 0.8)))
    assert_close(direction[0], torch.tensor([0.6, 0.0, 0.8], dtype=torch.float64))
    assert_close(directionality.item(), 1.0)


def test_dominant_of_two_lights_lies_between_them_by_luminance():
    """Green counts ten times as much as blue."""
    light = Lighting(
        sh_coeffs=torch.zeros(1, 9, 3), key_dirs=torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]),
        key_irradiance=torch.tensor([[[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]]),
        key_angular_radius=torch.zeros(1, 2),
    )  # fmt: skip
    expected = torch.tensor([0.7152, 0.0722, 0.0]) / math.hypot(0.7152, 0.0722)
    assert_close(lighting_ops.dominant(light)[0][0], expected)


def test_physics_gradients_agree_with_finite_differences():
    light = fabricate.lighting(1).to(torch.float64)
    normals = sphere.fibonacci_directions(4, dtype=torch.float64).reshape(1, 2, 2, 3)
    albedo = torch.full((1, 2, 2, 3), 0.3, dtype=torch.float64)
    visibility = torch.full((1, 2, 2), 0.7, dtype=torch.float64)

    def radiance(sh_coeffs, key_dirs, key_irradiance, *face):
        lit = Lighting(
            sh_coeffs=sh_coeffs, key_dirs=key_dirs, key_irradiance=key_irradiance,
            key_angular_radius=light.key_angular_radius,
        )  # fmt: skip
        return lighting_ops.face_radiance(lit, *face), lighting_ops.irradiance(lit, face[0].flatten(1, 2))

    inputs = (light.sh_coeffs, light.key_dirs, light.key_irradiance, normals, albedo, visibility)
    assert torch.autograd.gradcheck(radiance, tuple(x.clone().requires_grad_() for x in inputs))
