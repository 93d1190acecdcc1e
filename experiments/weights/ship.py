"""Turn a training run into the weights that ship.

    ftb train --online-render --config experiments/weights/config.toml --hdri DIR --out runs/weights
    python experiments/weights/ship.py runs/weights/model.safetensors

Writes assets/weights/light-2.safetensors: the averaged weights in half precision (statistics of batch
normalisation in single: they are few, and divided by), their configuration and nothing else, and prints size
and sha256 for assets/weights/README.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
from pathlib import Path

import torch

from ftb.checkpoint import read_checkpoint, save_checkpoint

OUT = Path(__file__).resolve().parents[2] / "assets" / "weights" / "light-2.safetensors"


def main() -> None:
    """Convert, write, and say what was written."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    trained = read_checkpoint(options.checkpoint, groups=("ema",))
    half = {name: _halved(name, tensor) for name, tensor in trained.groups["ema"].items()}
    broken = [name for name, tensor in half.items() if not bool(torch.isfinite(tensor.float()).all())]
    if broken:
        parser.error(f"{options.checkpoint}: {broken[0]} does not fit half precision")
    # The folders of the machine that trained are nobody else's.
    data = dataclasses.replace(trained.config.data, hdri="", heads="", split="")
    train = dataclasses.replace(trained.config.train, start_from="")
    config = dataclasses.replace(trained.config, data=data, train=train)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(options.out, dataclasses.replace(trained, config=config, groups={"ema": half}))
    content = options.out.read_bytes()
    size, digest = len(content) / 1e6, hashlib.sha256(content).hexdigest()
    print(f"{options.out}: {size:.1f} MB, step {trained.step}, sha256 {digest}")


def _halved(name: str, tensor: torch.Tensor) -> torch.Tensor:
    kept = name.endswith(("running_mean", "running_var")) or not tensor.is_floating_point()
    return tensor if kept else tensor.to(torch.float16)


if __name__ == "__main__":
    main()
