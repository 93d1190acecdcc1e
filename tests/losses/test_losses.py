"""Each loss against hand-computed values; the family against its contract."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from torch.testing import assert_close

from ftb.losses.base import BALL_LOSSES, LOSSES, LossConfig, total_loss
from ftb.losses.confidence import confidence_loss
from ftb.losses.display import display_from_linear
from ftb.losses.targets import targets_for
from ftb.maths import sphere
from ftb.scene import lighting_ops
from ftb.types import Pair, Prediction
from tests.losses import fabricate

ALL = {**{f"ball {kind}": loss for kind, loss in BALL_LOSSES.items()}, **LOSSES}
every_loss = pytest.mark.parametrize("name", ALL)


def spoilt(pair: Pair, amount: float = 0.3) -> Prediction:
    """A prediction wrong in every field, in range."""
    true, other = fabricate.perfect(pair), fabricate.lighting(pair.index.shape[0], seed=5)
    tilted = true.normals + amount * torch.tensor([1.0, 0.0, 0.0])
    return dataclasses.replace(
        true,
        lighting=other,
        ball_linear=true.ball_linear.flip(2) * (1.0 + amount),  # in another order, which ranks see
        direction_error_deg=torch.full_like(true.direction_error_deg, 60.0),
        normals=torch.nn.functional.normalize(tilted, dim=-1),
        albedo_linear=true.albedo_linear * (1.0 - amount),
        visibility=(true.visibility - amount).clamp(0.01, 0.99),
        residual_linear=true.residual_linear + amount * 0.1,
    )


def evaluate(name: str, prediction: Prediction, pair: Pair) -> torch.Tensor:
    return ALL[name](prediction, targets_for(pair, prediction))


@every_loss
def test_perfect_answer_costs_nothing(name: str):
    pair = fabricate.pair(3)
    assert_close(evaluate(name, fabricate.perfect(pair), pair).item(), 0.0, atol=2e-5, rtol=0.0)


@every_loss
def test_wrong_answer_costs_something(name: str):
    pair = fabricate.pair(3)
    assert evaluate(name, spoilt(pair), pair) > 1e-3


@every_loss
def test_loss_of_a_batch_is_the_mean_of_its_samples(name: str):
    """Otherwise training on two processes would not be training on one."""
    pair = fabricate.pair(4)
    prediction = spoilt(pair)
    alone = [evaluate(name, prediction[b : b + 1], pair[b : b + 1]) for b in range(4)]
    assert_close(evaluate(name, prediction, pair), torch.stack(alone).mean(), atol=1e-6, rtol=1e-4)


@every_loss
def test_gradients_are_finite_at_extreme_answers(name: str):
    """Black and blinding balls, opposite lights, no visibility at all."""
    pair = fabricate.pair(2, size=32)
    true = fabricate.perfect(pair)
    for scale in (0.0, 1e4):
        wild = dataclasses.replace(
            true,
            lighting=true.lighting.map(lambda x, scale=scale: -scale * x),
            ball_linear=scale * true.ball_linear,
            direction_error_deg=torch.zeros(2),
            visibility=torch.full_like(true.visibility, min(scale, 1.0)),
            residual_linear=scale * true.residual_linear,
        ).map(lambda x: x.detach().requires_grad_())
        loss = evaluate(name, wild, pair)
        loss.backward()
        assert torch.isfinite(loss)
        leaves = [getattr(wild, f.name) for f in dataclasses.fields(wild) if f.name != "lighting"]
        leaves += [wild.lighting.sh_coeffs, wild.lighting.key_dirs, wild.lighting.key_irradiance]
        assert all(torch.isfinite(x.grad).all() for x in leaves if x.grad is not None)


def test_black_truth_gives_finite_losses():
    """No light, no head: nothing to learn from, nothing to break."""
    pair = fabricate.pair(2, size=32)
    black = pair.map(lambda x: torch.zeros_like(x))
    total, values = total_loss(spoilt(pair), black, LossConfig())
    assert torch.isfinite(total)
    assert all(torch.isfinite(value) for value in values.values())


def test_total_is_the_weighted_sum():
    pair = fabricate.pair(2)
    unused = [name for name in LOSSES if getattr(LossConfig(), name) == 0.0]
    config = LossConfig(ball_kind="l1", **dict.fromkeys(unused, 0.1))
    prediction = spoilt(pair).map(lambda x: x.requires_grad_())
    total, values = total_loss(prediction, pair, config)
    expected = sum(getattr(config, name) * value for name, value in values.items() if name != "total")
    assert set(values) == {"total", "ball", *LOSSES}
    assert_close(total.detach(), expected)
    assert total.requires_grad
    assert not any(value.requires_grad for value in values.values())


def test_losses_of_weight_zero_and_of_missing_fields_are_left_out():
    pair = fabricate.pair(2)
    light_only = Prediction(lighting=pair.lighting, ball_linear=pair.ball_linear)
    _, values = total_loss(light_only, pair, LossConfig(direction=0.0))
    assert set(values) == {"total", "ball", "irradiance", "key_direction", "key_share"}


def test_total_loss_names_a_ball_of_the_wrong_size():
    pair = fabricate.pair(2, ball_size=32)
    with pytest.raises(ValueError, match=r"ball_linear: expected \(2, 32, 32, 3\).*got \(2, 16, 16, 3\)"):
        total_loss(fabricate.perfect(fabricate.pair(2, ball_size=16)), pair, LossConfig())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ball_kind": "l3"}, "l1, mse, 1-ssim, mix, 1-ms-ssim, rank"),
        ({"albedo": -1.0}, "got -1"),
        ({"ball": math.nan}, "nan"),
    ],
)
def test_impossible_weights_are_named(change: dict, message: str):
    with pytest.raises(ValueError, match=f"loss.*expected.*{message}"):
        LossConfig(**change)


def test_display_is_srgb_below_one_and_smooth_at_one():
    x = torch.tensor([-0.1, 0.0, 0.0031308, 0.18, 0.5, 1.0, 100.0], dtype=torch.float64)
    expected = [
        -1.292,
        0.0,
        0.04044990749,
        0.46135612950,
        0.73535698305,
        1.0,
        1.0 + 1.055 / 2.4 * math.log(100),
    ]
    assert_close(display_from_linear(x), torch.tensor(expected, dtype=torch.float64), atol=1e-7, rtol=1e-7)
    at_one = torch.tensor([1.0 - 1e-6, 1.0 + 1e-6], dtype=torch.float64, requires_grad=True)
    display_from_linear(at_one).sum().backward()
    assert_close(at_one.grad[0], at_one.grad[1], atol=1e-5, rtol=1e-5)


def test_ball_losses_agree_with_numpy_and_scikit_image():
    pair = fabricate.pair(3)
    prediction = spoilt(pair)
    shown = [display_from_linear(x.ball_linear).double().numpy() for x in (prediction, pair)]
    disc = sphere.ball_normals(32)[1].numpy()
    difference = (shown[0] - shown[1])[:, disc]
    similarity = [
        structural_similarity(
            a, b, data_range=1.0, channel_axis=-1, gaussian_weights=True, sigma=1.5,
            use_sample_covariance=False,
        )
        for a, b in zip(*shown, strict=True)
    ]  # fmt: skip
    mse, ssim = np.mean(difference**2), np.mean(similarity)
    expected = {
        "l1": np.mean(np.abs(difference)),
        "mse": mse,
        "1-ssim": 1 - ssim,
        "mix": 0.5 * (mse + 1 - ssim),
    }
    for kind, value in expected.items():
        assert_close(evaluate(f"ball {kind}", prediction, pair).item(), float(value), atol=1e-5, rtol=1e-4)


def test_confidence_does_not_move_the_light():
    pair = fabricate.pair(2)
    prediction = spoilt(pair).map(lambda x: x.detach().requires_grad_())
    confidence_loss(prediction, targets_for(pair, prediction)).backward()
    assert prediction.direction_error_deg.grad is not None
    assert prediction.lighting.key_dirs.grad is None


def test_masked_losses_do_not_see_the_background():
    pair = fabricate.pair(2)
    true = fabricate.perfect(pair)
    outside = pair.mask == 0
    dirty = dataclasses.replace(
        true,
        normals=torch.where(outside[..., None], torch.tensor([0.0, 0.0, 1.0]), true.normals),
        albedo_linear=torch.where(outside[..., None], 0.9, true.albedo_linear),
        visibility=torch.where(outside, 0.1, true.visibility),
        residual_linear=torch.where(outside[..., None], 5.0, true.residual_linear),
    )
    for name in ("normals", "albedo", "visibility", "residual", "reconstruction"):
        assert_close(evaluate(name, dirty, pair), evaluate(name, true, pair))


def test_face_losses_of_known_mistakes():
    """Albedo 0.1 too high, visibility 0.5 for 0.3 and 1.0, normals turned by 60° about any axis."""
    pair = fabricate.pair(2)
    true = fabricate.perfect(pair)
    mistaken = dataclasses.replace(true, albedo_linear=true.albedo_linear + 0.1)
    assert_close(evaluate("albedo", mistaken, pair).item(), 0.1)
    half = dataclasses.replace(true, visibility=torch.full_like(true.visibility, 0.5))
    shadow = (pair.visibility < 0.5).to(torch.float32)
    share = (shadow * pair.mask).sum((1, 2)) / pair.mask.sum((1, 2))
    low = 0.3 * math.log(0.3 / 0.5) + 0.7 * math.log(0.7 / 0.5)
    expected = (share * low + (1 - share) * math.log(2.0)).mean()
    assert_close(evaluate("visibility", half, pair), expected, atol=1e-4, rtol=1e-4)
    across = torch.nn.functional.normalize(
        torch.linalg.cross(true.normals, torch.tensor([0.3, 0.9, 0.1]).expand_as(true.normals)), dim=-1
    )
    turned = 0.5 * true.normals + math.sqrt(0.75) * across
    assert_close(evaluate("normals", dataclasses.replace(true, normals=turned), pair).item(), 0.5)


def test_residual_loss_grows_like_a_logarithm_far_up():
    """A glint of 10 for none, in every pixel: asinh(10)."""
    pair = fabricate.pair(2)
    pair = dataclasses.replace(pair, residual_linear=torch.full_like(pair.residual_linear, 10.0))
    none = dataclasses.replace(fabricate.perfect(pair), residual_linear=0 * pair.residual_linear)
    assert_close(evaluate("residual", none, pair).item(), math.asinh(10.0))


def test_reconstruction_allows_albedo_and_light_to_trade():
    """Half the albedo under twice the light is the same photograph."""
    pair = fabricate.pair(2)
    true = fabricate.perfect(pair)
    brighter = dataclasses.replace(
        true.lighting,
        sh_coeffs=2 * true.lighting.sh_coeffs,
        key_irradiance=2 * true.lighting.key_irradiance,
    )
    traded = dataclasses.replace(true, albedo_linear=0.5 * true.albedo_linear, lighting=brighter)
    assert evaluate("reconstruction", traded, pair) < 1e-6
    assert_close(lighting_ops.total_sh(brighter), 2 * lighting_ops.total_sh(pair.lighting))
