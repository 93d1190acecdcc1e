"""Learning by gradient: one optimizer step after another, and a moving average of the weights."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from ftb.checkpoint import take_weights
from ftb.config import Config
from ftb.losses.base import total_loss
from ftb.nets.base import build_network
from ftb.nets.encoders import start_encoder
from ftb.nets.landmark_maps import network_inputs
from ftb.training.parallel import World
from ftb.training.trained import Trained
from ftb.types import Pair, Prediction, concatenate

Groups = dict[str, dict[str, Tensor]]


class Rival(Protocol):
    """What a network learns against: it learns too, and its verdict is part of the loss."""

    betas: tuple[float, float]

    def challenge(self, prediction: Prediction, pair: Pair) -> tuple[Tensor, dict[str, Tensor]]:
        """A weighted loss on the prediction, and terms for the report; gathers its own gradients as well."""

    def learn(self, step: int, parts: int) -> None:
        """Take one step with the gradients gathered since the last, of so many parts of a batch."""

    def groups(self) -> Groups:
        """The whole state by checkpoint group."""

    def load_groups(self, groups: Groups) -> None:
        """Take up the state of a checkpoint."""


def ema_decay_at(step: int, decay: float) -> float:
    """Decay of the moving average, smaller in the first steps so that the initial weights fade."""
    return min(decay, (1.0 + step) / (10.0 + step))


class Learner:
    """A network that learns by gradient: its weights, their moving average and the optimizer's state.

    `groups` and `load_groups` carry the whole state; nothing else outlives a step. With a `rival`, the
    network learns against it.
    """

    def __init__(self, config: Config, world: World, rival: Rival | None = None) -> None:
        self.config = config
        self.world = world
        self.rival = rival
        self.network = build_network(config.net).to(world.device)
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        betas = (0.9, 0.999) if rival is None else rival.betas
        self._trained = Trained(self.network, config.train, betas)
        self._autocast = autocast_for(config.train.precision, world.device)

    def step(self, pair: Pair, step: int, stop: bool) -> tuple[dict[str, Tensor], Prediction, bool]:
        """Learn from one batch; returns the loss terms, the prediction and whether to stop.

        The terms are means over all processes, the prediction is of this one.

        A gradient that is not finite is a FloatingPointError, raised before the weights change.
        """
        self.network.train()
        prediction, terms, parts = self._accumulate(pair)
        if self.rival is not None:
            self.rival.learn(step, parts)
        terms, stop = self._trained.descend(self.world, step, parts, terms, stop)
        self._update_average(ema_decay_at(step, self.config.train.ema_decay))
        return terms, prediction, stop

    def _accumulate(self, pair: Pair) -> tuple[Prediction, dict[str, Tensor], int]:
        """Gradients of the batch's loss, from `train.accumulate` parts of it in turn, and how many they were.

        Sums and divides as `average_gradients` does, so that two parts here and two processes agree bit by
        bit: what rounds otherwise is amplified by training until the curves have nothing in common.
        """
        size = len(pair.index)
        predictions, totals = [], dict[str, Tensor]()
        for rows in torch.arange(size).tensor_split(min(self.config.train.accumulate, size)):
            part = pair[int(rows[0]) : int(rows[-1]) + 1]
            inputs = network_inputs(part, self.config.net)
            with self._autocast():
                prediction = self.network(*inputs)
            loss, terms = self._loss(prediction, part)
            loss.backward()
            predictions.append(prediction.map(Tensor.detach))
            totals = {name: totals[name] + term if totals else term for name, term in terms.items()}
        parts = len(predictions)
        if parts > 1:
            totals = {name: term / parts for name, term in totals.items()}
        return concatenate(predictions), totals, parts

    def _loss(self, prediction: Prediction, pair: Pair) -> tuple[Tensor, dict[str, Tensor]]:
        loss, terms = total_loss(prediction, pair, self.config.loss)
        if self.rival is None:
            return loss, terms
        with self._autocast():
            verdict, told = self.rival.challenge(prediction, pair)
        return loss + verdict, {**terms, **told, "total": (loss + verdict).detach()}

    @torch.no_grad()
    def _update_average(self, decay: float) -> None:
        torch._foreach_lerp_(list(self.average.parameters()), list(self.network.parameters()), 1.0 - decay)
        for mean, value in zip(self.average.buffers(), self.network.buffers(), strict=True):
            if mean.is_floating_point():  # statistics of batches belong to the weights that made them
                mean.lerp_(value, 1.0 - decay)
            else:
                mean.copy_(value)

    def begin(self) -> None:
        """Take what a new run starts from: weights of the encoder, or of another run, where named."""
        start_encoder(self.network.encoder, self.config.net)
        if self.config.train.start_from:
            take_weights(self.network, Path(self.config.train.start_from))
        self.average.load_state_dict(self.network.state_dict())

    def answering(self) -> nn.Module:
        """The network with its averaged weights, in evaluation mode."""
        return self.average

    def groups(self) -> Groups:
        """The state by checkpoint group: "model", "ema" and "optimizer", and the rival's."""
        state = {
            "model": self.network.state_dict(),
            "ema": self.average.state_dict(),
            "optimizer": self._trained.moments(),
        }
        return state if self.rival is None else {**state, **self.rival.groups()}

    def load_groups(self, groups: Groups) -> None:
        """Take up the state of a checkpoint."""
        self.network.load_state_dict(groups["model"])
        self.average.load_state_dict(groups["ema"])
        self._trained.load_moments(groups.get("optimizer", {}))
        if self.rival is not None:
            self.rival.load_groups(groups)


def autocast_for(precision: str, device: torch.device) -> Callable[[], torch.autocast]:
    """A maker of autocast contexts: bfloat16 on CUDA or where asked for, else float32.

    On a CPU the small default network gains nothing from bfloat16 unless the processor has matrix units.
    """
    wanted = {"auto": device.type == "cuda", "float32": False, "bfloat16": True}[precision]
    return lambda: torch.autocast(device.type, dtype=torch.bfloat16, enabled=wanted)
