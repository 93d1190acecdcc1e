"""Two processes learn what one learns from the doubled batch."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import multiprocessing

from ftb.config import Config, TrainConfig
from ftb.data.stream import StreamConfig
from ftb.training.optimize import Learner
from ftb.training.parallel import World
from tests.losses import fabricate
from tests.nets.test_networks import TINY

STEPS, EACH = 12, 2
CPU = torch.device("cpu")


def config(accumulate: int = 1) -> Config:
    train = TrainConfig(steps=STEPS, warmup_steps=2, accumulate=accumulate)
    return Config(net=TINY, train=train, stream=dataclasses.replace(StreamConfig(), ball_size=TINY.ball_size))


def losses(world: World, accumulate: int = 1) -> list[float]:
    """The curve of `total`, of a process that sees its share of each batch."""
    learner, curve = Learner(config(accumulate), world), []
    for step in range(STEPS):
        pair = fabricate.pair(2 * EACH, size=32, seed=step)
        if world.size == 2:
            pair = pair[world.rank * EACH : (world.rank + 1) * EACH]
        terms, _, _ = learner.step(pair, step, stop=False)
        curve.append(float(terms["total"]))
    return curve


def _one_of_two(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    try:
        curve = losses(World(rank=rank, size=2, device=CPU))
        (Path(folder) / f"{rank}.txt").write_text("\n".join(map(repr, curve)))
    finally:
        dist.destroy_process_group()


@pytest.mark.skipif(not dist.is_available(), reason="this torch was built without torch.distributed")
def test_two_processes_have_the_loss_curve_of_one_with_the_doubled_batch(tmp_path: Path):
    alone = losses(World(rank=0, size=1, device=CPU))
    multiprocessing.spawn(_one_of_two, args=(str(tmp_path),), nprocs=2)
    curves = [[float(line) for line in (tmp_path / f"{rank}.txt").read_text().split()] for rank in (0, 1)]
    assert curves[0] == curves[1], "both know the mean over both"
    assert alone[-1] < alone[0]
    assert curves[0] == pytest.approx(alone, rel=1e-3)
    in_parts = losses(World(rank=0, size=1, device=CPU), accumulate=2)
    assert curves[0] == in_parts, "the same sums in the same order: bit for bit, however long the run"
