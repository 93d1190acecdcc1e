"""The contract of the family: every entry of `NETWORKS` is held to it."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from ftb.losses.base import LossConfig, total_loss
from ftb.nets import physics
from ftb.nets.base import NETWORKS, PRESETS, NetworkConfig, build_network
from ftb.types import Prediction
from tests.losses import fabricate

TINY = NetworkConfig(
    widths=(8, 16, 16, 24, 24),
    blocks=(0, 1, 1, 1, 1),
    decoder_widths=(8, 16),
    stage_b_widths=(8, 16, 16),
    head_width=32,
    ball_size=32,
)
TINY_OF = [
    *(dataclasses.replace(TINY, kind=kind) for kind in NETWORKS),
    # batch normalisation, and maps of sizes of their own
    *(dataclasses.replace(TINY, kind=kind, encoder="efficientnet_lite0") for kind in ("physics", "direct")),
]
every_network = pytest.mark.parametrize(
    "config", TINY_OF, ids=lambda config: f"{config.kind}-{config.encoder}"
)
# What a checkpoint keeps beside weights: statistics, and how often something was counted or drawn.
KEPT = ("running_mean", "running_var", "num_batches_tracked", "uses")


def photos(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def flatten(prediction: Prediction) -> dict[str, torch.Tensor]:
    fields = {f.name: getattr(prediction, f.name) for f in dataclasses.fields(prediction)}
    light = fields.pop("lighting")
    lights = {f.name: getattr(light, f.name) for f in dataclasses.fields(light)}
    return {name: value for name, value in {**fields, **lights}.items() if value is not None}


@every_network
@pytest.mark.parametrize("size", [(128, 128), (64, 96), (144, 80), (16, 16)])
def test_shapes_and_ranges(config: NetworkConfig, size: tuple[int, int]):
    with torch.no_grad():
        out = build_network(config).eval()(photos(2, 3, *size))
    assert out.ball_linear.shape == (2, 32, 32, 3)
    assert (out.ball_linear >= 0).all()
    assert (out.ball_linear[:, 0, 0] == 0).all()
    assert out.lighting.sh_coeffs.shape == (2, 9, 3)
    keys = 1 if config.kind == "physics" else 0
    assert out.lighting.key_dirs.shape == out.lighting.key_irradiance.shape == (2, keys, 3)
    assert out.lighting.key_angular_radius.shape == (2, keys)
    assert_close(out.lighting.key_dirs.norm(dim=-1), torch.ones(2, keys))
    assert (out.lighting.key_irradiance >= 0).all()


@pytest.mark.parametrize("size", [(128, 128), (64, 96), (144, 80), (16, 16)])
@pytest.mark.parametrize("stride", [1, 2, 4])
@pytest.mark.parametrize("encoder", ["residual", "efficientnet_lite0"])
def test_face_space_of_the_physics_network(encoder: str, size: tuple[int, int], stride: int):
    network = build_network(dataclasses.replace(TINY, encoder=encoder, output_stride=stride)).eval()
    with torch.no_grad():
        out = network(photos(2, 3, *size))
    h, w = size[0] // stride, size[1] // stride
    assert out.direction_error_deg.shape == (2,)
    assert out.normals.shape == out.albedo_linear.shape == out.residual_linear.shape == (2, h, w, 3)
    assert out.visibility.shape == (2, h, w)
    assert_close(out.normals.norm(dim=-1), torch.ones(2, h, w))
    assert ((out.visibility > 0) & (out.visibility < 1)).all()
    assert ((out.albedo_linear > 0) & (out.albedo_linear < 1)).all()
    assert (out.direction_error_deg >= 0).all()


@every_network
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_black_and_white_photographs_give_finite_answers_and_gradients(config: NetworkConfig, value: float):
    network, pair = build_network(config), fabricate.pair(2, size=32)
    out = network(torch.full((2, 3, 32, 32), value))
    assert all(torch.isfinite(tensor).all() for tensor in flatten(out).values())
    total_loss(out, pair, LossConfig())[0].backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


@every_network
def test_every_weight_is_trained(config: NetworkConfig):
    network, pair = build_network(config), fabricate.pair(2, size=32)
    total_loss(network(pair.photo_srgb.permute(0, 3, 1, 2)), pair, LossConfig())[0].backward()
    learning = {name: p for name, p in network.named_parameters() if p.requires_grad}
    assert learning
    assert [name for name, p in learning.items() if p.grad is None] == []


@every_network
def test_one_sample_does_not_see_the_others(config: NetworkConfig):
    network = build_network(config).double().eval()
    batch = photos(4, 3, 32, 32).double()
    with torch.no_grad():
        together = flatten(network(batch))
        for b in range(4):
            # float64: different batch sizes may add up in another order
            for name, alone in flatten(network(batch[b : b + 1])).items():
                assert_close(alone[0], together[name][b], atol=1e-6, rtol=1e-6)


@every_network
def test_training_step_is_bitwise_repeatable(config: NetworkConfig):
    def gradients() -> list[torch.Tensor]:
        network, pair = build_network(config), fabricate.pair(3, size=32)
        total_loss(network(pair.photo_srgb.permute(0, 3, 1, 2)), pair, LossConfig())[0].backward()
        return [p.grad for p in network.parameters() if p.requires_grad]

    assert all(torch.equal(a, b) for a, b in zip(gradients(), gradients(), strict=True))


@every_network
def test_building_leaves_the_global_generator_alone(config: NetworkConfig):
    before = torch.random.get_rng_state()
    build_network(config)
    assert torch.equal(before, torch.random.get_rng_state())


@every_network
def test_init_seed_decides_the_weights(config: NetworkConfig):
    def weights(seed: int) -> torch.Tensor:
        network = build_network(dataclasses.replace(config, init_seed=seed))
        return torch.cat([p.flatten() for p in network.parameters()])

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


@every_network
def test_state_dict_round_trip(config: NetworkConfig):
    first = build_network(config)
    second = build_network(dataclasses.replace(config, init_seed=9))
    second.load_state_dict(first.state_dict())
    with torch.no_grad():
        a, b = (flatten(network.eval()(photos(1, 3, 32, 32))) for network in (first, second))
    assert all(torch.equal(a[name], b[name]) for name in a)
    # what does not learn is made anew, and does not belong in a checkpoint
    kept = {name for name in first.state_dict() if not name.endswith(KEPT)}
    assert kept == {name for name, _ in first.named_parameters()}


@pytest.mark.parametrize(
    "config",
    [config for config in TINY_OF if NETWORKS[config.kind].learning != "closed form"],
    ids=lambda config: f"{config.kind}-{config.encoder}",
)
def test_thirty_steps_overfit_four_photographs(config: NetworkConfig):
    network, pair = build_network(config), fabricate.pair(4, size=32)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    history = []
    for _ in range(30):
        loss, _ = total_loss(network(pair.photo_srgb.permute(0, 3, 1, 2)), pair, LossConfig())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    assert history[-1] < 0.6 * history[0]


@every_network
def test_autocast_keeps_answers_in_float32(config: NetworkConfig):
    network = build_network(config).eval()
    with torch.no_grad():
        exact = flatten(network(photos(2, 3, 32, 32)))
        with torch.autocast("cpu", torch.bfloat16):
            rough = flatten(network(photos(2, 3, 32, 32)))
    assert all(value.dtype == torch.float32 for value in rough.values())
    assert_close(rough["ball_linear"], exact["ball_linear"], atol=0.02, rtol=0.1)  # 8 bits of mantissa


def test_physics_is_exact_under_autocast():
    """Without a residual, the ball is the physics of the lighting to the last digits."""
    network = build_network(TINY)
    torch.nn.init.zeros_(network.ball.exit.weight)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        out = network(photos(2, 3, 32, 32))
    ball = physics.diffuse_ball(out.lighting, network.ball_normals, network.ball_disc)
    expected = physics.smooth_positive(ball) * network.ball_disc[..., None]
    assert_close(out.ball_linear, expected, atol=1e-6, rtol=1e-5)


@every_network
@pytest.mark.parametrize("shape", [(1, 3, 100, 128), (1, 1, 64, 64), (3, 64, 64)])
def test_wrong_shapes_are_named(config: NetworkConfig, shape: tuple[int, ...]):
    with pytest.raises(ValueError, match="photo_srgb: expected"):
        build_network(config)(torch.zeros(shape))


def test_unknown_network_lists_the_known():
    with pytest.raises(ValueError, match=r"net\.kind: expected one of physics"):
        build_network(dataclasses.replace(TINY, kind="unet"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"output_stride": 3}, "output_stride"),
        ({"ball_size": 48}, "ball_size"),
        ({"blocks": (1, 1)}, "blocks"),
        ({"widths": (8, 16, 20, 24, 24)}, "widths"),
        ({"stage_b_widths": (8, 8)}, "stage_b_widths"),
    ],
)
def test_impossible_sizes_are_named(change: dict, message: str):
    with pytest.raises(ValueError, match=rf"net\.{message}: expected"):
        dataclasses.replace(TINY, **change)


def test_resnet34_preset_has_its_layers():
    """34 = stem + 2 · (3 + 4 + 6 + 3) convolutions + the classifier, which there is none of here."""
    encoder = build_network(PRESETS["resnet34"]).encoder
    convolutions = [m for m in encoder.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    assert len(convolutions) == 33
    assert convolutions[-1].out_channels == 512


def test_groups_of_the_decoder_are_independent():
    """Changing the weights of the normals changes no albedo."""
    network = build_network(TINY)
    with torch.no_grad():
        before = network(photos(1, 3, 32, 32))
        for parameter in network.stage_a.steps.parameters():
            half = parameter.shape[0] // 2
            parameter[half:] = parameter[half:] + 0.1
        after = network(photos(1, 3, 32, 32))
    assert_close(after.albedo_linear, before.albedo_linear, atol=1e-6, rtol=1e-6)
    assert (after.normals - before.normals).abs().max() > 1e-3
