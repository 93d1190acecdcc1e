"""The faces whose light the weights mistake most: photograph, true ball, predicted ball.

    python experiments/weights/failures.py --out assets/weights/failures.png [--checkpoint FILE] [--count 512]

Rendered faces of a split of its own, as training renders them; the worst in twenty by the error of the
dominant direction, where the light has one, every other of them, at most twelve, worst first.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from ftb.checkpoint import write_atomically
from ftb.data.stream import PairStream, StreamConfig
from ftb.estimation.estimator import Estimator
from ftb.scene.lighting_ops import angle_deg, dominant
from ftb.scene.scene_config import SceneConfig
from ftb.sheet import compose, png_bytes, tiles_from_ball, tiles_from_srgb
from ftb.types import concatenate

LEAST_DIRECTIONALITY = 0.3
WORST, SHOWN, TILE, COLUMNS = 0.05, 12, 96, 4


def main() -> None:
    """Write the sheet, and print each error beside the one expected."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--count", type=int, default=512)
    options = parser.parse_args()
    estimator = Estimator.load(options.checkpoint, device="cpu")
    config = StreamConfig(
        image_size=estimator.image_size,
        ball_size=32,
        batch_size=16,
        workers=0,
        scene=SceneConfig(samples_per_head=4),
    )
    with PairStream(config, split="failures") as stream:
        pairs = concatenate(list(stream.batches(0, max(1, options.count // 16))))
    found = estimator.predict(pairs.photo_srgb)
    (one, _), (true, directed) = dominant(found.lighting), dominant(pairs.lighting)
    errors = torch.where(directed >= LEAST_DIRECTIONALITY, angle_deg(one.double(), true.double()), 0.0)
    worst = errors.argsort(descending=True)[: max(2, round(WORST * len(errors)))][::2][:SHOWN]
    for number in worst.tolist():
        print(f"{errors[number]:5.0f}° found, {found.direction_error_deg[number]:4.0f}° expected")
    tiles = (
        tiles_from_srgb(pairs.photo_srgb[worst], TILE),
        tiles_from_ball(pairs.ball_linear[worst], TILE),
        tiles_from_ball(found.ball_linear[worst], TILE),
    )
    groups = [list(group) for group in zip(*tiles, strict=True)]
    write_atomically(options.out, png_bytes(compose(groups, ["photo", "true", "predicted"], COLUMNS)))


if __name__ == "__main__":
    main()
