"""MS-SSIM against its library and a twin, and what the ranking loss does and does not see."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from pytorch_msssim import ms_ssim
from scipy.stats import rankdata, spearmanr
from skimage.metrics import structural_similarity
from torch import Tensor
from torch.testing import assert_close

from ftb.losses.ball_ms_ssim import multiscale_dissimilarity, scale_exponents
from ftb.losses.ball_rank import _places, exact_ranks, rank, soft_ranks
from ftb.losses.display import display_from_linear
from ftb.losses.targets import Targets, targets_for
from ftb.maths import color
from ftb.types import Pair, Prediction
from tests.losses import fabricate


def balls(pair: Pair, ball_linear: Tensor) -> tuple[Prediction, Targets]:
    prediction = dataclasses.replace(fabricate.perfect(pair), ball_linear=ball_linear)
    return prediction, targets_for(pair, prediction)


def other_ball(pair: Pair) -> Tensor:
    return fabricate.pair(len(pair.index), ball_size=pair.ball_linear.shape[1], seed=9).ball_linear


def display_squares(*balls_linear: Tensor) -> list[Tensor]:
    return [display_from_linear(ball).permute(0, 3, 1, 2) for ball in balls_linear]


def test_multiscale_dissimilarity_of_a_large_ball_is_the_librarys():
    """Their five scales, from 176 pixels on; the published exponents add up to 1.0001, ours to 1."""
    pair = fabricate.pair(2, ball_size=192).to(torch.float64)
    estimate = other_ball(pair).double()
    squares = display_squares(estimate, pair.ball_linear)
    expected = 1.0 - ms_ssim(*squares, data_range=1.0, weights=list(scale_exponents(192)))
    found = multiscale_dissimilarity(*balls(pair, estimate))
    assert 0.02 < float(found) < 1.0
    assert_close(found, expected, atol=1e-7, rtol=1e-7)


def test_multiscale_dissimilarity_of_a_small_ball_agrees_with_scikit_image():
    """Two scales: the finer without luminance, which scikit-image leaves out for C1 without bound."""
    pair = fabricate.pair(1, ball_size=32)
    estimate = other_ball(pair)
    fine = display_squares(estimate, pair.ball_linear)
    coarse = [torch.nn.functional.avg_pool2d(square, 2) for square in fine]
    similar = {
        "gaussian_weights": True,
        "sigma": 1.5,
        "use_sample_covariance": False,
        "data_range": 1.0,
    }
    weights = np.array([0.0448, 0.2856]) / (0.0448 + 0.2856)
    channels = []
    for channel in range(3):
        pictures = [[square[0, channel].double().numpy() for square in scale] for scale in (fine, coarse)]
        structure = structural_similarity(*pictures[0], K1=1e6, **similar)
        both = structural_similarity(*pictures[1], **similar)
        channels.append(structure ** weights[0] * both ** weights[1])
    found = multiscale_dissimilarity(*balls(pair, estimate))
    assert_close(found.item(), 1.0 - float(np.mean(channels)), atol=1e-5, rtol=1e-4)


def test_as_many_scales_as_the_window_fits_into():
    assert [len(scale_exponents(size)) for size in (16, 32, 64, 128, 176, 512)] == [1, 2, 3, 4, 5, 5]
    assert all(math.isclose(sum(scale_exponents(size)), 1.0) for size in (16, 32, 64, 176))
    with pytest.raises(ValueError, match=r"ball_linear: expected at least 11 pixels for MS-SSIM, got 8"):
        scale_exponents(8)


CURVES = {
    "exposure": lambda x: 7.0 * x,
    "gamma": lambda x: x.clamp_min(0.0) ** 0.4,
    "S": lambda x: x**2 / (x**2 + 0.02),
    "logarithm": lambda x: torch.log1p(30.0 * x),
}


def grey(ball: Tensor) -> Tensor:
    """Luminance in all channels, in double precision, so that a curve cannot make two values one."""
    return color.luminance(ball.double())[..., None].expand(*ball.shape)


@pytest.mark.parametrize(("mine", "theirs"), list(itertools.product(CURVES, CURVES)))
def test_no_exposure_and_no_tone_curve_fools_the_ranking(mine: str, theirs: str):
    pair = fabricate.pair(2).to(torch.float64)
    estimate, true = grey(other_ball(pair)), grey(pair.ball_linear)
    plain = rank(*balls(dataclasses.replace(pair, ball_linear=true), estimate))
    curved = dataclasses.replace(pair, ball_linear=CURVES[theirs](true))
    assert 0.05 < float(plain) < 1.95
    assert_close(rank(*balls(curved, CURVES[mine](estimate))), plain, atol=1e-12, rtol=0.0)


def test_ranking_loss_is_spearmans_by_scipy_ties_included():
    pair = fabricate.pair(3)
    places = _places(32, torch.device("cpu"))
    assert len(places) == len(set(places.tolist())) == 256
    estimate = other_ball(pair)
    for steps in (1e6, 8.0):  # with 8 steps a stop most pixels share their value with others
        coarse = torch.round(estimate * steps) / steps
        pixels = [color.luminance(ball.flatten(1, 2)[:, places]) for ball in (coarse, pair.ball_linear)]
        expected = np.mean([1.0 - spearmanr(*both).statistic for both in zip(*pixels, strict=True)])
        assert_close(rank(*balls(pair, coarse)).item(), float(expected), atol=1e-5, rtol=1e-5)


def test_soft_ranks_become_scipys_and_have_the_right_slope():
    values = torch.randn(2, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = torch.stack([torch.from_numpy(rankdata(row)) for row in values]) - 6.5
    narrow = torch.full((2, 1), 1e-6, dtype=torch.float64)
    assert_close(soft_ranks(values, narrow), expected)
    assert_close(exact_ranks(values), expected)
    wide = torch.full((2, 1), 0.3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(soft_ranks, (values.requires_grad_(), wide))


def test_gradient_of_the_ranking_is_that_of_soft_ranks_towards_the_order():
    """By hand: (r/|r| − t/|t|) · ∂(r/|r|)/∂x with r exact, its slope that of soft ranks, in float64."""
    pair = fabricate.pair(1).to(torch.float64)
    places = _places(32, torch.device("cpu"))
    estimate = grey(other_ball(pair)).clone().requires_grad_()
    rank(*balls(pair, estimate)).backward()
    values = color.luminance(estimate.detach().flatten(1, 2)[:, places])
    encoded = display_from_linear(values)
    width = 0.1 * encoded.std(dim=-1, keepdim=True)
    exact, true = (
        exact_ranks(x)[0] for x in (values, color.luminance(pair.ball_linear.flatten(1, 2)[:, places]))
    )
    length = exact.norm()
    pull = exact / length - true / true.norm()
    pull = (pull - exact / length * (pull @ exact) / length) / length
    step = 1e-6
    for place in (0, 100, 255):
        nudge = torch.zeros_like(values)
        nudge[0, place] = step
        slope = (
            soft_ranks(display_from_linear(values + nudge), width)
            - soft_ranks(display_from_linear(values - nudge), width)
        ) / (2 * step)
        found = estimate.grad.flatten(1, 2)[0, places[place]].sum()
        assert_close(found, pull @ slope[0], atol=1e-9, rtol=1e-5)


def test_following_the_ranking_sorts_the_ball():
    pair = fabricate.pair(2)
    start = other_ball(pair)
    estimate = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([estimate], lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        rank(*balls(pair, estimate)).backward()
        optimizer.step()
    before, after = rank(*balls(pair, start)), rank(*balls(pair, estimate.detach()))
    assert float(after) < 0.1 * float(before)


def test_a_ball_without_contrast_has_no_order():
    pair = fabricate.pair(2)
    flat = torch.full_like(pair.ball_linear, 0.2).requires_grad_()
    loss = rank(*balls(pair, flat))
    loss.backward()
    assert_close(loss.item(), 1.0)
    assert torch.equal(flat.grad, torch.zeros_like(flat))
