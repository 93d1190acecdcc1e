"""What the ways to learn have beyond a descending loss: averages of statistics, a rival, closed forms."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import multiprocessing
from torch.testing import assert_close

from ftb.config import Config, TrainConfig
from ftb.data.stream_config import StreamConfig
from ftb.losses.base import LossConfig
from ftb.nets.ridge import light_targets, normal_sums, relative_weights, solve_ridge
from ftb.training.adversary import Adversary
from ftb.training.learners import make_learner
from ftb.training.optimize import ema_decay_at
from ftb.training.parallel import World
from tests.losses import fabricate
from tests.nets.test_networks import TINY

CPU = torch.device("cpu")
ALONE = World(rank=0, size=1, device=CPU)


def config(kind: str, encoder: str = "residual") -> Config:
    return Config(
        net=dataclasses.replace(TINY, kind=kind, encoder=encoder, discriminator_widths=(8, 8)),
        train=TrainConfig(steps=20, warmup_steps=0, learning_rate=2e-3),
        stream=dataclasses.replace(StreamConfig(), ball_size=TINY.ball_size),
        loss=LossConfig(ball_kind="l1"),
    )


def test_statistics_of_batches_are_averaged_with_the_weights():
    learner = make_learner(config("direct", "efficientnet_lite0"), ALONE)
    name = "encoder._bn0.running_mean"
    mean = learner.network.state_dict()[name].clone()
    for step in range(3):
        learner.step(fabricate.pair(2, size=32, seed=step), step, stop=False)
        decay = ema_decay_at(step, learner.config.train.ema_decay)
        mean = decay * mean + (1.0 - decay) * learner.network.state_dict()[name]
    averaged = learner.answering().state_dict()
    assert_close(averaged[name], mean)
    assert not torch.equal(averaged[name], learner.network.state_dict()[name])
    assert int(averaged["encoder._bn0.num_batches_tracked"]) == 3


def test_a_discriminator_learns_to_tell_and_its_verdict_moves_the_generator_alone():
    rival = Adversary(config("pix2pix"), ALONE)
    pair = fabricate.pair(4, size=32)
    painted = (0.5 * pair.ball_linear + 0.1).requires_grad_()
    prediction = dataclasses.replace(fabricate.perfect(pair), ball_linear=painted)
    losses = []
    for step in range(20):
        verdict, terms = rival.challenge(prediction, pair)
        gathered = [p.grad.clone() for p in rival.discriminator.parameters()]
        verdict.backward()
        assert all(
            torch.equal(a, p.grad) for a, p in zip(gathered, rival.discriminator.parameters(), strict=True)
        )
        rival.learn(step, 1)
        losses.append(float(terms["discriminator"]))
    assert painted.grad.abs().sum() > 0.0
    assert losses[-1] < 0.7 * losses[0]
    assert losses[0] == pytest.approx(0.693, abs=0.05)  # it knows nothing: half of twice ln 2


def test_the_weight_of_the_verdict_is_that_of_the_configuration():
    pair = fabricate.pair(2, size=32)
    totals = {}
    for weight in (0.0, 2.0):
        cfg = config("pix2pix")
        cfg = dataclasses.replace(cfg, net=dataclasses.replace(cfg.net, adversarial=weight))
        totals[weight], _, _ = make_learner(cfg, ALONE).step(pair, 0, stop=False)
    difference = totals[2.0]["total"] - totals[0.0]["total"]
    assert_close(difference, 2.0 * totals[2.0]["adversarial"], rtol=1e-4, atol=1e-5)


def test_ridge_answers_with_the_regression_on_all_that_it_saw():
    learner = make_learner(config("ridge"), ALONE)
    pairs = [fabricate.pair(4, size=32, seed=seed) for seed in range(3)]
    for step, pair in enumerate(pairs):
        learner.step(pair, step, stop=False)
    network = learner.answering()
    rows = [network.features(pair.photo_srgb.permute(0, 3, 1, 2)) for pair in pairs]
    features = torch.cat([row for row, _ in rows])
    targets = torch.cat([light_targets(p.lighting, gain) for p, (_, gain) in zip(pairs, rows, strict=True)])
    weight, bias = solve_ridge(
        *normal_sums(features, targets, relative_weights(targets)), learner.config.net.ridge
    )
    # the same sums, rounded batch by batch
    assert_close(network.light.weight, weight.float(), rtol=1e-3, atol=1e-6)
    assert_close(network.light.bias, bias.float(), rtol=1e-3, atol=1e-5)
    assert not network.training


def _one_of_two(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    try:
        for kind, encoder in (("pix2pix", "efficientnet_lite0"), ("ridge", "residual")):
            learner = make_learner(config(kind, encoder), World(rank=rank, size=2, device=CPU))
            for step in range(2):
                learner.step(fabricate.pair(4, size=32, seed=step)[2 * rank : 2 * rank + 2], step, stop=False)
            torch.save(learner.groups(), Path(folder) / f"{kind}-{rank}.pt")
    finally:
        dist.destroy_process_group()


@pytest.mark.skipif(not dist.is_available(), reason="this torch was built without torch.distributed")
def test_two_processes_hold_one_state_and_ridge_that_of_the_doubled_batch(tmp_path: Path):
    """Statistics of batches and both sides of a GAN included: either of them could write the checkpoint."""
    multiprocessing.spawn(_one_of_two, args=(str(tmp_path),), nprocs=2)
    for kind in ("pix2pix", "ridge"):
        first, second = (torch.load(tmp_path / f"{kind}-{rank}.pt", weights_only=True) for rank in (0, 1))
        for group, tensors in first.items():
            for name, tensor in tensors.items():
                assert torch.equal(tensor, second[group][name]), f"{kind}: {group}.{name}"
    alone = make_learner(config("ridge"), ALONE)
    for step in range(2):
        alone.step(fabricate.pair(4, size=32, seed=step), step, stop=False)
    for name, tensor in alone.groups()["sums"].items():
        assert_close(first["sums"][name], tensor, rtol=1e-6, atol=1e-6)
