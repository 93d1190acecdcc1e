"""The physics network with a part left out, or with landmarks: what changes, and what must not."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from ftb.estimation.mirror import predict_both_ways
from ftb.losses.base import LossConfig, total_loss
from ftb.losses.targets import targets_for
from ftb.nets.base import NetworkConfig, build_network
from ftb.nets.landmark_maps import SIGMA, landmark_maps, network_inputs
from ftb.nets.lighting_head import harmonics_from_raw, lighting_from_raw
from ftb.render.ball import render_ball
from ftb.scene import lighting_ops
from ftb.scene.landmarks import MEAN_LANDMARKS, mirror_landmarks
from ftb.types import Pair
from tests.losses import fabricate
from tests.nets.test_networks import TINY, photos

PARTS = ("key_light", "residual", "visibility", "light_fit")
WITHOUT = {part: dataclasses.replace(TINY, **{part: False}) for part in PARTS}
WITHOUT["all of them"] = dataclasses.replace(TINY, **dict.fromkeys(PARTS, False))
WITH_LANDMARKS = dataclasses.replace(TINY, landmarks=True)
every_part = pytest.mark.parametrize("config", WITHOUT.values(), ids=WITHOUT)
PLACES = torch.tensor(MEAN_LANDMARKS)


def marked(pair: Pair) -> Pair:
    return dataclasses.replace(pair, landmarks=PLACES.expand(len(pair.index), 5, 2))


@every_part
def test_every_weight_of_what_is_left_is_trained(config: NetworkConfig) -> None:
    network, pair = build_network(config), fabricate.pair(2, size=32)
    total, values = total_loss(network(pair.photo_srgb.permute(0, 3, 1, 2)), pair, LossConfig())
    total.backward()
    assert [name for name, p in network.named_parameters() if p.grad is None] == []
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())
    assert {"key_direction", "key_share"} <= set(values) if config.key_light else "key_share" not in values
    assert ("visibility" in values) is config.visibility
    assert ("residual" in values) is config.residual
    assert "reconstruction" in values


@pytest.mark.parametrize("off", list(itertools.product([False, True], repeat=3)))
def test_parts_left_out_are_none_or_no_key_light(off: tuple[bool, bool, bool]) -> None:
    parts = dict(zip(PARTS, (not part for part in off), strict=False))
    with torch.no_grad():
        out = build_network(dataclasses.replace(TINY, **parts))(photos(2, 3, 32, 32))
    assert out.lighting.key_dirs.shape == (2, int(parts["key_light"]), 3)
    assert (out.residual_linear is not None) is parts["residual"]
    assert (out.visibility is not None) is parts["visibility"]


def test_without_residual_the_ball_is_the_rendering_of_the_light() -> None:
    for key_light in (True, False):
        network = build_network(dataclasses.replace(TINY, residual=False, key_light=key_light))
        with torch.no_grad():
            out = network(photos(2, 3, 32, 32))
        assert torch.equal(out.ball_linear, render_ball(out.lighting, "gray", 32))


def test_an_untrained_light_without_key_is_the_mean_light_in_total() -> None:
    """Raw 0, and the same irradiance of order 2 on every normal as with the key light."""
    alone, both = harmonics_from_raw(torch.zeros(1, 27)), lighting_from_raw(torch.zeros(1, 33))
    normals = torch.nn.functional.normalize(photos(1, 50, 3) - 0.5, dim=-1)
    expected = lighting_ops.irradiance_order2(both, normals)
    assert_close(lighting_ops.irradiance(alone, normals), expected, atol=1e-5, rtol=1e-5)
    assert alone.key_dirs.shape == (1, 0, 3)


def test_a_light_without_keys_is_compared_as_a_whole() -> None:
    """The true key light folded into the harmonics: its direction costs nothing, its keys are not asked."""
    pair = fabricate.pair(2)
    nothing = torch.zeros(2, 0, 3)
    folded = dataclasses.replace(
        pair.lighting,
        sh_coeffs=lighting_ops.total_sh(pair.lighting),
        key_dirs=nothing,
        key_irradiance=nothing,
        key_angular_radius=nothing[..., 0],
    )
    _, values = total_loss(dataclasses.replace(fabricate.perfect(pair), lighting=folded), pair, LossConfig())
    assert values["direction"] < 1e-6
    assert values["reconstruction"] < 1e-5
    assert "key_direction" not in values
    unfolded = dataclasses.replace(folded, sh_coeffs=pair.lighting.sh_coeffs)
    _, worse = total_loss(dataclasses.replace(fabricate.perfect(pair), lighting=unfolded), pair, LossConfig())
    assert worse["irradiance"] > 2 * values["irradiance"]
    assert worse["reconstruction"] > 0.01


def test_without_visibility_the_residual_is_all_but_unshadowed_light() -> None:
    """By hand: r* = radiance − albedo/π · E₂, pooled; the answer that says so reconstructs the photograph."""
    pair = fabricate.pair(2)
    true = dataclasses.replace(fabricate.perfect(pair), visibility=None)
    flat = pair.normals.flatten(1, 2)
    unshadowed = lighting_ops.irradiance_order2(pair.lighting, flat).unflatten(1, (64, 64))
    lit = pair.albedo_linear / math.pi * unshadowed
    expected = pair.residual_linear + (pair.visibility[..., None] - 1.0) * lit
    found = targets_for(pair, true).residual_linear
    assert_close(found, expected * pair.mask[..., None], atol=1e-6, rtol=1e-5)
    _, values = total_loss(dataclasses.replace(true, residual_linear=expected), pair, LossConfig())
    assert values["residual"] < 1e-6
    assert values["reconstruction"] < 1e-5


def test_a_light_only_prediction_keeps_the_residual_as_it_is() -> None:
    """Networks that say nothing of the face are not concerned."""
    pair = fabricate.pair(2)
    nothing = dict.fromkeys(("normals", "albedo_linear", "visibility", "residual_linear"))
    targets = targets_for(pair, dataclasses.replace(fabricate.perfect(pair), **nothing))
    assert_close(targets.residual_linear, pair.residual_linear * pair.mask[..., None])


@pytest.mark.parametrize("light_fit", [True, False])
def test_without_intrinsic_supervision_everything_still_learns(light_fit: bool) -> None:
    """Weights of 0 skip the losses; reconstruction is what then teaches normals and albedo."""
    config = dataclasses.replace(TINY, light_fit=light_fit)
    network, pair = build_network(config), fabricate.pair(2, size=32)
    weights = LossConfig(normals=0.0, albedo=0.0, visibility=0.0)
    total, values = total_loss(network(pair.photo_srgb.permute(0, 3, 1, 2)), pair, weights)
    assert not {"normals", "albedo", "visibility"} & set(values)
    total.backward()
    assert [name for name, p in network.named_parameters() if p.grad is None] == []
    assert network.stage_a.exit.weight.grad.abs().max() > 0


def test_heatmaps_are_bells_around_the_landmarks() -> None:
    """Against the formula in pixels: σ is 4 pixels of 128, row 0 on top."""
    landmarks = torch.tensor([[[-0.5, 0.25], [0.5, 0.25], [0.0, 0.0], [-0.3, -0.6], [3.0, 0.0]]])
    maps = landmark_maps(landmarks, 96, 128)[0].double().numpy()
    rows, columns = np.mgrid[0:96, 0:128] + 0.5
    for number, (x, y) in enumerate(landmarks[0].tolist()):
        across = (columns - 0.5 * 128 * (1 + x)) / 4.0
        down = (rows - 0.5 * 96 * (1 - y)) / 3.0
        np.testing.assert_allclose(maps[number], np.exp(-0.5 * (across**2 + down**2)), atol=1e-5)
    assert SIGMA == 4 / 128
    assert maps[4].max() < 1e-6


def test_heatmaps_mirror_with_the_picture() -> None:
    landmarks = PLACES[None] + 0.05 * photos(1, 5, 2)
    mirrored = landmark_maps(mirror_landmarks(landmarks), 32, 32)
    assert_close(mirrored, landmark_maps(landmarks, 32, 32).flip(3)[:, [1, 0, 2, 4, 3]])


def test_landmarks_change_the_answer_and_only_the_entrance() -> None:
    network, plain = build_network(WITH_LANDMARKS), build_network(TINY)
    shapes, others = ({n: p.shape for n, p in net.state_dict().items()} for net in (network, plain))
    assert {n for n in shapes if shapes[n] != others[n]} == {"encoder.stem.conv.weight"}
    photo = photos(1, 3, 32, 32)
    with torch.no_grad():
        first = network(photo, PLACES[None])
        second = network(photo, PLACES[None] + 0.3)
    assert (first.lighting.sh_coeffs - second.lighting.sh_coeffs).abs().max() > 1e-6
    with pytest.raises(ValueError, match=r"landmarks: expected \(B, 5, 2\).*got None"):
        network(photo)


def test_landmarks_are_handed_to_those_who_read_them() -> None:
    pair = fabricate.pair(2, size=32)
    assert len(network_inputs(marked(pair), TINY)) == 1
    photo, places = network_inputs(marked(pair), WITH_LANDMARKS)
    assert photo.shape == (2, 3, 32, 32)
    assert places.shape == (2, 5, 2)
    with pytest.raises(ValueError, match=r"net\.landmarks: expected pairs with landmarks"):
        network_inputs(pair, WITH_LANDMARKS)


@pytest.mark.parametrize("config", [WITH_LANDMARKS, WITHOUT["key_light"], WITHOUT["all of them"]])
def test_asking_both_ways_mirrors_landmarks_too(config: NetworkConfig) -> None:
    """The mean answer then mirrors exactly with photograph and landmarks."""
    network, photo = build_network(config), photos(2, 3, 32, 32)
    places = PLACES + 0.1 * photos(2, 5, 2) if config.landmarks else None
    flipped = None if places is None else mirror_landmarks(places)
    with torch.no_grad():
        one = predict_both_ways(network, photo, places)
        other = predict_both_ways(network, photo.flip(3), flipped)
    assert_close(other.ball_linear, one.ball_linear.flip(2), atol=1e-5, rtol=1e-4)
    first, second = (lighting_ops.dominant(answer.lighting)[0] for answer in (one, other))
    assert_close(second, first * torch.tensor([-1.0, 1.0, 1.0]), atol=1e-4, rtol=0)
