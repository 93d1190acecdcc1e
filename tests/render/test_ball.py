"""The reference ball against quadrature with scipy, and its own invariants."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from scipy import integrate
from torch import Tensor

from ftb.maths import envmap, sh, sphere
from ftb.maths.sh_ringing import without_ringing
from ftb.render import ball, ball_transport
from ftb.render.ball import BALL_MATERIALS, render_ball, render_ball_of
from ftb.scene.materials import BallMaterial
from ftb.types import Lighting, stack

CPU = torch.device("cpu")


def lighting(environment: Tensor | None = None, sh_coeffs: Tensor | None = None) -> Lighting:
    """An unbatched light without key lights."""
    return Lighting(
        sh_coeffs=torch.zeros(9, 3) if sh_coeffs is None else sh_coeffs,
        key_dirs=torch.zeros(0, 3),
        key_irradiance=torch.zeros(0, 3),
        key_angular_radius=torch.zeros(0),
        environment=environment,
    )


def with_key(light: Lighting, direction: Tensor, irradiance: Tensor, radius: float = 0.0) -> Lighting:
    """The light with one key light."""
    return dataclasses.replace(
        light,
        key_dirs=direction[None],
        key_irradiance=irradiance[None],
        key_angular_radius=torch.tensor([radius], dtype=direction.dtype),
    )


def smooth_map(generator: torch.Generator, height: int = 32) -> Tensor:
    """A random map (H, 2H, 3) of a few broad lights."""
    coeffs = torch.randn(25, 3, generator=generator) / torch.arange(1, 26)[:, None]
    dirs = envmap.directions(height)
    return sh.radiance_from_sh(coeffs, dirs.flatten(0, 1)).clamp_min(0.0).unflatten(0, (height, 2 * height))


def relative(value: Tensor, reference: Tensor) -> float:
    """Relative L2 difference."""
    return float((value - reference).norm() / reference.norm())


def directional_albedo(material: BallMaterial, cosine: float) -> float:
    """∫ f cosθ dω for the eye at `cosine`, by scipy over the half vector, with its own formulas."""
    alpha, sine = material.alpha, math.sqrt(1.0 - cosine * cosine)

    def g1(c: float) -> float:
        return 2.0 * c / (c + math.sqrt(alpha**2 + (1.0 - alpha**2) * c * c))

    def reflected(phi: float, theta: float) -> float:
        half = (math.sin(theta) * math.cos(phi), math.sin(theta) * math.sin(phi), math.cos(theta))
        v_dot_h = sine * half[0] + cosine * half[2]
        n_dot_l = 2.0 * v_dot_h * half[2] - cosine
        if v_dot_h <= 0.0 or n_dot_l <= 0.0:
            return 0.0
        density = alpha**2 / (math.pi * ((half[2] * half[2]) * (alpha**2 - 1.0) + 1.0) ** 2)
        f0 = material.f0 or 0.0
        fresnel = f0 + (1.0 - f0) * (1.0 - v_dot_h) ** 5
        specular = fresnel * density * g1(cosine) * g1(n_dot_l) / (4.0 * cosine * n_dot_l)
        diffuse = (1.0 - fresnel) * material.albedo / math.pi
        return (specular + diffuse) * n_dot_l * 4.0 * v_dot_h * math.sin(theta)

    options = {"epsabs": 2e-5, "epsrel": 2e-5, "limit": 100}
    value, _ = integrate.nquad(reflected, [(0.0, math.pi), (0.0, 0.5 * math.pi)], opts=[options, options])
    return 2.0 * value


@pytest.mark.parametrize("name", ["matte", "mirror"])
@pytest.mark.parametrize("size", [17, 64, 200])
def test_white_furnace(name: str, size: int) -> None:
    value = render_ball(lighting(torch.ones(32, 64, 3)), name, size)
    mask = sphere.ball_normals(size)[1]
    expected = {"matte": 0.18, "mirror": 1.0}[name]
    torch.testing.assert_close(value[mask], torch.full_like(value[mask], expected), atol=2e-4, rtol=0)
    assert not value[~mask].any()


@pytest.mark.parametrize("name", ["silver", "gray"])
def test_furnace_equals_the_quadrature_of_the_brdf(name: str) -> None:
    size = 401  # odd, so that the middle row runs through the centre, and one sample a pixel
    value = render_ball(lighting(torch.ones(32, 64, 3)), name, size)[size // 2, :, 0]
    normals = sphere.ball_normals(size, dtype=torch.float64)[0][size // 2]
    for column in (200, 290, 350, 390):
        expected = directional_albedo(BALL_MATERIALS[name], float(normals[column, 2]))
        assert float(value[column]) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("alpha", [0.04, 0.07, 0.15, 0.3, 0.6, 1.0])
@pytest.mark.parametrize(("albedo", "f0"), [(0.0, 1.0), (0.18, 0.04)])
def test_never_reflects_more_than_arrives(alpha: float, albedo: float, f0: float) -> None:
    material = BallMaterial(albedo=albedo, f0=f0, alpha=alpha)
    value = render_ball_of(lighting(torch.ones(32, 64, 3)), material, 101)
    assert float(value.max()) <= 1.0 + 1e-3
    assert float(value[50, 50, 0]) == pytest.approx(directional_albedo(material, 1.0 - 1e-9), abs=1e-3)


def test_matrix_and_convolution_agree(monkeypatch: pytest.MonkeyPatch, generator: torch.Generator) -> None:
    light = lighting(torch.rand(16, 32, 3, generator=generator))  # rough: every texel its own
    for name in ("matte", "gray"):
        for size in (31, 32):
            by_matrix = render_ball(light, name, size)
            with monkeypatch.context() as patch:
                patch.setattr(ball, "MATRIX_ENTRIES", 0)
                assert relative(render_ball(light, name, size), by_matrix) < 1e-3


@pytest.mark.parametrize(("row", "column"), [(0, 40), (2, 40), (40, 70), (60, 64), (95, 0)])
@pytest.mark.parametrize("highest", [32, 128])
def test_single_texels_keep_their_energy(
    row: int, column: int, highest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By the matrix and a coarser map, and by the convolution; the poles, where texels crowd, included.
    monkeypatch.setattr(ball, "MAX_TRANSPORT_HEIGHT", highest)
    environment = torch.zeros(96, 192, 3)
    environment[row, column] = 1.0 / envmap.solid_angles(96)[row, column]
    direction = envmap.directions(96)[row, column]
    value = render_ball(lighting(environment), "matte", 64)
    normals, _ = sphere.ball_normals(64)
    expected = 0.18 / math.pi * (normals @ direction).clamp_min(0.0)
    # Four quadrature points a texel see a lone one within about 3 %. At the poles a bilinear map holds 8 %
    # more in its outermost rows than their area says; the coarser map's texels are 5.6 degrees wide.
    bar = 0.15 if min(row, 95 - row) < 3 else 0.04
    assert relative(value[..., 0], expected) < bar
    assert float(value.sum() / 3.0) == pytest.approx(float(expected.sum()), rel=bar)


def test_averaged_poles_keep_the_sum_of_each_row(generator: torch.Generator) -> None:
    maps = torch.rand(2, 24, 48, generator=generator)
    averaged = ball_transport.without_small_texels(maps)
    torch.testing.assert_close(averaged.sum(dim=-1), maps.sum(dim=-1))
    torch.testing.assert_close(averaged[:, 8:16], maps[:, 8:16])
    lone = torch.zeros(24, 48)
    lone[0, 5] = 1.0
    once = ball_transport.without_small_texels(lone)
    assert float(once.min()) > -1e-6
    assert int((once[0] > 1e-4).sum()) == 15  # 1 / sin(π/48) = 15.3


def test_axes() -> None:
    # Bright where the map says: +X at a quarter of the width is at the ball's right, +Y at its top.
    for row, column, where in ((15, 16, (32, 56)), (15, 48, (32, 8)), (2, 32, (8, 32)), (29, 32, (56, 32))):
        environment = torch.full((32, 64, 3), 0.01)
        environment[row : row + 2, column - 1 : column + 1] = 100.0
        value = render_ball(lighting(environment), "matte", 64)[..., 0]
        brightest = divmod(int(value.argmax()), 64)
        assert math.dist(brightest, where) < 12, (row, column)


@pytest.mark.parametrize("name", list(BALL_MATERIALS))
def test_batches_and_leading_dimensions(name: str, generator: torch.Generator) -> None:
    up = torch.tensor([0.0, 0.8, 0.6])
    lights = [with_key(lighting(smooth_map(generator)), up, torch.ones(3), 0.1) for _ in range(6)]
    singles = torch.stack([render_ball(light, name, 24) for light in lights])
    batch = stack(lights).map(lambda tensor: tensor.unflatten(0, (2, 3)))
    value = render_ball(batch, name, 24)
    assert value.shape == (2, 3, 24, 24, 3)
    torch.testing.assert_close(value.flatten(0, 1), singles, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", list(BALL_MATERIALS))
def test_linear_in_the_light(name: str, generator: torch.Generator) -> None:
    first, second = smooth_map(generator), smooth_map(generator)
    parts = [render_ball(lighting(part), name, 20) for part in (first, second)]
    torch.testing.assert_close(
        render_ball(lighting(2.0 * first + second), name, 20), 2.0 * parts[0] + parts[1]
    )


@pytest.mark.parametrize("name", list(BALL_MATERIALS))
@pytest.mark.parametrize("size", [1, 2, 33, 64, 140])
def test_harmonics_alone_equal_their_map(name: str, size: int, generator: torch.Generator) -> None:
    coeffs = torch.randn(25, 3, generator=generator) * 0.05
    coeffs[0] = 4.0  # positive everywhere
    dirs = envmap.directions(64).flatten(0, 1)
    environment = sh.radiance_from_sh(coeffs, dirs).unflatten(0, (64, 128))
    by_map = render_ball(lighting(environment), name, size)
    by_harmonics = render_ball(lighting(sh_coeffs=coeffs), name, size)
    assert relative(by_harmonics, by_map) < 2e-3


def test_harmonics_on_matte_are_their_irradiance(generator: torch.Generator) -> None:
    coeffs = torch.randn(9, 3, generator=generator)
    coeffs[0] = 3.0
    normals, mask = sphere.ball_normals(48)
    expected = 0.18 / math.pi * sh.irradiance_from_sh(coeffs, normals[mask])
    value = render_ball(lighting(sh_coeffs=coeffs), "matte", 48)[mask]
    torch.testing.assert_close(value, expected.clamp_min(0.0), atol=3e-4, rtol=1e-3)


@pytest.mark.parametrize("name", list(BALL_MATERIALS))
def test_no_negative_radiance_leaves(name: str) -> None:
    # One distant light cut at order 2 rings far below 0 on its other side.
    coeffs = sh.directional_light(torch.tensor([0.0, 0.0, -1.0]), torch.ones(3), 2)
    value = render_ball(lighting(sh_coeffs=coeffs), name, 32)
    assert float(value.min()) == 0.0
    assert float(value.max()) > 0.0


@pytest.mark.parametrize(("name", "shows"), [("matte", 0), ("gray", 0), ("silver", 1), ("mirror", 1)])
def test_what_shows_its_surroundings_shows_no_ringing(name: str, shows: int) -> None:
    coeffs = sh.directional_light(torch.tensor([0.6, 0.0, 0.8]), torch.tensor([3.0, 2.0, 1.0]), 2)
    coeffs[0] *= 1.2
    value = render_ball(lighting(sh_coeffs=coeffs), name, 32)
    calm = render_ball(lighting(sh_coeffs=without_ringing(coeffs)), name, 32)
    assert (relative(value, calm) < 0.01) == bool(shows)


@pytest.mark.parametrize("name", list(BALL_MATERIALS))
@pytest.mark.parametrize("harmonics", [True, False])
def test_gradients(name: str, harmonics: bool, generator: torch.Generator) -> None:
    shapes = ((4, 3), (1, 3), (1, 3), (2, 4, 3))
    coeffs, irradiance, direction, environment = (
        torch.rand(*shape, generator=generator, dtype=torch.float64) for shape in shapes
    )
    coeffs[0] += 3.0

    def rendered(*parts: Tensor) -> Tensor:
        light = Lighting(
            sh_coeffs=parts[0],
            key_irradiance=parts[1],
            key_dirs=parts[2] / parts[2].norm(dim=-1, keepdim=True),
            key_angular_radius=torch.tensor([0.1], dtype=torch.float64),
            environment=None if harmonics else parts[3],
        )
        return render_ball(light, name, 4)

    inputs = [part.requires_grad_() for part in (coeffs, irradiance, direction, environment)]
    assert torch.autograd.gradcheck(rendered, inputs, atol=1e-6, rtol=1e-3)


def test_gradients_are_finite_everywhere() -> None:
    # Lights along ±Z and on the horizon, zero and large radius.
    dirs = torch.tensor([[0.0, 0, 1], [0, 0, -1], [1, 0, 0], [0, 1, 0]], requires_grad=True)
    radius = torch.tensor([0.0, 0.2, 1e-3, 0.26], requires_grad=True)
    irradiance = torch.ones(4, 3, requires_grad=True)
    for name in BALL_MATERIALS:
        light = dataclasses.replace(
            lighting(), key_dirs=dirs, key_irradiance=irradiance, key_angular_radius=radius
        )
        gradients = torch.autograd.grad(render_ball(light, name, 32).sum(), [dirs, irradiance, radius])
        assert all(bool(torch.isfinite(gradient).all()) for gradient in gradients), name


def test_constants_made_in_inference_mode_serve_training() -> None:
    coeffs = torch.ones(9, 3)
    with torch.inference_mode():
        render_ball(lighting(sh_coeffs=coeffs), "gray", 13)
        render_ball(lighting(torch.ones(8, 16, 3)), "gray", 13)
    coeffs.requires_grad_()
    render_ball(lighting(sh_coeffs=coeffs), "gray", 13).sum().backward()
    assert coeffs.grad is not None


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("chrome", 8, "material: expected one of matte, gray"),
        ("gray", 0, "size: expected 1 pixel or more, got 0"),
    ],
)
def test_what_cannot_be_rendered(name: str, size: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        render_ball(lighting(), name, size)


def test_the_same_on_cuda(cuda: torch.device, generator: torch.Generator) -> None:
    light = with_key(lighting(smooth_map(generator)), torch.tensor([0.6, 0.0, 0.8]), torch.ones(3), 0.1)
    for name in BALL_MATERIALS:
        for size in (64, 140):
            on_cuda = render_ball(light.to(cuda), name, size).cpu()
            assert relative(on_cuda, render_ball(light, name, size)) < 1e-4
