"""One optimizer step after another: AdamW, warm-up and cosine, clipping, moving average of the weights."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from ftb.checkpoint import take_weights
from ftb.config import Config, TrainConfig
from ftb.losses.base import total_loss
from ftb.nets.base import build_network
from ftb.training.parallel import World, average_gradients
from ftb.types import Pair, Prediction, concatenate

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


def ema_decay_at(step: int, decay: float) -> float:
    """Decay of the moving average, smaller in the first steps so that the initial weights fade."""
    return min(decay, (1.0 + step) / (10.0 + step))


class Learner:
    """A network that learns: its weights, their moving average and the optimizer's state.

    `groups` and `load_groups` carry the whole state; nothing else outlives a step.
    """

    def __init__(self, config: Config, world: World) -> None:
        self.config = config
        self.world = world
        self.network = build_network(config.net).to(world.device)
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.parameters = [p for p in self.network.parameters() if p.requires_grad]
        matrices = [p for p in self.parameters if p.ndim >= 2]
        vectors = [p for p in self.parameters if p.ndim < 2]  # biases and gains are not decayed
        decay = config.train.weight_decay
        self.optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}],
            lr=config.train.learning_rate,
            fused=True,  # one pass over the weights instead of ten
        )
        self._autocast = autocast_for(config.train.precision, world.device)

    def step(self, pair: Pair, step: int, stop: bool) -> tuple[dict[str, Tensor], Prediction, bool]:
        """Learn from one batch; returns the loss terms, the prediction and whether to stop.

        The terms are means over all processes, the prediction is of this one.

        A gradient that is not finite is a FloatingPointError, raised before the weights change.
        """
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        prediction, terms = self._accumulate(pair)
        terms, stop = average_gradients(self.world, self.parameters, terms, stop)
        norm = nn.utils.clip_grad_norm_(self.parameters, self.config.train.clip_norm)
        if not torch.isfinite(norm):
            found = f"the loss is {float(terms['total']):.3g} and its gradient {float(norm):.3g}"
            raise FloatingPointError(
                f"step {step}: {found}: not finite; start again with a lower train.learning_rate"
            )
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate_at(step, self.config.train)
        self.optimizer.step()
        self._update_average(ema_decay_at(step, self.config.train.ema_decay))
        return {**terms, "gradient_norm": norm}, prediction, stop

    def _accumulate(self, pair: Pair) -> tuple[Prediction, dict[str, Tensor]]:
        """Gradients of the batch's mean loss, from `train.accumulate` parts of it one after the other.

        Sums and divides as `average_gradients` does, so that two parts here and two processes agree bit by
        bit: what rounds otherwise is amplified by training until the curves have nothing in common.
        """
        count = self.config.train.accumulate
        size = len(pair.index)
        predictions, totals = [], dict[str, Tensor]()
        for rows in torch.arange(size).tensor_split(min(count, size)):
            part = pair[int(rows[0]) : int(rows[-1]) + 1]
            with self._autocast():
                prediction = self.network(part.photo_srgb.permute(0, 3, 1, 2))  # (B, 3, H, W)
            loss, terms = total_loss(prediction, part, self.config.loss)
            loss.backward()
            predictions.append(prediction.map(Tensor.detach))
            totals = {name: totals[name] + term if totals else term for name, term in terms.items()}
        parts = len(predictions)
        if parts > 1:
            for parameter in self.parameters:
                if parameter.grad is not None:
                    parameter.grad /= parts
            totals = {name: term / parts for name, term in totals.items()}
        return concatenate(predictions), totals

    @torch.no_grad()
    def _update_average(self, decay: float) -> None:
        torch._foreach_lerp_(list(self.average.parameters()), list(self.network.parameters()), 1.0 - decay)
        for mean, value in zip(self.average.buffers(), self.network.buffers(), strict=True):
            mean.copy_(value)

    def start_from(self, checkpoint: Path) -> None:
        """Take the averaged weights of another run; the optimizer starts anew."""
        take_weights(self.network, checkpoint)
        take_weights(self.average, checkpoint)

    def groups(self) -> dict[str, dict[str, Tensor]]:
        """The state by checkpoint group: "model", "ema" and "optimizer"."""
        moments = {
            f"{name}.{kind}": self.optimizer.state[parameter][kind]
            for name, parameter in self.network.named_parameters()
            if parameter in self.optimizer.state
            for kind in (*_ADAM_MOMENTS, "step")
        }
        return {"model": self.network.state_dict(), "ema": self.average.state_dict(), "optimizer": moments}

    def load_groups(self, groups: dict[str, dict[str, Tensor]]) -> None:
        """Take up the state of a checkpoint, in the memory layout it had: sums then round the same way."""
        self.network.load_state_dict(groups["model"])
        self.average.load_state_dict(groups["ema"])
        moments = groups.get("optimizer", {})
        for name, parameter in self.network.named_parameters():
            if f"{name}.step" not in moments:
                continue
            state = {kind: torch.empty_like(parameter) for kind in _ADAM_MOMENTS}
            for kind, moment in state.items():
                moment.copy_(moments[f"{name}.{kind}"])
            self.optimizer.state[parameter] = {**state, "step": moments[f"{name}.step"].clone()}


def autocast_for(precision: str, device: torch.device) -> Callable[[], torch.autocast]:
    """A maker of autocast contexts: bfloat16 on CUDA or where asked for, else float32.

    On a CPU the small default network gains nothing from bfloat16 unless the processor has matrix units.
    """
    wanted = {"auto": device.type == "cuda", "float32": False, "bfloat16": True}[precision]
    return lambda: torch.autocast(device.type, dtype=torch.bfloat16, enabled=wanted)
