"""Environment maps: the convention both ways, bilinear lookups, rotation, energy."""

import math

import pytest
import torch
from torch.autograd import gradcheck

from ftb.maths import envmap
from ftb.maths.rotation import random_rotations, rotation_about_axis
from ftb.maths.sphere import fibonacci_directions

# (u, v) of the map ↔ direction, as in the module's own table.
NAMED = {
    "towards the camera": ((0.5, 0.5), (0.0, 0.0, 1.0)),
    "away": ((0.0, 0.5), (0.0, 0.0, -1.0)),
    "right": ((0.25, 0.5), (1.0, 0.0, 0.0)),
    "left": ((0.75, 0.5), (-1.0, 0.0, 0.0)),
    "up": ((0.5, 0.0), (0.0, 1.0, 0.0)),
    "down": ((0.5, 1.0), (0.0, -1.0, 0.0)),
}


def random_map(*lead, height=16):
    return torch.rand(*lead, height, 2 * height, 3, generator=torch.Generator().manual_seed(0)).double()


def energy(environment):
    areas = envmap.solid_angles(environment.shape[-3], dtype=environment.dtype)
    return (environment * areas[..., None]).sum(dim=(-3, -2))


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("height", [2, 32])
def test_named_directions_both_ways(name, height):
    (u, v), direction = NAMED[name]
    row = torch.tensor(v * height, dtype=torch.float64)
    column = torch.tensor(u * 2 * height, dtype=torch.float64)
    dirs = torch.tensor(direction, dtype=torch.float64)
    torch.testing.assert_close(envmap.direction_from_pixel(row, column, height), dirs)
    found_row, found_column = envmap.pixel_from_direction(dirs, height)
    torch.testing.assert_close(found_row, row)
    # The left and the right edge are one meridian.
    turn = (found_column - column) / (2 * height)
    torch.testing.assert_close(turn, turn.round())


def test_directions_follow_the_written_formula():
    height, width = 6, 12
    dirs = envmap.directions(height, dtype=torch.float64)
    for i in range(height):
        for j in range(width):
            theta, phi = math.pi * (i + 0.5) / height, math.pi - 2 * math.pi * (j + 0.5) / width
            expected = [math.sin(theta) * math.sin(phi), math.cos(theta), math.sin(theta) * math.cos(phi)]
            torch.testing.assert_close(dirs[i, j].tolist(), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pixels_and_directions_are_inverse(dtype):
    row, column = envmap.pixel_from_direction(5 * envmap.directions(64, dtype=dtype), 64)
    rows, columns = torch.meshgrid(torch.arange(64) + 0.5, torch.arange(128) + 0.5, indexing="ij")
    # 1e-4 texel: float32 directions hold an angle to 1e-7, 64 / π texels a radian, more near the poles.
    torch.testing.assert_close(row, rows.to(dtype), rtol=0, atol=1e-4)
    torch.testing.assert_close(column, columns.to(dtype), rtol=0, atol=1e-4)


def test_solid_angles_cover_the_sphere():
    for height in (1, 2, 7, 64):
        areas = envmap.solid_angles(height, dtype=torch.float64)
        assert areas.shape == (height, 2 * height)
        torch.testing.assert_close(areas.sum().item(), 4 * math.pi)
    torch.testing.assert_close(envmap.solid_angles(2), torch.full((2, 4), math.pi / 2))


def test_sample_at_centres_gives_the_texels():
    environment = random_map(2)
    dirs = envmap.directions(16, dtype=torch.float64).expand(2, -1, -1, -1)
    torch.testing.assert_close(envmap.sample(environment, dirs), environment)


def test_sample_is_bilinear_across_the_seam_and_the_pole():
    environment = random_map(height=8)
    row, column = torch.tensor([3.75, 0.0, 0.25, 8.0]), torch.tensor([0.0, 2.5, 2.5, 9.5])
    values = envmap.sample(environment, envmap.direction_from_pixel(row.double(), column.double(), 8))
    e = environment
    seam = 0.75 * (e[3, 0] + e[3, 15]) / 2 + 0.25 * (e[4, 0] + e[4, 15]) / 2
    # At a pole itself the column is +Z's: halfway between texels 7 and 8 and those opposite.
    top = (e[0, 7] + e[0, 8] + e[0, 15] + e[0, 0]) / 4
    near_top = 0.75 * e[0, 2] + 0.25 * e[0, 10]
    torch.testing.assert_close(values[0], seam)
    torch.testing.assert_close(values[2], near_top)
    exact_pole = envmap.sample(environment, torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64))
    torch.testing.assert_close(exact_pole, top)


def test_sample_of_a_smooth_map_is_close_to_it():
    def smooth(dirs):
        return torch.stack((dirs[..., 0], dirs[..., 1] * dirs[..., 2], dirs[..., 1].exp()), dim=-1)

    dirs = fibonacci_directions(500, dtype=torch.float64)
    errors = [
        (envmap.sample(smooth(envmap.directions(h, dtype=torch.float64)), dirs) - smooth(dirs)).abs().max()
        for h in (16, 32)
    ]
    # Second order: a quarter of the error at twice the height.
    assert errors[0] < 0.02
    torch.testing.assert_close((errors[0] / errors[1]).item(), 4.0, rtol=0.15, atol=0)


def test_sample_broadcasts_one_map_over_many_directions():
    environment = random_map(1, 3)
    dirs = fibonacci_directions(20, dtype=torch.float64).reshape(4, 1, 5, 3)
    values = envmap.sample(environment, dirs)
    assert values.shape == (4, 3, 5, 3)
    torch.testing.assert_close(values[2, 1], envmap.sample(environment[0, 1], dirs[2, 0]))


def test_sample_names_what_does_not_fit():
    with pytest.raises(
        ValueError, match=r"^dirs: expected \(2, ..., 3\) for this environment, got \(5, 3\)$"
    ):
        envmap.sample(random_map(2), torch.ones(5, 3))
    with pytest.raises(ValueError, match=r"^environment: expected \(..., H, 2H, 3\), got \(8, 8, 3\)$"):
        envmap.sample(torch.ones(8, 8, 3), torch.ones(5, 3))


def test_sample_gradients():
    environment = random_map(height=3).requires_grad_(True)
    # Turned, so that none lies on a line of centres, where a bilinear map has a kink.
    turn = random_rotations(1, generator=torch.Generator().manual_seed(5), dtype=torch.float64)[0]
    dirs = (fibonacci_directions(9, dtype=torch.float64) @ turn).requires_grad_(True)
    assert gradcheck(envmap.sample, (environment, dirs))
    poles = torch.tensor([[0.0, 1.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 0.0]], requires_grad=True)
    envmap.sample(environment.detach().float(), poles).sum().backward()
    assert poles.grad.isfinite().all()


def test_a_direction_of_nan_gives_nan():
    dirs = torch.tensor([[math.nan, 0.0, 1.0], [0.0, 0.0, 1.0]])
    values = envmap.sample(torch.ones(4, 8, 3), dirs)
    assert values[0].isnan().all()
    torch.testing.assert_close(values[1], torch.ones(3))


@pytest.mark.parametrize("texels", [1, 5, -4, 16])
def test_yaw_by_whole_texels_is_a_roll(texels):
    environment = random_map(height=8)
    angle = torch.tensor(texels * math.pi / 8, dtype=torch.float64)
    turned = envmap.rotate(environment, rotation_about_axis(torch.tensor([0.0, 1.0, 0.0]).double(), angle))
    torch.testing.assert_close(turned, environment.roll(-texels, dims=-2))


def test_rotate_turns_the_light_actively():
    turns = random_rotations(4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    towards = torch.tensor([0.6, 0.48, 0.64], dtype=torch.float64)
    lobe = torch.exp(20 * (envmap.directions(64, dtype=torch.float64) @ towards - 1))
    turned = envmap.rotate(lobe[..., None].expand(-1, -1, 3), turns)
    assert turned.shape == (4, 64, 128, 3)
    areas = envmap.solid_angles(64, dtype=torch.float64)[..., None]
    dirs = envmap.directions(64, dtype=torch.float64)
    centre = (turned[..., :1] * areas * dirs).sum(dim=(1, 2))
    centre = centre / centre.norm(dim=-1, keepdim=True)
    # A hundredth of a texel of 2.8°.
    torch.testing.assert_close(centre, turns @ towards, rtol=0, atol=5e-4)


@pytest.mark.parametrize("height", [1, 4, 8, 12, 16, 48, 37])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_resize_keeps_energy(height, dtype):
    environment = random_map(2).to(dtype)
    resized = envmap.resize(environment, height)
    assert resized.shape == (2, height, 2 * height, 3)
    assert resized.dtype == dtype
    tolerance = 1e-6 if dtype == torch.float32 else 1e-13
    torch.testing.assert_close(energy(resized), energy(environment), rtol=tolerance, atol=0)
    torch.testing.assert_close(
        envmap.resize(torch.ones_like(environment), height), torch.ones_like(resized), rtol=tolerance, atol=0
    )


def test_resize_is_the_area_mean_and_its_inverse_repeats():
    environment = random_map(height=8)
    areas = envmap.solid_angles(8, dtype=torch.float64)[..., None]
    blocks = (environment * areas).reshape(4, 2, 8, 2, 3).sum(dim=(1, 3))
    expected = blocks / areas.reshape(4, 2, 8, 2, 1).sum(dim=(1, 3))
    torch.testing.assert_close(envmap.resize(environment, 4), expected)
    doubled = envmap.resize(environment, 16)
    torch.testing.assert_close(doubled, environment.repeat_interleave(2, 0).repeat_interleave(2, 1))
    torch.testing.assert_close(envmap.resize(doubled, 8), environment)


def test_heights_are_checked():
    for call in (
        lambda: envmap.directions(0),
        lambda: envmap.solid_angles(0),
        lambda: envmap.resize(random_map(), 0),
    ):
        with pytest.raises(ValueError, match=r"^height: expected 1 or more texel rows, got 0$"):
            call()
