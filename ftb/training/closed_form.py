"""Learning without a gradient: sums over the samples, from which the weights follow."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ftb.checkpoint import take_weights
from ftb.config import Config
from ftb.losses.base import total_loss
from ftb.nets.base import build_network
from ftb.nets.encoders import start_encoder
from ftb.nets.ridge import NUMBERS, light_targets, normal_sums, relative_weights, solve_ridge
from ftb.training.parallel import World, average_gradients
from ftb.types import Pair, Prediction

Groups = dict[str, dict[str, Tensor]]


class ClosedFormLearner:
    """A `RidgeNetwork` that gathers normal equations in double precision and solves them when asked.

    It is asked for every answer and checkpoint, and after 1, 2, 4, 8, … steps, so that the loss on the way
    means something. Learning rate, decay and moving average mean nothing here.
    """

    def __init__(self, config: Config, world: World) -> None:
        self.config = config
        self.world = world
        self.network = build_network(config.net).to(world.device).eval()
        known = self.network.light.in_features + 1
        options = {"dtype": torch.float64, "device": world.device}
        self._gram, self._moment = (
            torch.zeros(known, known, **options),
            torch.zeros(known, NUMBERS, **options),
        )

    @torch.no_grad()
    def step(self, pair: Pair, step: int, stop: bool) -> tuple[dict[str, Tensor], Prediction, bool]:
        """Take in one batch; the loss terms of the answer so far, that answer, and whether to stop."""
        photo = pair.photo_srgb.permute(0, 3, 1, 2)  # (B, 3, H, W)
        features, gain = self.network.features(photo)
        targets = light_targets(pair.lighting, gain)
        sums = normal_sums(features, targets, relative_weights(targets))
        for total, part in zip((self._gram, self._moment), sums, strict=True):
            if self.world.size > 1:
                dist.all_reduce(part)
            total += part
        prediction = self.network(photo)
        _, terms = total_loss(prediction, pair, self.config.loss)
        terms, stop = average_gradients(self.world, [], [], terms, stop)
        done = step + 1
        if done & (done - 1) == 0:
            self._solve()
        return terms, prediction, stop

    @torch.no_grad()
    def _solve(self) -> None:
        if float(self._gram[-1, -1]) == 0.0:
            return  # nothing is known yet
        weight, bias = solve_ridge(self._gram, self._moment, self.config.net.ridge)
        self.network.light.weight.copy_(weight)
        self.network.light.bias.copy_(bias)

    def begin(self) -> None:
        """Take what a new run starts from: weights of the encoder, or of another run, where named."""
        start_encoder(self.network.encoder, self.config.net)
        if self.config.train.start_from:
            take_weights(self.network, Path(self.config.train.start_from))

    def answering(self) -> nn.Module:
        """The network, with the weights that follow from all samples so far."""
        self._solve()
        return self.network

    def groups(self) -> Groups:
        """The state by checkpoint group: the weights as "ema", and the "sums"."""
        sums = {"gram": self._gram, "moment": self._moment}
        return {"ema": self.answering().state_dict(), "sums": sums}

    def load_groups(self, groups: Groups) -> None:
        """Take up the state of a checkpoint."""
        self.network.load_state_dict(groups["ema"])
        self._gram.copy_(groups["sums"]["gram"])
        self._moment.copy_(groups["sums"]["moment"])
