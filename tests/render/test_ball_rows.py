"""The kernels of rough balls against their readable twins."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from ftb.render import ball_rows
from ftb.render.ball_folded import folded_ball
from ftb.render.ball_keys import key_reflection
from ftb.render.ball_product import reflected_environment
from ftb.render.ball_transport import disc_samples
from ftb.scene.materials import BallMaterial, ball_material
from ftb.types import Lighting

MATERIALS = {
    "matte": ball_material("matte"),
    "gray": ball_material("gray"),
    "rough metal": BallMaterial(albedo=0.0, f0=0.9, alpha=0.5),
}
# Small and large, grazing and from behind, absent, and with the horizon through the middle of the ball.
RADII = torch.deg2rad(torch.tensor([[0.2, 15.0], [3.0, 8.0], [1.0, 12.0], [0.5, 60.0]]))


def lights() -> Lighting:
    draw = torch.Generator().manual_seed(2)
    towards = torch.nn.functional.normalize(torch.randn(4, 2, 3, generator=draw), dim=-1)
    towards[2, 0] = torch.tensor([1.0, 0.0, 0.0])
    towards[3, 1] = torch.tensor([0.0, 0.0, 1.0])
    irradiance = torch.rand(4, 2, 3, generator=draw)
    irradiance[1, 1] = 0.0
    return Lighting(
        sh_coeffs=torch.zeros(4, 25, 3),
        key_dirs=towards,
        key_irradiance=irradiance,
        key_angular_radius=RADII,
        environment=0.3 * torch.rand(4, 16, 32, 3, generator=draw),
    )


def slowly(lighting: Lighting, material: BallMaterial, size: int) -> torch.Tensor:
    """(B, size, size, 3) in float64, as a GPU would."""
    double = lighting.map(torch.Tensor.double)
    pixels = folded_ball(material, size, double.environment) + key_reflection(double, material, size)
    numbers = disc_samples(size, 1, torch.device("cpu"), torch.float64).numbers
    square = torch.zeros(len(pixels), size * size, 3, dtype=torch.float64)
    return square.index_copy(1, numbers, pixels.clamp_min(0.0)).unflatten(1, (size, size))


@pytest.mark.parametrize("size", [33, 36, 64])
@pytest.mark.parametrize("name", MATERIALS)
def test_rows_are_their_twins(name: str, size: int) -> None:
    lighting, material = lights(), MATERIALS[name]
    expected = slowly(lighting, material, size)
    found = ball_rows.rough_ball(lighting, material, size).double()
    # Where the horizon cuts a small disc, its irradiance is a difference of numbers near 1.
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=2e-5)
    assert float((found - expected).abs().mean()) < 2e-7


@pytest.mark.parametrize("samples", [1, 6, 9, 22])
def test_a_light_has_the_same_bits_in_any_company(samples: int) -> None:
    """By one, two, three and more vectors of columns, against the readable product as well."""
    draw = torch.Generator().manual_seed(5)
    maps, material = torch.rand(samples, 16, 32, 3, generator=draw), MATERIALS["gray"]
    found = reflected_environment(material, 40, maps)
    alone = torch.cat([reflected_environment(material, 40, one[None]) for one in maps])
    assert torch.equal(found, alone)
    numbers = disc_samples(40, 1, torch.device("cpu"), torch.float64).numbers
    expected = folded_ball(material, 40, maps.double()).float()
    torch.testing.assert_close(found.flatten(1, 2)[:, numbers], expected, atol=2e-6, rtol=2e-6)
    assert float(found.sum()) == pytest.approx(float(expected.sum()), rel=1e-6)


def test_a_ball_is_rendered_by_rows_where_nothing_is_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    lighting, asked = lights(), []
    by_rows, render = ball_rows.rough_ball, ball_rows.render_balls
    monkeypatch.setattr(ball_rows, "rough_ball", lambda *inputs: asked.append(1) or by_rows(*inputs))
    plain = render(lighting, "gray", 36)
    assert len(asked) == 1
    learned = dataclasses.replace(lighting, key_dirs=lighting.key_dirs.clone().requires_grad_())
    torch.testing.assert_close(render(learned, "gray", 36).detach(), plain, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(
        render(lighting.map(torch.Tensor.double), "gray", 36).float(),
        plain,
        atol=1e-5,
        rtol=1e-5,
    )
    render(lighting, "mirror", 36)
    render(dataclasses.replace(lighting, environment=None), "gray", 36)
    assert len(asked) == 1
    single = lighting[2]
    assert render(single, "gray", 36).shape == (36, 36, 3)
    torch.testing.assert_close(render(single, "gray", 36), plain[2], atol=1e-6, rtol=1e-5)
    deep = lighting.map(lambda values: values.unflatten(0, (2, 2)))
    assert torch.equal(render(deep, "gray", 36).flatten(0, 1), plain)
