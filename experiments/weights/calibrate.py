"""Put right what a mean of weights expects of itself, and how bright it answers: a step of rebuild.sh.

    python experiments/weights/calibrate.py mean.safetensors --hdri DIR --out runs/weights/final.safetensors

A mean of weights errs less than the networks whose expectations were averaged into it, and so does the answer
for a photograph and its mirror image, which is what users get. So the layers that expect an error, and no
others, are trained by the loss they had, on rendered pairs as in training, where the light has a direction
(directionality of at least 0.3, as metrics count it).

Losses of absolute differences ask for a median, which is darker than the mean. So the biases that set the
level of the light are moved together until the mean brightness bias over rendered pairs of the default scenes
is 0. Environment and key light need not grow alike, so directions move by hundredths of a degree. Normals,
albedo and visibility stay.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from ftb.checkpoint import load_network, read_checkpoint, save_checkpoint
from ftb.data.stream import PairStream, Sources
from ftb.estimation.mirror import light_both_ways, predict_both_ways
from ftb.interop.hdr import read_environment_dir
from ftb.losses.confidence import expectation_loss
from ftb.metrics.brightness import brightness_bias
from ftb.scene.lighting_ops import angle_deg, dominant
from ftb.scene.scene_config import SceneConfig
from ftb.types import Pair

LEAST_DIRECTIONALITY = 0.3
LAYERS, LEVELS = "lighting.doubt", "lighting.light.bias"
STEP = 0.1


def main() -> None:
    """Train, and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--hdri", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--level-batches", type=int, default=200)
    parser.add_argument("--seed", type=int, default=71)
    options = parser.parse_args()
    network, config = load_network(options.checkpoint, torch.device("cpu"))
    network.requires_grad_(False)
    sources = Sources(environments=read_environment_dir(options.hdri))
    stream = dataclasses.replace(config.stream, seed=options.seed)
    with PairStream(stream, split="train", sources=sources) as pairs:
        _expect(network, pairs.batches(0, options.steps), options.steps, options.rate)
    scenes = dataclasses.replace(stream, seed=options.seed + 1, scene=SceneConfig(samples_per_head=4))
    with PairStream(scenes, split="val", sources=sources) as pairs:
        _level(network, pairs.batches(0, options.level_batches))
    trained = read_checkpoint(options.checkpoint, groups=("ema",))
    changed = (LAYERS, LEVELS)
    new = {name: tensor for name, tensor in network.state_dict().items() if name.startswith(changed)}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    tensors = trained.groups["ema"] | new
    save_checkpoint(options.out, dataclasses.replace(trained, groups={"ema": tensors}))


def _expect(network: nn.Module, pairs: Iterator[Pair], steps: int, rate: float) -> None:
    """Train the layers that expect an error."""
    layers = network.get_submodule(LAYERS).requires_grad_(True)
    optimizer = torch.optim.Adam(layers.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: 0.5 + 0.5 * math.cos(math.pi * step / steps)
    )
    told = 0.0
    for step, pair in enumerate(pairs, start=1):
        loss = _loss(network, pair)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        told += loss.item()
        if step % 100 == 0 or step == steps:
            print(f"step {step}/{steps} loss {told / ((step - 1) % 100 + 1):.4f}", flush=True)
            told = 0.0
    layers.requires_grad_(False)


def _loss(network: nn.Module, pair: Pair) -> Tensor:
    """Of what is expected of the mean of both ways; the mean over lights that have a direction."""
    true, directed = dominant(pair.lighting)
    some = directed >= LEAST_DIRECTIONALITY
    answer = light_both_ways(network.light_only, pair.photo_srgb[some].permute(0, 3, 1, 2))
    found, _ = dominant(answer.lighting)
    return expectation_loss(answer.direction_error_deg, angle_deg(found, true[some]).detach())


@torch.no_grad()
def _level(network: nn.Module, pairs: Iterator[Pair]) -> None:
    """Move the levels of environment and key light to where the mean brightness bias is 0, taken to change
    evenly between no step and one of STEP."""
    numbers = network.get_parameter(LEVELS)
    level = [*range(3), *range(27, 30)] if len(numbers) > 27 else [*range(3)]
    found: list[Tensor] = []
    for pair in pairs:
        photos = pair.photo_srgb.permute(0, 3, 1, 2)
        biases = []
        for step in (0.0, STEP):
            numbers[level] += step
            ball = predict_both_ways(network, photos).ball_linear
            numbers[level] -= step
            biases.append(brightness_bias(ball, pair.ball_linear))
        found.append(torch.stack(biases, dim=1))
    biases = torch.cat(found)
    before, after = biases.mean(0).tolist()
    move = -STEP * before / (after - before)
    numbers[level] += move
    spread = float(biases[:, 0].std()) / len(biases) ** 0.5
    told = f"brightness {100 * before:+.1f} % +- {100 * spread:.1f} over {len(biases)} pairs"
    print(f"{told}: moved by {move:+.3f}")


if __name__ == "__main__":
    main()
