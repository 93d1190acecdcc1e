"""The discriminator of pix2pix as a rival: it learns to tell true balls from painted ones, and says so."""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.config import Config
from ftb.nets.pix2pix import PatchDiscriminator, verdict_loss
from ftb.training.parallel import World
from ftb.training.trained import Trained
from ftb.types import Pair, Prediction

Groups = dict[str, dict[str, Tensor]]


class Adversary:
    """A conditional discriminator with an optimizer of its own (Isola et al. 2017, sections 3.1 and 3.3).

    They step in turns on every batch, the generator judged by what the discriminator was before. Its loss is
    halved, so that it does not run away; the generator gets −log D(photo, painted) rather than log(1 − D).
    Adam with a β₁ of 0.5, for both.
    """

    betas = (0.5, 0.999)

    def __init__(self, config: Config, world: World) -> None:
        self.world = world
        self.weight = config.net.adversarial
        # drawn weights replace those of torch's constructors, which stay off the caller's generator
        with torch.random.fork_rng(devices=[]):
            discriminator = PatchDiscriminator(config.net)
        self.discriminator = discriminator.to(world.device, memory_format=torch.channels_last)
        self._trained = Trained(self.discriminator, config.train, self.betas)
        self._loss = torch.zeros((), device=world.device)

    def challenge(self, prediction: Prediction, pair: Pair) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted loss on the painted balls, and the gradients of telling them from the true ones."""
        photo = pair.photo_srgb.permute(0, 3, 1, 2)  # (B, 3, H, W)
        painted = prediction.ball_linear
        self.discriminator.requires_grad_(False)  # the generator's gradient is none of its business
        verdict = verdict_loss(self.discriminator(photo, painted), True)
        self.discriminator.requires_grad_(True)
        truth = verdict_loss(self.discriminator(photo, pair.ball_linear), True)
        loss = 0.5 * (truth + verdict_loss(self.discriminator(photo, painted.detach()), False))
        loss.backward()
        self._loss = loss.detach()
        return self.weight * verdict, {"adversarial": verdict.detach(), "discriminator": self._loss}

    def learn(self, step: int, parts: int) -> None:
        """One step of the discriminator with the gradients of all parts of the batch."""
        self._trained.descend(self.world, step, parts, {"total": self._loss}, False)

    def groups(self) -> Groups:
        """Weights and optimizer's state, by checkpoint group."""
        return {
            "discriminator": self.discriminator.state_dict(),
            "discriminator_optimizer": self._trained.moments(),
        }

    def load_groups(self, groups: Groups) -> None:
        """Take up the state of a checkpoint."""
        self.discriminator.load_state_dict(groups["discriminator"])
        self._trained.load_moments(groups.get("discriminator_optimizer", {}))
