"""Scattering below the skin against a dense sum over all pixels, and what it must leave alone."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import Tensor

from ftb.maths.random import generator_for
from ftb.render.base import resolve_rasterizer
from ftb.render.pair import HeadCache, render_chunks
from ftb.render.scatter import MOST_DEVIATION, scatter_keys, spread_over
from ftb.render.shade import Shaded
from ftb.scene.sampler import sample_chunk, sample_scatter
from ftb.scene.scene_config import FramingConfig, SceneConfig
from ftb.types import Lighting, Pair
from tests.render.shapes import BumpyHeads

SIZE = 64


def dense_means(values: Tensor, mask: Tensor, deviation: float) -> Tensor:
    """Every pixel's weighted mean over all others, one by one: the twin of `spread_over`."""
    rows, columns = torch.meshgrid(
        *[torch.arange(n, dtype=torch.float64) for n in values.shape], indexing="ij"
    )
    result = torch.zeros(values.shape, dtype=torch.float64)
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            squared = (rows - row).square() + (columns - column).square()
            weights = torch.exp(-0.5 * squared / deviation**2) * mask
            result[row, column] = (weights * values).sum() / weights.sum().clamp_min(1e-12)
    return result


def picture() -> tuple[Tensor, Tensor]:
    """A shadow's sharp edge on a disc."""
    place = torch.arange(SIZE) - 0.5 * (SIZE - 1)
    mask = (place[:, None].square() + place[None].square() < (0.45 * SIZE) ** 2).float()
    lit = (place[None] + 0.3 * place[:, None] > 3.0).float().expand(SIZE, SIZE)
    return lit * mask, mask


@pytest.mark.parametrize(
    ("deviation", "tolerance"), [(0.7, 0.01), (1.5, 0.01), (3.0, 0.03), (5.0, 0.03), (9.0, 0.03)]
)
def test_spread_is_the_mean_over_all_neighbours(deviation: float, tolerance: float) -> None:
    values, mask = picture()
    found = spread_over(values[None], mask, deviation)[0]
    there = mask > 0
    worst = (found - dense_means(values, mask, deviation))[there].abs().max()
    assert worst < tolerance, f"{worst:.4f} off at {deviation} pixels"


@pytest.mark.parametrize("deviation", [0.5, MOST_DEVIATION, 6.0])
def test_even_light_stays(deviation: float) -> None:
    _, mask = picture()
    found = spread_over(0.7 * mask[None], mask, deviation)[0]
    torch.testing.assert_close(found[mask > 0], torch.full_like(found[mask > 0], 0.7))


def lit_by_one_key() -> tuple[Shaded, Lighting]:
    """A flat face that looks at the camera, half in shadow, under one key and something else besides."""
    shadow, mask = picture()
    facing = torch.tensor([0.0, 0.0, 1.0])
    light = Lighting(
        sh_coeffs=torch.zeros(1, 9, 3),
        key_dirs=torch.stack([facing, facing])[None],
        key_irradiance=torch.tensor([[[3.0, 2.0, 1.0], [0.0, 0.0, 0.0]]]),
        key_angular_radius=torch.zeros(1, 2),
    )
    albedo = torch.tensor([0.6, 0.4, 0.3]) * mask[..., None]
    radiance = (albedo / math.pi * (shadow[..., None] * light.key_irradiance[0, 0] + 0.2)) * mask[..., None]
    shaded = Shaded(
        radiance_linear=radiance[None].clone(),
        mask=mask[None],
        normals=(facing * mask[..., None])[None],
        albedo_linear=albedo[None],
        irradiance_linear=torch.zeros(1, SIZE, SIZE, 3),
        visibility=torch.ones(1, SIZE, SIZE),
        light_visibility=torch.stack([shadow, torch.zeros_like(shadow)], dim=-1)[None],
    )
    return shaded, light


def test_what_keys_bring_is_spread_and_nothing_else() -> None:
    shaded, light = lit_by_one_key()
    before = shaded.radiance_linear.clone()
    scatter_keys(shaded, light, torch.tensor([[1.5 / SIZE, 0.7 / SIZE, 0.0]]))
    shadow, mask = picture()
    for colour, deviation in enumerate((1.5, 0.7)):
        spread = spread_over(shadow[None], mask, deviation)[0] * light.key_irradiance[0, 0, colour] + 0.2
        expected = shaded.albedo_linear[0, ..., colour] / math.pi * spread
        torch.testing.assert_close(shaded.radiance_linear[0, ..., colour], expected, atol=1e-6, rtol=1e-5)
    assert torch.equal(shaded.radiance_linear[..., 2], before[..., 2]), "blue was not to be spread"
    assert float(shaded.radiance_linear[mask[None] == 0].abs().max()) == 0.0, "light beside the face"


@pytest.mark.parametrize("change", ["no key", "no spread"])
def test_nothing_to_scatter_changes_no_bit(change: str) -> None:
    shaded, light = lit_by_one_key()
    spread = torch.full((1, 3), 2.0 / SIZE)
    if change == "no key":
        light = dataclasses.replace(light, key_irradiance=torch.zeros_like(light.key_irradiance))
    else:
        spread = torch.zeros(1, 3)
    before = shaded.radiance_linear.clone()
    scatter_keys(shaded, light, spread)
    assert torch.equal(shaded.radiance_linear, before)


def test_spread_is_said_in_millimetres() -> None:
    with pytest.raises(ValueError, match="scatter_mm"):
        SceneConfig(scatter_mm=(3.0, 1.0))
    assert SceneConfig(scatter_mm=(0.0, 0.0)).scatter_mm == (0.0, 0.0)


def test_red_spreads_farthest_and_grey_photographs_see_more_of_it() -> None:
    grey = torch.tensor([0.0, 1.0, 1.0])
    for index in range(20):
        drawn = sample_scatter((1.0, 4.0), grey, generator=generator_for(0, "train", index, "scatter"))
        red, green, blue = (1e3 * drawn).unbind(-1)
        assert bool((red >= 1.0 - 1e-5).all() and (red <= 4.0 + 1e-5).all()), drawn
        assert bool((red == red[0]).all()), "one person's skin"
        assert bool((blue < 0.31 * red)[0] and (green < 0.51 * red)[0]), drawn
        assert bool((blue[1:] >= blue[0]).all() and (green[1:] >= green[0]).all()), drawn


def test_the_nearer_the_face_the_wider_in_the_picture() -> None:
    head_config = SceneConfig(samples_per_head=6, scatter_mm=(2.0, 2.0), framing=FramingConfig(shift=0.0))
    chunk = sample_chunk(head_config, BumpyHeads(), None, seed=0, split="test", chunk=0)
    assert chunk.scatter is not None
    cameras = chunk.camera
    middle = chunk.head.landmarks.float().mean(0)
    beside = middle + torch.tensor([2e-3, 0.0, 0.0])
    # Two millimetres apart, in parts of the picture: seen face on this is what red spreads.
    turns, shifts = cameras.cam_from_world[:, :3, :3], cameras.cam_from_world[:, :3, 3]
    depths = -(turns @ middle + shifts)[:, 2]
    across = (turns @ (beside - middle)).norm(dim=-1) / depths / (2.0 * cameras.half_width)
    torch.testing.assert_close(chunk.scatter[:, 0], across, rtol=1e-4, atol=0.0)


def rendered(scatter_mm: tuple[float, float], chunks: int) -> Pair:
    rasterizer = resolve_rasterizer("warp")
    config = SceneConfig(samples_per_head=2, sky_receivers=50, sky_directions=32, scatter_mm=scatter_mm)
    drawn = [sample_chunk(config, BumpyHeads(), None, seed=3, split="test", chunk=n) for n in range(chunks)]
    heads = HeadCache(config, BumpyHeads(), rasterizer)
    with torch.inference_mode():
        return render_chunks(drawn, rasterizer, heads, size=SIZE, ball_size=16)


def test_photographs_change_and_surfaces_do_not() -> None:
    plain, soft = rendered((0.0, 0.0), 4), rendered((3.0, 3.0), 4)
    for name in ("mask", "normals", "albedo_linear", "visibility"):
        assert torch.equal(getattr(plain, name), getattr(soft, name)), name
    assert not torch.equal(plain.photo_srgb, soft.photo_srgb)
    # The sums of light stay, and so nearly do the exposures.
    torch.testing.assert_close(plain.ball_linear, soft.ball_linear, rtol=0.1, atol=0.01)


def test_chunks_rendered_together_are_those_rendered_alone() -> None:
    together, alone = rendered((3.0, 3.0), 2), rendered((3.0, 3.0), 1)
    torch.testing.assert_close(together.photo_srgb[:2], alone.photo_srgb, rtol=0.0, atol=0.02)
