"""Data-parallel training on several processes, as started by `torchrun`; alone, nothing of it is active.

Every process holds the same weights, learns from its own samples and averages gradients with the others.
"""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist

# Rank 0 validates while the others wait for it.
_PATIENCE = datetime.timedelta(hours=2)


@dataclass(frozen=True, kw_only=True)
class World:
    """The processes of one run: this one's rank, how many there are, and the device it computes on."""

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process writes the run folder."""
        return self.rank == 0


def resolve_device(name: str) -> torch.device:
    """A device from `auto`, `cpu` or `cuda`; auto is CUDA where there is one."""
    known = ("auto", "cpu", "cuda")
    if name not in known:
        raise ValueError(f"--device: expected one of {', '.join(known)}, got {name!r}")
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ValueError("--device: no CUDA device can be used here; choose cpu, or see `ftb info`")
    return torch.device("cuda" if name != "cpu" and available else "cpu")


def join_world(device_name: str) -> World:
    """Join the processes that `torchrun` started, or stand alone."""
    device = resolve_device(device_name)
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return World(rank=0, size=1, device=device)
    if device.type == "cuda":
        local = int(os.environ["LOCAL_RANK"])
        if local >= torch.cuda.device_count():
            raise ValueError(f"torchrun: expected a GPU per process, got {torch.cuda.device_count()} GPUs")
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
    return World(rank=dist.get_rank(), size=size, device=device)


def leave_world(world: World) -> None:
    """Take down what `join_world` set up."""
    if world.size > 1:
        dist.destroy_process_group()


def average_gradients(
    world: World,
    parameters: list[torch.nn.Parameter],
    statistics: list[torch.Tensor],
    terms: dict[str, torch.Tensor],
    stop: bool,
) -> tuple[dict[str, torch.Tensor], bool]:
    """Replace every gradient, and every statistic, by its mean over all processes; the means of the loss
    terms, and whether any process was asked to stop.

    One flat buffer carries everything, so that all processes act on a request at the same step.
    """
    if world.size == 1:
        return terms, stop
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    averaged = [*gradients, *statistics]
    request = torch.tensor([float(stop)], device=world.device)
    values = torch.stack([term.float() for term in terms.values()])
    flat = torch.cat([*(one.flatten() for one in averaged), values, request])
    dist.all_reduce(flat)
    offset = 0
    for one in averaged:
        count = one.numel()
        one.copy_(flat[offset : offset + count].view_as(one) / world.size)
        offset += count
    means = flat[offset : offset + len(terms)] / world.size
    return dict(zip(terms, means, strict=True)), bool(flat[-1] > 0)


def share(world: World, value: Any) -> Any:
    """The value of rank 0, on every rank; what other ranks pass is ignored."""
    if world.size == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0, device=world.device)
    return box[0]
