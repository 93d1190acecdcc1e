"""Each metric against numpy, scikit-image or a value computed by hand."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from torch.testing import assert_close

from ftb.maths import sphere
from ftb.metrics.ball import ball_rmse
from ftb.metrics.base import FACE_METRICS, METRICS, measure
from ftb.metrics.chroma import chroma_angle
from ftb.metrics.direction import direction_error_deg, true_directionality
from ftb.metrics.irradiance import irradiance_error
from ftb.metrics.normals import normal_error_deg
from ftb.metrics.psnr import psnr
from ftb.metrics.si_rmse import si_rmse
from ftb.metrics.ssim import ssim
from ftb.types import Lighting
from tests.losses import fabricate


def pictures(seed: int = 0, size: int = 24) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Two pictures (2, S, S, 3), half of them above 1, and a mask (2, S, S) with fractions."""
    generator = torch.Generator().manual_seed(seed)
    first, second = (2.0 * torch.rand(2, size, size, 3, generator=generator) for _ in range(2))
    return first, second, torch.rand(2, size, size, generator=generator)


def srgb(linear: np.ndarray) -> np.ndarray:
    curved = 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    return np.clip(np.where(linear <= 0.0031308, 12.92 * linear, curved), 0.0, 1.0)


def key_light(*direction: float) -> Lighting:
    return Lighting(
        sh_coeffs=torch.zeros(1, 9, 3),
        key_dirs=torch.tensor([[direction]]),
        key_irradiance=torch.ones(1, 1, 3),
        key_angular_radius=torch.zeros(1, 1),
    )


def test_ball_rmse_agrees_with_numpy():
    first, second, _ = pictures()
    y, x = np.mgrid[0:24, 0:24]
    disc = ((x + 0.5) / 12 - 1) ** 2 + ((y + 0.5) / 12 - 1) ** 2 <= 1
    difference = srgb(first.double().numpy()) - srgb(second.double().numpy())
    expected = [np.sqrt(np.mean(picture[disc] ** 2)) for picture in difference]
    assert_close(ball_rmse(first, second), torch.tensor(expected))


def test_ball_rmse_of_known_balls():
    """White for black is 1; twice white for white is 0, because a display clips it."""
    white = torch.ones(1, 16, 16, 3)
    assert_close(ball_rmse(white, 0 * white).item(), 1.0)
    assert ball_rmse(2 * white, white).item() < 1e-15


def test_ball_rmse_does_not_see_the_corners():
    first, second, _ = pictures(size=16)
    dirty = torch.where(sphere.ball_normals(16)[1][..., None], first, 9.0)
    assert_close(ball_rmse(dirty, second), ball_rmse(first, second))


@pytest.mark.parametrize("degrees", [0.0, 0.001, 45.0, 180.0])
def test_direction_error_is_the_angle(degrees: float):
    angle = math.radians(degrees)
    error = direction_error_deg(key_light(0.0, math.sin(angle), math.cos(angle)), key_light(0.0, 0.0, 1.0))
    # the directions themselves are float32
    assert_close(error.item(), degrees, atol=1e-4, rtol=0.0)
    assert error.dtype == torch.float64


def test_direction_error_joins_environment_and_key():
    """An environment whose l = 1 vector cancels the key light's leaves the other one."""
    light = key_light(1.0, 0.0, 0.0)
    sh_coeffs = torch.zeros(1, 9, 3)
    sh_coeffs[:, 0], sh_coeffs[:, 1], sh_coeffs[:, 3] = 1.0, 0.3, -0.4886025119
    light = dataclasses.replace(light, sh_coeffs=sh_coeffs)
    assert_close(direction_error_deg(light, key_light(0.0, 1.0, 0.0)).item(), 0.0, atol=1e-4, rtol=0.0)
    assert_close(true_directionality(key_light(0.0, 1.0, 0.0)).item(), 1.0)


def test_psnr_agrees_with_numpy():
    first, second, mask = pictures()
    a, b, m = (x.double().numpy() for x in (first, second, mask))
    expected = [
        10 * np.log10(1.0 / (np.sum(m[i] * np.mean((a[i] - b[i]) ** 2, axis=-1)) / np.sum(m[i])))
        for i in range(2)
    ]
    assert_close(psnr(first, second, mask), torch.tensor(expected))


def test_psnr_of_a_tenth_is_twenty():
    grey = torch.full((1, 4, 4, 3), 0.5)
    assert_close(psnr(grey + 0.1, grey, torch.ones(1, 4, 4)).item(), 20.0, atol=1e-5, rtol=0.0)
    assert psnr(grey, grey, torch.ones(1, 4, 4)).item() == math.inf


def test_ssim_agrees_with_scikit_image():
    first, second, _ = (x / 2 for x in pictures(size=32))
    second = 0.5 * (first + second)
    expected = [
        structural_similarity(
            a, b, data_range=1.0, channel_axis=-1, gaussian_weights=True, sigma=1.5,
            use_sample_covariance=False,
        )
        for a, b in zip(first.double().numpy(), second.double().numpy(), strict=True)
    ]  # fmt: skip
    # the window's weights are made in float32 by pytorch-msssim
    assert_close(ssim(first, second), torch.tensor(expected, dtype=torch.float64), atol=1e-6, rtol=1e-6)


def test_si_rmse_finds_the_best_scale():
    first, second, mask = pictures()
    a, b, m = first[0].double().numpy(), second[0].double().numpy(), mask[0].double().numpy()[..., None]
    scales = np.linspace(0.0, 2.0, 20_001)
    best = min(np.sum(m * (s * a - b) ** 2) for s in scales)
    expected = math.sqrt(best / (3 * m.sum()))
    assert_close(si_rmse(first, second, mask)[0].item(), expected, atol=1e-7, rtol=1e-6)


def test_si_rmse_does_not_see_scale_and_bears_black():
    first, second, mask = pictures()
    assert_close(si_rmse(7.0 * first, second, mask), si_rmse(first, second, mask), atol=1e-7, rtol=1e-6)
    assert_close(si_rmse(3.0 * first, first, mask), torch.zeros(2).double(), atol=1e-6, rtol=0.0)
    assert_close(si_rmse(0 * first, torch.full_like(first, 0.5), mask), torch.full((2,), 0.5).double())


def test_chroma_angle_of_known_colours():
    """Red and yellow are 45° apart; brightness does not count; black counts as grey."""
    mask = torch.ones(1, 1, 1)

    def angle(a: list[float], b: list[float]) -> float:
        return chroma_angle(torch.tensor([[[a]]]), torch.tensor([[[b]]]), mask).item()

    assert_close(angle([1.0, 0.0, 0.0], [2.0, 2.0, 0.0]), 45.0)
    assert_close(angle([0.2, 0.1, 0.3], [2.0, 1.0, 3.0]), 0.0, atol=1e-5, rtol=0.0)
    assert_close(angle([0.0, 0.0, 0.0], [3.0, 3.0, 3.0]), 0.0)
    assert_close(angle([-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]), math.degrees(math.acos(1 / math.sqrt(3))))


def test_chroma_angle_agrees_with_numpy():
    first, second, mask = pictures()
    a, b, m = (x.double().numpy() for x in (first, second, mask))
    cosine = np.sum(a * b, -1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
    expected = np.sum(np.degrees(np.arccos(cosine)) * m, axis=(1, 2)) / m.sum(axis=(1, 2))
    assert_close(chroma_angle(first, second, mask), torch.from_numpy(expected))


def test_normal_error_of_a_tilted_plane():
    """Half of the head off by 30°, at half the resolution; what is not head does not count."""
    true = torch.zeros(1, 8, 8, 3)
    true[..., 2] = 1.0
    estimate = torch.zeros(1, 4, 4, 3)
    estimate[..., 2] = 1.0
    estimate[:, :, 1] = torch.tensor([0.5, 0.0, math.sqrt(0.75)])  # columns 2 and 3 of the photograph
    mask = torch.zeros(1, 8, 8)
    mask[:, :, :4] = 1.0
    assert_close(normal_error_deg(estimate, true, mask).item(), 15.0, atol=1e-4, rtol=0.0)


def test_normal_error_names_sizes_that_do_not_fit():
    with pytest.raises(ValueError, match="estimate: expected a whole fraction"):
        normal_error_deg(torch.zeros(1, 3, 4, 3), torch.zeros(1, 8, 8, 3), torch.ones(1, 8, 8))


def test_irradiance_error_of_constant_light_a_tenth_too_bright():
    light = key_light(0.0, 0.0, 1.0)
    sh_coeffs = torch.zeros(1, 9, 3)
    sh_coeffs[:, 0] = 2.0
    true = dataclasses.replace(light, sh_coeffs=sh_coeffs, key_irradiance=torch.zeros(1, 1, 3))
    brighter = dataclasses.replace(true, sh_coeffs=1.1 * sh_coeffs)
    assert_close(irradiance_error(brighter, true).item(), 0.1, atol=1e-6, rtol=0.0)


def test_irradiance_error_of_darkness_under_one_light():
    """E = max(cos, 0): mean 1/4 and mean square 1/6 over the sphere, hence √(1/6) / (1/4)."""
    light = key_light(0.0, 0.0, 1.0)
    dark = dataclasses.replace(light, key_irradiance=torch.zeros(1, 1, 3))
    # 256 points integrate a clamped cosine to about 1e-3
    assert_close(irradiance_error(dark, light).item(), 4.0 / math.sqrt(6.0), atol=0.0, rtol=2e-3)


@pytest.mark.parametrize("name", [*METRICS, *FACE_METRICS])
def test_family_contract(name: str):
    """(B,) float64; one sample does not see the others; a perfect answer is best."""
    metric = {**METRICS, **FACE_METRICS}[name]
    pair = fabricate.pair(3)
    wrong = dataclasses.replace(
        fabricate.perfect(pair),
        lighting=fabricate.lighting(3, seed=8),
        ball_linear=pair.ball_linear * torch.tensor([0.5, 0.8, 1.0]) + 0.01,
        normals=pair.normals.flip(1),
    )
    values = metric(wrong, pair)
    assert values.shape == (3,)
    assert values.dtype == torch.float64
    alone = torch.cat([metric(wrong[b : b + 1], pair[b : b + 1]) for b in range(3)])
    assert_close(values, alone)
    best = metric(fabricate.perfect(pair), pair)
    assert (best > values).all() if name in ("ball_psnr", "ball_ssim") else (best < values).all()


def test_measure_leaves_out_what_the_prediction_lacks():
    pair = fabricate.pair(2)
    perfect = fabricate.perfect(pair)
    assert set(measure(perfect, pair)) == {*METRICS, *FACE_METRICS}
    assert set(measure(dataclasses.replace(perfect, normals=None), pair)) == set(METRICS)


def test_shapes_that_differ_are_named():
    first, second, mask = pictures()
    for metric in (psnr, si_rmse, chroma_angle):
        with pytest.raises(ValueError, match="estimate_"):
            metric(first[:, :8], second, mask)
    with pytest.raises(ValueError, match="estimate_linear: expected"):
        ball_rmse(first[:, :8, :8], second)
