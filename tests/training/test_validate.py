"""Validation counts what it should, and the baselines are those of the training split."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import ftb.training.streams
from ftb.config import load_config
from ftb.maths.color import linear_from_srgb, srgb_from_linear
from ftb.training.streams import Streams
from ftb.training.validate import MeanLightKeeper, validate
from ftb.types import Lighting, Pair, Prediction, concatenate
from tests.fake_stream import TINY, FakeStream


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> Streams:
    monkeypatch.setattr(ftb.training.streams, "PairStream", FakeStream)
    return Streams(load_config(None, TINY), torch.device("cpu"))


class Oracle(nn.Module):
    """Knows the answers: the pairs of the split in order."""

    def __init__(self, pairs: list[Pair]) -> None:
        super().__init__()
        self._pairs = concatenate(pairs)
        self._place = 0

    def forward(self, photo_srgb: torch.Tensor) -> Prediction:
        there = slice(self._place, self._place + photo_srgb.shape[0])
        self._place = there.stop
        light: Lighting = self._pairs.lighting[there]
        return Prediction(lighting=light, ball_linear=self._pairs.ball_linear[there])


def test_the_truth_has_no_error_and_exactly_the_samples_asked_for(streams: Streams) -> None:
    with streams.open("val") as stream:
        oracle = Oracle(list(stream.batches(count=3)))
    result = validate(oracle, streams, MeanLightKeeper(streams).get())
    assert result.metrics["samples"] == 10  # not a multiple of the batch of 4
    assert result.metrics["ball_rmse"] == 0.0
    assert result.metrics["direction_error_deg"]["mean"] == pytest.approx(0.0, abs=1e-4)
    assert result.metrics["baseline_mean_light"]["ball_rmse"] > 0.05
    assert result.shown[0].index.tolist() == list(range(6))
    assert result.shown[1].ball_linear.shape[0] == 6


def test_mean_light_is_the_same_watched_or_rendered(streams: Streams) -> None:
    watching, fresh = MeanLightKeeper(streams), MeanLightKeeper(streams)
    with streams.open("train") as stream:
        pairs = list(stream.batches(count=5))
    resumed = MeanLightKeeper(streams)
    for number, pair in enumerate(pairs):
        watching.watch(pair, number)
        if number >= 2:
            resumed.watch(pair, number)
    torch.testing.assert_close(
        resumed.get().predict(pairs[0]).ball_linear, fresh.get().predict(pairs[0]).ball_linear
    )
    known, rendered = (keeper.get().predict(pairs[0]) for keeper in (watching, fresh))
    torch.testing.assert_close(known.ball_linear, rendered.ball_linear, rtol=0.0, atol=0.0)
    torch.testing.assert_close(known.lighting.sh_coeffs, rendered.lighting.sh_coeffs, rtol=0.0, atol=0.0)
    # 12 samples are asked for: the first three batches of four
    balls = torch.cat([pair.ball_linear for pair in pairs[:3]]).double()
    expected = linear_from_srgb(srgb_from_linear(balls.clamp(0.0, 1.0)).mean(dim=0))
    torch.testing.assert_close(known.ball_linear[0].double(), expected, rtol=1e-5, atol=1e-6)
