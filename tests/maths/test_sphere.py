"""Points on sphere, disc and cap against analytic moments; the ball's geometry against counting."""

import math

import pytest
import torch

from ftb.maths import sphere
from ftb.maths.rotation import random_rotations


def test_fibonacci_directions_integrate_polynomials():
    dirs = sphere.fibonacci_directions(2000, dtype=torch.float64)
    torch.testing.assert_close(dirs.norm(dim=-1), torch.ones(2000, dtype=torch.float64))
    # Moments of the uniform sphere: 0, δ/3; the error of the spiral falls faster than 1/n.
    assert dirs.mean(dim=0).abs().max() < 1e-3
    second = dirs.T @ dirs / 2000
    torch.testing.assert_close(second, torch.eye(3, dtype=torch.float64) / 3, rtol=0, atol=1e-3)
    assert dirs[0, 1] > 0.999
    assert dirs[-1, 1] < -0.999


def test_fibonacci_directions_keep_their_distance():
    dirs = sphere.fibonacci_directions(500, dtype=torch.float64)
    cosine = (dirs @ dirs.T - 2 * torch.eye(500, dtype=torch.float64)).amax(dim=1)
    # The best packing of 500 points is √(8π/(√3 · 500)) = 0.170 apart: three quarters of it at least.
    assert torch.arccos(cosine).min() > 0.75 * 0.170


def test_disc_and_cosine_samples_have_the_right_moments():
    disc = sphere.disc_samples(2000, dtype=torch.float64)
    assert disc.norm(dim=-1).max() < 1
    assert disc.mean(dim=0).abs().max() < 2e-3
    torch.testing.assert_close(disc.square().sum(-1).mean().item(), 0.5, rtol=0, atol=1e-9)
    hemisphere = sphere.cosine_directions(2000, dtype=torch.float64)
    torch.testing.assert_close(hemisphere.norm(dim=-1), torch.ones(2000, dtype=torch.float64))
    # ∫ cosθ · cosθ/π dω = 2/3; ∫ cos²θ · cosθ/π dω = 1/2.
    torch.testing.assert_close(hemisphere[:, 2].mean().item(), 2 / 3, rtol=0, atol=1e-4)
    torch.testing.assert_close(hemisphere[:, 2].square().mean().item(), 0.5, rtol=0, atol=1e-9)


@pytest.mark.parametrize("angle", [1e-4, 0.2, 1.5, math.pi])
def test_cap_is_even_and_within_its_angle(angle):
    cap = sphere.cap_directions(1000, angle, dtype=torch.float64)
    torch.testing.assert_close(cap.norm(dim=-1), torch.ones(1000, dtype=torch.float64))
    polar = torch.atan2(cap[:, :2].norm(dim=-1), cap[:, 2])
    assert polar.max() <= angle
    # Half of the cap's area lies within θ with sin(θ/2) = sin(angle/2)/√2.
    half = 2 * math.asin(math.sin(angle / 2) / math.sqrt(2))
    assert abs((polar < half).double().mean().item() - 0.5) < 2e-3


def test_frame_takes_z_to_the_direction():
    turns = random_rotations(50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    axes = torch.eye(3, dtype=torch.float64)
    dirs = torch.cat((turns[:, 2], axes, -axes))
    frames = sphere.frame_about(dirs)
    torch.testing.assert_close(frames[..., 2], dirs)
    torch.testing.assert_close(frames.mT @ frames, axes.expand_as(frames))
    torch.testing.assert_close(torch.linalg.det(frames), torch.ones(len(dirs), dtype=torch.float64))


@pytest.mark.parametrize("size", [1, 2, 3, 8, 65])
def test_ball_normals_are_those_of_a_unit_sphere(size):
    normals, mask = sphere.ball_normals(size, dtype=torch.float64)
    assert normals.shape == (size, size, 3)
    for row in range(size):
        for column in range(size):
            x, y = (column + 0.5) / size * 2 - 1, 1 - (row + 0.5) / size * 2
            inside = x * x + y * y <= 1
            assert bool(mask[row, column]) == inside
            expected = [x, y, math.sqrt(1 - x * x - y * y)] if inside else [0.0, 0.0, 0.0]
            torch.testing.assert_close(normals[row, column].tolist(), expected)


def test_ball_normals_are_oriented_as_the_image():
    normals, _ = sphere.ball_normals(33)
    assert normals[0, 16, 1] > 0.9  # top is +Y
    assert normals[16, -1, 0] > 0.9  # right is +X
    torch.testing.assert_close(normals[16, 16], torch.tensor([0.0, 0.0, 1.0]))


@pytest.mark.parametrize("size", [1, 2, 5, 64])
def test_ball_coverage_is_the_disc(size):
    coverage = sphere.ball_coverage(size, dtype=torch.float64)
    torch.testing.assert_close(coverage.sum().item(), math.pi / 4 * size**2)
    # The naive twin: count of 64 × 64 points in each pixel; its error is below a row of points.
    _, mask = sphere.ball_normals(64 * size)
    counted = mask.double().reshape(size, 64, size, 64).mean(dim=(1, 3))
    torch.testing.assert_close(coverage, counted, rtol=0, atol=1 / 64)
    for turned in (coverage.flip(0), coverage.flip(1), coverage.T):
        torch.testing.assert_close(coverage, turned)


def test_sizes_are_checked():
    for function in (sphere.ball_normals, sphere.ball_coverage):
        with pytest.raises(ValueError, match=r"^size: expected 1 pixel or more, got 0$"):
            function(0)
