"""The parts of `ftb bench`, by name; each answers with measurements."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import torch

from ftb.bench.clock import Measurement, median_cpu_seconds, median_seconds, resident_mb
from ftb.bench.estimating import estimating
from ftb.bench.path_tracers import PATH_TRACERS
from ftb.bench.raster import compared, rasterization, scenes
from ftb.bench.scaling import scaling
from ftb.bench.tasks import DECODERS, decode_task, pair_task, stream_config
from ftb.bench.workers import rates, ratio
from ftb.config import Config
from ftb.data.stream import ChunkDataset, Sources, available_cores
from ftb.training.optimize import Learner
from ftb.training.parallel import World

# Poses and lights a head: shared by many pairs, and a fresh head for every pair.
SHARED, FRESH = 16, 1


def pairs(quick: bool) -> list[Measurement]:
    """Complete pairs on all cores against decoding the same pairs from PNG, in turns."""
    sizes = (32,) if quick else (256, 128)
    tasks = [pair_task(size, poses) for size in sizes for poses in (SHARED, FRESH)]
    tasks += [decode_task(size, codec) for size in sizes for codec in DECODERS]
    cores = 1 if quick else available_cores()
    found = rates(tasks, processes=cores, rounds=1 if quick else 5, seconds=0.1 if quick else 1.0)
    lines = []
    for size in sizes:
        for poses, what in ((SHARED, f"{SHARED} poses a head"), (FRESH, "a fresh head each")):
            rate = found[f"pairs {size}/{poses}"]
            lines.append(_rate(f"pairs {size}², {what}", rate, f"{cores} processes, ball {_ball(size)}²"))
        for codec in DECODERS:
            decoded = found[f"{codec} {size}"]
            lines.append(_rate(f"PNG {size}² decoded by {codec}", decoded, "photograph and ball"))
            share = ratio(found[f"pairs {size}/{SHARED}"], decoded)
            lines.append(Measurement(name=f"rendering over {codec}, {size}²", value=share, unit="×"))
    for poses in (SHARED, FRESH) if len(sizes) > 1 else ():
        gain = ratio(found[f"pairs {sizes[1]}/{poses}"], found[f"pairs {sizes[0]}/{poses}"])
        lines.append(
            Measurement(name=f"pairs {sizes[1]}² over {sizes[0]}², {poses} a head", value=gain, unit="×")
        )
    if not quick:
        ours = 1.0 / statistics.median(found[f"pairs {sizes[0]}/{SHARED}"])
        head = next(iter(scenes(quick).values()))
        for name, other in PATH_TRACERS.items():
            lines += compared(name, other, head, ours)
    return lines


def _ball(size: int) -> int:
    return stream_config(size, SHARED).ball_size


def _rate(name: str, values: list[float], note: str) -> Measurement:
    return Measurement(name=name, value=statistics.median(values), unit="pairs/s", note=note)


def memory(quick: bool) -> list[Measurement]:
    """How much memory rendering takes on as it goes on."""
    blocks = 2 if quick else 30
    dataset = ChunkDataset(stream_config(32 if quick else 128, SHARED), "bench", Sources())
    for block in range(blocks):
        dataset[block]
    before = resident_mb()
    pairs = sum(len(dataset[block][0].index) for block in range(blocks, 2 * blocks))
    grown = resident_mb() - before
    note = f"over {pairs} pairs, after as many"
    return [
        Measurement(name="memory in use", value=before, unit="MB"),
        Measurement(name="growth of memory", value=grown, unit="MB", note=note),
    ]


def training(quick: bool) -> list[Measurement]:
    """The renderer's share of the processor in default training: seconds of all threads, a pair."""
    config = Config()
    seconds = 0.0 if quick else 6.0
    dataset = ChunkDataset(config.stream, "bench", Sources())
    (pair, _), *pieces = [dataset[block] for block in range(2 if quick else 6)]  # the first starts all
    rendered = statistics.median(used for _, used in pieces) / len(pair.index)
    learner = Learner(config, World(rank=0, size=1, device=torch.device("cpu")))
    batch = pair[: config.stream.batch_size]
    learned = median_cpu_seconds(lambda: learner.step(batch, 0, False), seconds=seconds, least=2)
    learned /= len(batch.index)
    size = config.stream.image_size
    return [
        Measurement(name=f"rendering a pair, {size}²", value=rendered * 1e3, unit="ms CPU"),
        Measurement(name="learning from it", value=learned * 1e3, unit="ms CPU", note=f"{config.net.kind}"),
        Measurement(name="the renderer's share", value=100.0 * rendered / (rendered + learned), unit="%"),
    ]


@torch.inference_mode()
def inference(quick: bool) -> list[Measurement]:
    """The default network's answer to photographs."""
    config = Config()
    size, seconds = config.stream.image_size, 0.0 if quick else 2.0
    learner = Learner(config, World(rank=0, size=1, device=torch.device("cpu")))
    network = learner.average.eval()
    lines = []
    for batch in (1, 16):
        photos = torch.rand(batch, 3, size, size, generator=torch.Generator().manual_seed(0))
        spent = median_seconds(lambda photos=photos: network(photos), seconds=seconds) / batch
        note = f"{torch.get_num_threads()} threads"
        lines.append(
            Measurement(
                name=f"network, {size}², batches of {batch}", value=spent * 1e3, unit="ms/photo", note=note
            )
        )
    return lines


SECTIONS: dict[str, Callable[[bool], list[Measurement]]] = {
    "rasterization": rasterization,
    "pairs": pairs,
    "scaling": scaling,
    "memory": memory,
    "training": training,
    "inference": inference,
    "estimate": estimating,
}
