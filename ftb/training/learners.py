"""The ways to learn, by the name that a network's entry gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from torch import Tensor, nn

from ftb.config import Config
from ftb.nets.base import NETWORKS
from ftb.training.adversary import Adversary
from ftb.training.closed_form import ClosedFormLearner
from ftb.training.optimize import Groups, Learner
from ftb.training.parallel import World
from ftb.types import Pair, Prediction


class Learns(Protocol):
    """What a run needs of whatever learns: `groups` and `load_groups` carry its whole state."""

    world: World

    def begin(self) -> None:
        """Take what a new run starts from; for a resumed one there is `load_groups`."""

    def step(self, pair: Pair, step: int, stop: bool) -> tuple[dict[str, Tensor], Prediction, bool]:
        """Learn from one batch: the loss terms with their "total", the prediction, and whether to stop."""

    def answering(self) -> nn.Module:
        """The network to validate and to keep, in evaluation mode."""

    def groups(self) -> Groups:
        """The state by checkpoint group; "ema" holds the weights to use."""

    def load_groups(self, groups: Groups) -> None:
        """Take up the state of a checkpoint."""


def _adversarial(config: Config, world: World) -> Learner:
    return Learner(config, world, rival=Adversary(config, world))


LEARNERS: dict[str, Callable[[Config, World], Learns]] = {
    "gradient": Learner,
    "adversarial": _adversarial,
    "closed form": ClosedFormLearner,
}


def make_learner(config: Config, world: World) -> Learns:
    """Whatever learns as the network of `config` does."""
    if config.net.kind not in NETWORKS:
        raise ValueError(f"net.kind: expected one of {', '.join(NETWORKS)}, got {config.net.kind!r}")
    return LEARNERS[NETWORKS[config.net.kind].learning](config, world)
