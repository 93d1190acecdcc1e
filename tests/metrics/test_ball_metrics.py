"""The metrics of `ftb evaluate`, each against code of another hand or a value worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import pytorch_msssim
import torch
from skimage.metrics import structural_similarity
from torch import Tensor

from ftb.maths import brdf, color, sh, sphere
from ftb.metrics.brightness import brightness_bias
from ftb.metrics.disc import disc_pixels
from ftb.metrics.n_rmse import n_rmse
from ftb.metrics.normals_fit import TYPICAL_ALBEDO, fit_lighting
from ftb.metrics.rmse import rmse
from ftb.metrics.ssim import ms_ssim, ssim
from ftb.metrics.stylelight import stylelight_metrics, tone_mapped
from ftb.metrics.three_balls import ball_metrics

SIZE = 48


def _balls(generator: torch.Generator, size: int = SIZE) -> tuple[Tensor, Tensor, np.ndarray]:
    """Two batches of noise with highlights above 1 on the disc, and the disc."""
    disc = sphere.ball_normals(size)[1]
    noise = torch.rand(2, 2, size, size, 3, generator=generator, dtype=torch.float64) ** 3 * 2.5
    first, second = noise * disc[..., None]
    return first, second, disc.numpy()


def test_rmse_divides_by_pixels_and_channels(generator: torch.Generator) -> None:
    first, second, disc = _balls(generator)
    wanted = [
        np.sqrt(np.mean((p[disc] - g[disc]) ** 2)) for p, g in zip(first.numpy(), second.numpy(), strict=True)
    ]
    found = rmse(first, second, torch.from_numpy(disc)[None].double())
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_brightness_bias_is_signed_and_relative(generator: torch.Generator) -> None:
    first, second, disc = _balls(generator)
    weights = np.array([0.2126, 0.7152, 0.0722])  # Rec. 709
    wanted = [
        np.mean(p[disc] @ weights) / np.mean(g[disc] @ weights) - 1.0
        for p, g in zip(first.numpy(), second.numpy(), strict=True)
    ]
    outside = torch.from_numpy(~disc)[..., None]  # counts for nothing
    np.testing.assert_allclose(brightness_bias(first + 9.0 * outside, second), wanted, rtol=1e-4)
    torch.testing.assert_close(brightness_bias(0.9 * second, second), torch.full((2,), -0.1).double())
    assert not torch.isfinite(brightness_bias(first, torch.zeros_like(first))).any()


def test_one_row_of_the_disc_is_as_good_as_the_square(generator: torch.Generator) -> None:
    first, second, disc = _balls(generator)
    mask = torch.from_numpy(disc)[None].double()
    row = [disc_pixels(ball) for ball in (first, second)]
    assert row[0].shape == (2, 1, int(disc.sum()), 3)
    ones = torch.ones_like(row[0][:1, ..., 0])
    torch.testing.assert_close(rmse(*row, ones), rmse(first, second, mask))
    torch.testing.assert_close(n_rmse(*row, ones), n_rmse(first, second, mask))


def test_n_rmse_by_percentiles_of_the_disc(generator: torch.Generator) -> None:
    first, second, disc = _balls(generator)
    mask = torch.from_numpy(disc)[None].double()

    def ranged(values: np.ndarray) -> np.ndarray:
        ordered = np.sort(values.ravel())
        low, high = np.interp([0.001, 0.999], np.linspace(0.0, 1.0, ordered.size), ordered)
        return np.clip((values - low) / (high - low), 0.0, 1.0)

    wanted = [
        np.sqrt(np.mean((ranged(p[disc]) - ranged(g[disc])) ** 2))
        for p, g in zip(first.numpy(), second.numpy(), strict=True)
    ]
    np.testing.assert_allclose(n_rmse(first, second, mask), wanted, rtol=1e-9)
    # neither scale nor offset counts; an even picture is no error of the program
    torch.testing.assert_close(n_rmse(3.0 * first + 1.0, first, mask), torch.zeros(2).double())
    assert torch.isfinite(n_rmse(torch.ones_like(first), first, mask)).all()


def _ms_ssim_naive(first: np.ndarray, second: np.ndarray) -> float:
    """Wang et al. 2003, written out."""
    from scipy.ndimage import correlate1d

    window = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    window /= window.sum()

    def blurred(x: np.ndarray) -> np.ndarray:
        return correlate1d(correlate1d(x, window, axis=0), window, axis=1)[5:-5, 5:-5]

    weights, result = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333), 1.0
    for scale, weight in enumerate(weights):
        ux, uy = blurred(first), blurred(second)
        vx, vy = blurred(first**2) - ux**2, blurred(second**2) - uy**2
        covariance = blurred(first * second) - ux * uy
        term = (2 * covariance + 0.03**2) / (vx + vy + 0.03**2)
        if scale == 4:
            term = term * (2 * ux * uy + 0.01**2) / (ux**2 + uy**2 + 0.01**2)
        result *= max(term.mean(), 0.0) ** weight
        first, second = (
            x[: len(x) // 2 * 2, : len(x) // 2 * 2].reshape(len(x) // 2, 2, -1, 2).mean((1, 3))
            for x in (first, second)
        )
    return result


def test_ms_ssim_against_a_plain_one(generator: torch.Generator) -> None:
    base = torch.rand(1, 192, 192, 3, generator=generator, dtype=torch.float64)
    other = (base + 0.2 * torch.rand(1, 192, 192, 3, generator=generator, dtype=torch.float64)).clamp(0, 1)
    channels = [_ms_ssim_naive(base[0, ..., c].numpy(), other[0, ..., c].numpy()) for c in range(3)]
    np.testing.assert_allclose(ms_ssim(base, other), [np.mean(channels)], rtol=1e-6)


def test_ball_metrics_see_clipped_or_unclipped_linear_light(generator: torch.Generator) -> None:
    first, second, disc = _balls(generator)
    values = ball_metrics(first, second)
    assert set(values) == {"psnr", "ssim", "rmse", "si_rmse", "n_rmse", "chroma_angle"}
    for row in range(2):
        p, g = first[row].numpy(), second[row].numpy()
        error = np.mean((p.clip(0, 1)[disc] - g.clip(0, 1)[disc]) ** 2)
        np.testing.assert_allclose(values["psnr"][row], -10 * np.log10(error), rtol=1e-10)
        options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        similar = structural_similarity(
            p.clip(0, 1), g.clip(0, 1), data_range=1.0, channel_axis=2, win_size=11, **options
        )
        np.testing.assert_allclose(values["ssim"][row], similar, atol=1e-6)
        scales = np.linspace(0.2, 1.5, 2601)
        best = min(np.sqrt(np.mean((s * p[disc] - g[disc]) ** 2)) for s in scales)
        np.testing.assert_allclose(values["si_rmse"][row], best, rtol=1e-5)
    big = ball_metrics(*_balls(generator, 192)[:2])
    assert "ms_ssim" in big


def test_tone_mapping_brings_the_median_to_a_half() -> None:
    environment = torch.zeros(1, 4, 8, 3)
    environment[0, :2] = torch.linspace(0.1, 30.0, 2 * 8 * 3).reshape(2, 8, 3)
    curved = tone_mapped(environment)[0]
    assert float(curved[curved > 0].quantile(0.5)) == pytest.approx(0.5)
    ratio = (environment[0, 1, 7, 2] / environment[0, 0, 0, 0]).double() ** (1 / 2.4)
    torch.testing.assert_close(curved[1, 7, 2] / curved[0, 0, 0], ratio)
    assert not tone_mapped(torch.zeros(1, 4, 8, 3)).any()


def test_stylelight_formulas_written_out(generator: torch.Generator) -> None:
    first, second, disc = _balls(generator)
    values = stylelight_metrics(first, second)
    for row in range(2):
        p, g, count = first[row].numpy(), second[row].numpy(), disc.sum()
        total = sum(((p[i, j] - g[i, j]) ** 2).sum() for i, j in zip(*np.nonzero(disc), strict=True))
        np.testing.assert_allclose(values["rmse"][row], np.sqrt(total / count), rtol=1e-10)
        # the least over all scales, by golden section instead of the closed form
        from scipy.optimize import minimize_scalar

        least = minimize_scalar(lambda s, p=p, g=g: ((s * p[disc] - g[disc]) ** 2).sum(), bounds=(0, 3))
        np.testing.assert_allclose(values["si_rmse"][row], np.sqrt(least.fun / count), rtol=1e-6)
        angles = [
            np.degrees(np.arctan2(np.linalg.norm(np.cross(p[i, j], g[i, j])), p[i, j] @ g[i, j]))
            for i, j in zip(*np.nonzero(disc), strict=True)
        ]
        np.testing.assert_allclose(values["angular"][row], np.sum(angles) / count, rtol=1e-6)
        ranged = []
        for picture in (p, g):
            ordered = np.sort(picture.ravel())
            low, high = np.interp([0.0001, 0.999], np.linspace(0.0, 1.0, ordered.size), ordered)
            ranged.append((picture - low) / (high - low))
        wanted = np.sqrt(np.square(ranged[0] - ranged[1])[disc].sum() / count)
        np.testing.assert_allclose(values["n_rmse"][row], wanted, rtol=1e-9)
    plain = rmse(first, second, torch.from_numpy(disc)[None].double())
    torch.testing.assert_close(values["rmse"], plain * 3.0**0.5)


@pytest.mark.parametrize("toward", [(0.6, 0.5, 0.62), (-0.9, 0.1, 0.43), (0.1, -0.7, 0.71)])
def test_a_fit_finds_the_light_that_made_the_picture(toward: tuple[float, ...]) -> None:
    normals, disc = sphere.ball_normals(64)
    direction = torch.nn.functional.normalize(torch.tensor([toward]), dim=-1)
    coeffs = sh.directional_light(direction, torch.tensor([[2.0, 1.5, 1.0]]), 2)
    coeffs[:, 0] += 1.0
    arriving = sh.irradiance_from_sh(coeffs, normals.reshape(1, -1, 3)).reshape(1, 64, 64, 3)
    radiance = brdf.lambert(torch.full((3,), TYPICAL_ALBEDO)) * arriving.clamp_min(0.0)
    photo = color.srgb_from_linear(radiance)
    fitted = fit_lighting(photo, normals[None], disc[None].float())
    wanted, found = (sh.dominant_direction(x)[0] for x in (coeffs, fitted.sh_coeffs))
    assert float(torch.rad2deg(torch.acos((wanted * found).sum()))) < 15.0
    # the same least squares, by QR of one tall matrix with the ridge as rows of its own
    response = np.repeat([np.pi, 2 * np.pi / 3, np.pi / 4], [1, 3, 5]) * TYPICAL_ALBEDO / np.pi
    basis = sh.evaluate(normals[disc].double(), 2).numpy() * response
    ridge = np.sqrt(np.repeat([0.03, 0.003, 0.1], [1, 3, 5]) * np.square(basis).sum(axis=0).mean())
    tall = np.concatenate([basis, np.diag(ridge)])
    data = np.concatenate([color.linear_from_srgb(photo[0, disc]).double().numpy(), np.zeros((9, 3))])
    solved = np.linalg.lstsq(tall, data, rcond=None)[0]
    np.testing.assert_allclose(fitted.sh_coeffs[0], solved, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [176, 181, 192])
def test_similarity_against_pytorch_msssim(size: int, generator: torch.Generator) -> None:
    base = torch.rand(2, size, size, 3, generator=generator, dtype=torch.float64)
    other = (0.7 * base + 0.3 * torch.rand(base.shape, generator=generator, dtype=torch.float64)).clamp(0, 1)
    planes = [x.permute(0, 3, 1, 2).contiguous() for x in (base, other)]
    wanted = pytorch_msssim.ssim(*planes, data_range=1.0, size_average=False)
    torch.testing.assert_close(ssim(base, other), wanted, rtol=0, atol=1e-6)
    if size == 192:  # odd sizes are padded there, and cut here
        over_scales = pytorch_msssim.ms_ssim(*planes, data_range=1.0, size_average=False)
        torch.testing.assert_close(ms_ssim(base, other), over_scales, rtol=0, atol=1e-6)


def test_similarity_is_1_for_equal_pictures_and_says_what_is_too_small(generator: torch.Generator) -> None:
    picture = torch.rand(1, 176, 190, 3, generator=generator)
    torch.testing.assert_close(ms_ssim(picture, picture), torch.ones(1, dtype=torch.float64))
    with pytest.raises(ValueError, match="true: expected 176 pixels or more"):
        ms_ssim(picture[:, 1:], picture[:, 1:])
