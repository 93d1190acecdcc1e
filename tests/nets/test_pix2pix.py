"""The discriminator's patches, its verdicts, and the generator's noise."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch.testing import assert_close

from ftb.nets.base import build_network
from ftb.nets.dropout import Dropout
from ftb.nets.pix2pix import PatchDiscriminator, verdict_loss
from tests.nets.test_networks import TINY

PIX2PIX = dataclasses.replace(TINY, kind="pix2pix")


@pytest.mark.parametrize(("widths", "patch"), [((8, 8), 16), ((8, 8, 8), 34), ((8, 8, 8, 8), 70)])
def test_a_verdict_sees_a_patch_of_the_size_that_the_paper_states(widths: tuple[int, ...], patch: int):
    """Isola et al. 2017, appendix 6.1.2: 16 × 16, and 70 × 70 with two more layers."""
    net = PatchDiscriminator(dataclasses.replace(TINY, discriminator_widths=widths))
    net.layers = torch.nn.Sequential(*(p for p in net.layers if not isinstance(p, torch.nn.GroupNorm)))
    ball = torch.rand(1, 128, 128, 3, requires_grad=True, generator=torch.Generator().manual_seed(0))
    logits = net(torch.full((1, 3, 128, 128), 0.5), ball)
    logits[0, logits.shape[1] // 2, logits.shape[2] // 2].backward()
    seen = (ball.grad[0] != 0).any(-1)
    assert int(seen.any(0).sum()) == int(seen.any(1).sum()) == patch


def test_a_verdict_depends_on_the_photograph():
    net = PatchDiscriminator(PIX2PIX)
    ball = torch.full((1, 32, 32, 3), 0.2)
    draws = torch.Generator().manual_seed(0)
    one, other = (net(torch.rand(1, 3, 64, 64, generator=draws), ball) for _ in range(2))
    assert not torch.allclose(one, other)
    with pytest.raises(ValueError, match="photo_srgb: expected"):
        net(torch.zeros(2, 3, 64, 64), ball)


def test_the_loss_of_a_verdict_is_its_cross_entropy():
    logits = torch.tensor([[[0.3, -1.2]]])
    odds = [1.0 / (1.0 + math.exp(-value)) for value in (0.3, -1.2)]
    assert_close(float(verdict_loss(logits, True)), -sum(math.log(p) for p in odds) / 2, rtol=1e-6, atol=0)
    expected = -sum(math.log(1.0 - p) for p in odds) / 2
    assert_close(float(verdict_loss(logits, False)), expected, rtol=1e-6, atol=0)


def test_noise_is_there_in_training_alone():
    network = build_network(PIX2PIX)
    photos = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        first, second = (network.train()(photos).ball_linear for _ in range(2))
        calm, again = (network.eval()(photos).ball_linear for _ in range(2))
    assert not torch.equal(first, second)
    assert torch.equal(calm, again)
    uses = [part.uses for part in network.modules() if isinstance(part, Dropout)]
    assert [int(count) for count in uses] == [2, 2, 2, 0]


def test_a_generator_may_start_from_a_direct_network():
    direct = build_network(dataclasses.replace(PIX2PIX, kind="direct", init_seed=3))
    generator = build_network(PIX2PIX)
    generator.load_state_dict(direct.state_dict())
    photos = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(generator.eval()(photos).ball_linear, direct.eval()(photos).ball_linear)


def test_dropout_keeps_the_mean_and_goes_on_where_it_was():
    ones = torch.ones(2, 3, 50, 50)
    layer = Dropout(0.25, 7, "here")
    drawn = [layer(ones) for _ in range(3)]
    assert drawn[0].unique().tolist() == pytest.approx([0.0, 4.0 / 3.0])
    # 15,000 draws: a standard error of 0.0047
    assert float(drawn[0].mean()) == pytest.approx(1.0, abs=0.025)
    assert not torch.equal(drawn[0], drawn[1])
    resumed = Dropout(0.25, 7, "here")
    layer.uses -= 1
    resumed.load_state_dict(layer.state_dict())
    assert torch.equal(resumed(ones), drawn[2])
    assert not torch.equal(Dropout(0.25, 7, "there")(ones), drawn[0])
