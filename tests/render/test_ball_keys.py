"""Key lights on rough balls against brute-force integrals over the light's disc."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ftb.maths import brdf, sphere
from ftb.render import ball_keys, ball_transport
from ftb.render.ball import BALL_MATERIALS, render_ball_of
from ftb.scene.materials import BallMaterial
from ftb.types import Lighting

CPU = torch.device("cpu")


def one_light(direction: Tensor, radius: float) -> Lighting:
    """One key light of irradiance 1 in the dark, float64."""
    return Lighting(
        sh_coeffs=torch.zeros(1, 3, dtype=torch.float64),
        key_dirs=direction[None],
        key_irradiance=torch.ones(1, 3, dtype=torch.float64),
        key_angular_radius=torch.tensor([radius], dtype=torch.float64),
    )


def off_axis(degrees: float) -> Tensor:
    """A direction this far from the camera's axis, to the right and a little up."""
    angle = math.radians(degrees)
    side = math.sin(angle)
    return torch.tensor([0.9 * side, math.sqrt(0.19) * side, math.cos(angle)], dtype=torch.float64)


def summed_over_disc(material: BallMaterial, direction: Tensor, radius: float, size: int) -> Tensor:
    """(P,) radiance by 500 point lights spread over the disc, with the same irradiance facing it."""
    dirs = sphere.cap_directions(500, radius, dtype=torch.float64) @ sphere.frame_about(direction).T
    count = ball_transport.samples_along(material, size)
    samples = ball_transport.disc_samples(size, count, CPU, torch.float64)
    normals = samples.normals.flatten(0, 1)
    total = sum(
        ball_transport.reflected_share(material, normals[:, None], some).sum(dim=1)
        for some in dirs.split(100)
    )
    value = (total / (dirs @ direction).sum()).unflatten(0, (-1, count * count))
    return (value * samples.share).sum(dim=1)


@pytest.mark.parametrize("degrees", [0.2, 2.0, 15.0, 60.0])
def test_disc_cosine_is_the_irradiance_of_a_disc(degrees: float) -> None:
    radius = math.radians(degrees)
    disc = sphere.cap_directions(40_000, radius, dtype=torch.float64)  # about +Z
    angles = torch.linspace(0.0, math.pi, 41, dtype=torch.float64)
    normals = torch.stack((angles.sin(), torch.zeros_like(angles), angles.cos()), dim=-1)
    summed = (normals @ disc.T).clamp_min(0.0).sum(dim=1) / disc[:, 2].sum()
    value = ball_keys.disc_cosine(normals[:, 2], torch.tensor(radius, dtype=torch.float64))
    torch.testing.assert_close(value, summed, atol=2e-4, rtol=1e-3)


def test_disc_cosine_of_a_point_is_the_cosine() -> None:
    cosines = torch.linspace(-1.0, 1.0, 101, dtype=torch.float64)
    value = ball_keys.disc_cosine(cosines, torch.tensor(0.0, dtype=torch.float64))
    torch.testing.assert_close(value, cosines.clamp_min(0.0), atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["gray", "silver"])
def test_a_point_light_is_the_brdf(name: str) -> None:
    material, direction = BALL_MATERIALS[name], off_axis(50.0)
    size = 512  # one sample a pixel
    value = render_ball_of(one_light(direction, 0.0), material, size)[..., 0]
    normals, mask = sphere.ball_normals(size, dtype=torch.float64)
    normals = normals[mask]
    view, light = (
        torch.tensor([0.0, 0, 1], dtype=torch.float64).expand_as(normals),
        direction.expand_as(normals),
    )
    base = torch.tensor([material.albedo], dtype=torch.float64)
    expected = brdf.gltf_dielectric(normals, view, light, base, material.alpha, material.f0 or 0.0)[:, 0]
    expected = expected * (normals @ direction).clamp_min(0.0)
    # The rim's cosines are kept from 0, hence not tighter.
    torch.testing.assert_close(value[mask], expected, atol=2e-4, rtol=2e-4)


@pytest.mark.parametrize(
    ("name", "angle", "degrees", "bar"),
    [
        ("matte", 40.0, 15.0, 0.002),
        ("matte", 120.0, 5.0, 0.002),
        ("gray", 20.0, 15.0, 0.01),
        ("gray", 70.0, 5.0, 0.005),
        ("gray", 120.0, 15.0, 0.03),
        ("silver", 70.0, 15.0, 0.04),
        ("silver", 120.0, 5.0, 0.01),
    ],
)
def test_discs_of_light(name: str, angle: float, degrees: float, bar: float) -> None:
    # Above 1 % only where a few small discs stand for a large one in a sharp or grazing highlight.
    material, direction, radius = BALL_MATERIALS[name], off_axis(angle), math.radians(degrees)
    value = ball_keys.key_reflection(one_light(direction, radius), material, 24)[:, 0]
    expected = summed_over_disc(material, direction, radius, 24)
    assert float((value - expected).norm() / expected.norm()) < bar
    assert float(value.sum() / expected.sum()) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("rings", [1, 2, 3])
def test_small_discs_make_up_the_large_one(rings: int) -> None:
    radius = torch.tensor([0.02], dtype=torch.float64)
    direction = off_axis(70.0)
    dirs, small = ball_keys.split_discs(direction[None], radius, rings)
    dirs = dirs[0]
    assert len(dirs) * float(small[0]) ** 2 == pytest.approx(0.02**2)  # equal areas
    torch.testing.assert_close(dirs.norm(dim=-1), torch.ones(len(dirs), dtype=torch.float64))
    torch.testing.assert_close(dirs.mean(dim=0), direction, atol=1e-3 * 0.2, rtol=0)
    # Mean squared distance of a disc is r²/2: that of the centres and that of the small discs.
    spread = (dirs - direction).square().sum(dim=-1).mean() + 0.5 * small[0] ** 2
    assert float(spread) == pytest.approx(0.5 * 0.02**2, rel=1e-3)


def test_absent_lights_are_left_out(generator: torch.Generator) -> None:
    dirs = torch.nn.functional.normalize(torch.randn(3, 2, 3, generator=generator), dim=-1)
    light = Lighting(
        sh_coeffs=torch.zeros(3, 1, 3),
        key_dirs=dirs,
        key_irradiance=torch.tensor([[1.0, 0.0], [0.0, 0.0], [2.0, 3.0]])[..., None].expand(3, 2, 3).clone(),
        key_angular_radius=torch.full((3, 2), 0.05),
    )
    alone = ball_keys.key_reflection(light, BALL_MATERIALS["gray"], 16)
    light.key_irradiance.requires_grad_()
    together = ball_keys.key_reflection(light, BALL_MATERIALS["gray"], 16)
    torch.testing.assert_close(alone, together.detach(), rtol=1e-5, atol=1e-7)
    assert float(alone[1].abs().max()) == 0.0
    together.sum().backward()
    # An absent light still learns that it could shine.
    assert light.key_irradiance.grad is not None
    assert float(light.key_irradiance.grad[1].abs().max()) > 0.0
