"""The weights of one network under AdamW: schedule, clipping, means over processes, and their whole state."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ftb.config import TrainConfig
from ftb.training.parallel import World, average_gradients

_ADAM_MOMENTS = ("exp_avg", "exp_avg_sq")


def learning_rate_at(step: int, config: TrainConfig) -> float:
    """Linear warm-up, then half a cosine down to `final_fraction` of the peak (Loshchilov, Hutter 2017).

    step counts from 0; the last step, steps − 1, still learns.
    """
    warm = min((step + 1) / (config.warmup_steps + 1), 1.0)
    progress = min(step / config.steps, 1.0)
    cosine = 0.5 * (1.0 + math.cos(math.pi * progress))
    floor = config.final_fraction
    return config.learning_rate * warm * (floor + (1.0 - floor) * cosine)


class Trained:
    """A network whose weights descend; those that need no gradient stay as they are."""

    def __init__(
        self, network: nn.Module, config: TrainConfig, betas: tuple[float, float] = (0.9, 0.999)
    ) -> None:
        self.network = network
        self.config = config
        self.parameters = [p for p in network.parameters() if p.requires_grad]
        matrices = [p for p in self.parameters if p.ndim >= 2]
        vectors = [p for p in self.parameters if p.ndim < 2]  # biases and gains are not decayed
        self.optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": config.weight_decay},
                {"params": vectors, "weight_decay": 0.0},
            ],
            lr=config.learning_rate,
            betas=betas,
            fused=True,  # one pass over the weights instead of ten
        )

    def descend(
        self, world: World, step: int, parts: int, terms: dict[str, Tensor], stop: bool
    ) -> tuple[dict[str, Tensor], bool]:
        """One step down the gradients gathered from `parts` of a batch, which are gone afterwards.

        Returns the terms' means over all processes, with "gradient_norm", and whether any is to stop. A
        gradient that is not finite is a FloatingPointError, raised before the weights change.
        """
        if parts > 1:
            for parameter in self.parameters:
                if parameter.grad is not None:
                    parameter.grad /= parts
        statistics = batch_statistics(self.network)
        terms, stop = average_gradients(world, self.parameters, statistics, terms, stop)
        norm = nn.utils.clip_grad_norm_(self.parameters, self.config.clip_norm)
        if not torch.isfinite(norm):
            found = f"the loss is {float(terms['total']):.3g} and its gradient {float(norm):.3g}"
            raise FloatingPointError(
                f"step {step}: {found}: not finite; start again with a lower train.learning_rate"
            )
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate_at(step, self.config)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return {**terms, "gradient_norm": norm}, stop

    def moments(self) -> dict[str, Tensor]:
        """The optimizer's state by name of parameter and kind."""
        return {
            f"{name}.{kind}": self.optimizer.state[parameter][kind]
            for name, parameter in self.network.named_parameters()
            if parameter in self.optimizer.state
            for kind in (*_ADAM_MOMENTS, "step")
        }

    def load_moments(self, moments: dict[str, Tensor]) -> None:
        """Take up the optimizer's state, in the memory layout it had: sums then round the same way."""
        for name, parameter in self.network.named_parameters():
            if f"{name}.step" not in moments:
                continue
            state = {kind: torch.empty_like(parameter) for kind in _ADAM_MOMENTS}
            for kind, moment in state.items():
                moment.copy_(moments[f"{name}.{kind}"])
            self.optimizer.state[parameter] = {**state, "step": moments[f"{name}.step"].clone()}


def batch_statistics(network: nn.Module) -> list[Tensor]:
    """The running means and variances of all batch normalisation that is not frozen."""
    return [
        statistic
        for part in network.modules()
        if isinstance(part, nn.BatchNorm2d) and part.training
        for statistic in (part.running_mean, part.running_var)
        if statistic is not None
    ]
