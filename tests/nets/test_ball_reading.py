"""Light read off painted balls: exactly where the fit can be exact, and well where it cannot."""

from __future__ import annotations

import torch
from scipy.optimize import lsq_linear
from torch.testing import assert_close

from ftb.nets.ball_reading import ball_reader, light_of_ball
from ftb.render import ball_polar, ball_transport
from ftb.render.ball import render_ball
from ftb.scene.lighting_ops import angle_deg, dominant, total_sh
from ftb.scene.lights import sample_lighting
from ftb.scene.lights_config import LightConfig
from ftb.scene.materials import ball_material
from ftb.types import Lighting, stack

SIZE = 32


def drawn_lights(count: int) -> Lighting:
    draws = [torch.Generator().manual_seed(seed) for seed in range(count)]
    return stack([sample_lighting(draw, None, LightConfig())[0] for draw in draws])


def test_the_reader_is_the_ridge_regression_on_the_transport_matrix():
    """Against scipy's least squares on the rows of the matrix and, below them, those of the penalty."""
    cpu = torch.device("cpu")
    matrix = ball_polar.sh_matrix(ball_material("gray"), SIZE, 6, cpu, torch.float64)
    penalty = (0.01 * (matrix**2).sum(dim=0).mean()).sqrt() * torch.eye(49, dtype=torch.float64)
    pixels = torch.rand(len(matrix), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    target = torch.cat([pixels, torch.zeros(49, dtype=torch.float64)])
    expected = lsq_linear(torch.cat([matrix, penalty]).numpy(), target.numpy(), tol=1e-14).x[:9]
    ball = torch.zeros(SIZE * SIZE, dtype=torch.float64)
    ball[ball_transport.disc_samples(SIZE, 1, cpu, torch.float64).numbers] = pixels
    square = ball.unflatten(0, (1, SIZE, SIZE))[..., None].expand(1, SIZE, SIZE, 3)
    found = light_of_ball(ball_reader(SIZE).double(), square).sh_coeffs[0, :, 1]
    assert_close(found, torch.from_numpy(expected), rtol=1e-4, atol=1e-5)


def test_true_balls_tell_where_their_light_comes_from():
    lights = drawn_lights(24)
    read = light_of_ball(ball_reader(SIZE), render_ball(lights, "gray", SIZE))
    true, directionality = dominant(lights)
    directed = directionality > 0.3
    errors = angle_deg(dominant(read)[0], true)[directed]
    assert float(errors.mean()) < 2.0
    level = read.sh_coeffs[:, 0] / total_sh(lights, 2)[:, 0]
    assert_close(level, torch.ones_like(level), rtol=0.0, atol=0.1)  # bands above 6 are taken for lower ones


def test_light_is_linear_in_the_ball_and_mirrors_with_it():
    reader = ball_reader(SIZE)
    ball = render_ball(drawn_lights(2), "gray", SIZE)
    first, scaled, mirrored = (
        light_of_ball(reader, one).sh_coeffs for one in (ball, 3.0 * ball, ball.flip(2))
    )
    assert_close(scaled, 3.0 * first, rtol=1e-4, atol=1e-5)
    odd_in_x = torch.tensor([1, 1, 1, -1, -1, 1, 1, -1, 1.0])[:, None]  # 1, y, z, x, xy, yz, 3z² − 1, xz, …
    assert_close(mirrored, first * odd_in_x, rtol=1e-3, atol=1e-4)


def test_what_lies_around_the_disc_is_not_looked_at():
    reader, ball = ball_reader(SIZE), render_ball(drawn_lights(1), "gray", SIZE)
    around = (ball == 0).all(dim=-1, keepdim=True)
    assert around.any()
    assert torch.equal(
        light_of_ball(reader, ball).sh_coeffs, light_of_ball(reader, ball + 0.0 * around).sh_coeffs
    )
    assert_close(light_of_ball(reader, ball + 5.0 * around).sh_coeffs, light_of_ball(reader, ball).sh_coeffs)


def test_darkness_is_light_of_no_direction():
    light = light_of_ball(ball_reader(SIZE), torch.zeros(1, SIZE, SIZE, 3))
    assert (light.sh_coeffs == 0).all()
    assert dominant(light)[0].tolist() == [[0.0, 0.0, 1.0]]
