"""Turn training runs into the weights that ship: the last step of experiments/weights/rebuild.sh.

    python experiments/weights/ship.py runs/weights/final.safetensors

Writes assets/weights/light-5.safetensors, or --out FILE: the weights in half precision (statistics of batch
normalisation in single: they are few, and divided by), the first one's configuration and nothing else, and
prints size and sha256 for assets/weights/README.md. Of several checkpoints, each with its share
(FILE=SHARE), the mean: the end of a training knows renderings best, its middle photographs, and their mean
has most of both (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ftb.checkpoint import read_checkpoint, save_checkpoint

OUT = Path(__file__).resolve().parents[2] / "assets" / "weights" / "light-5.safetensors"


def main() -> None:
    """Convert, write, and say what was written."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", nargs="+", type=_shared, metavar="CHECKPOINT[=SHARE]")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    paths, shares = zip(*options.checkpoint, strict=True)
    all_trained = [read_checkpoint(path, groups=("ema",)) for path in paths]
    trained = all_trained[0]
    tensors = mean_weights([each.groups["ema"] for each in all_trained], shares)
    half = {name: _halved(name, tensor) for name, tensor in tensors.items()}
    broken = [name for name, tensor in half.items() if not bool(torch.isfinite(tensor.float()).all())]
    if broken:
        parser.error(f"{paths[0]}: {broken[0]} does not fit half precision")
    # The folders of the machine that trained are nobody else's.
    data = dataclasses.replace(trained.config.data, hdri="", heads="", split="")
    train = dataclasses.replace(trained.config.train, start_from="")
    config = dataclasses.replace(trained.config, data=data, train=train)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(options.out, dataclasses.replace(trained, config=config, groups={"ema": half}))
    content = options.out.read_bytes()
    size, digest = len(content) / 1e6, hashlib.sha256(content).hexdigest()
    print(f"{options.out}: {size:.1f} MB, step {trained.step}, sha256 {digest}")


def _shared(argument: str) -> tuple[Path, float]:
    path, _, share = argument.partition("=")
    return Path(path), float(share or 1.0)


def mean_weights(groups: Sequence[dict[str, Tensor]], shares: Sequence[float]) -> dict[str, Tensor]:
    """Weighted mean of tensors of the same names and shapes; counters are those of the first."""
    result = dict(groups[0])
    for name, first in groups[0].items():
        if first.is_floating_point():
            parts = [group[name].double() * share for group, share in zip(groups, shares, strict=True)]
            result[name] = torch.stack(parts).sum(0).div(sum(shares)).to(first.dtype)
    return result


def _halved(name: str, tensor: Tensor) -> Tensor:
    kept = name.endswith(("running_mean", "running_var")) or not tensor.is_floating_point()
    return tensor if kept else tensor.to(torch.float16)


if __name__ == "__main__":
    main()
