"""Direction error on Extended Yale B photographs: real faces, each lit by one flash of known direction.

    python experiments/evaluate_yaleb.py --data yaleb_dev.npz [--checkpoint runs/001/model.safetensors]

The file holds `images` (N, 192, 168) uint8, grey and nearly linear, and `light_dirs` (N, 3), towards the
light in the camera frame. For validation only: no training, and no tuning on single images. Please
acknowledge the Extended Yale Face Database B (Georghiades et al. 2001, Lee et al. 2005).
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ftb.data.face_landmarks import find_landmarks
from ftb.data.photos import portrait_square
from ftb.estimation.estimator import Estimator
from ftb.scene.landmarks import MEAN_LANDMARKS
from ftb.scene.lighting_ops import angle_deg, dominant
from ftb.types import Prediction

Predict = Callable[..., Prediction]
# Side of the squares in which landmarks are looked for: the photographs' longer side.
DETECTED_AT = 192
# The photographs are nearly linear; an ordinary one is encoded.
ENCODING = 1.0 / 2.2
OFF_AXIS_EDGES = (0.0, 12.0, 25.0, 50.0, 77.0, 90.0, 180.0)
FRONTAL = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)


def read_photos(path: Path, size: int) -> tuple[Tensor, Tensor]:
    """Encoded photographs as squares (N, size, size, 3) and true directions (N, 3), float64."""
    with np.load(path) as file:
        images, light_dirs = file["images"], file["light_dirs"]
    linear = torch.from_numpy(images).float() / 255.0
    encoded = (linear**ENCODING)[..., None].expand(*linear.shape, 3)
    squares = torch.stack([portrait_square(photo, size) for photo in encoded])
    return squares, torch.from_numpy(light_dirs).double()


def landmarks_of(photos_srgb: Tensor) -> Tensor:
    """Landmarks (N, 5, 2) that the detector marks in squares (N, S, S, 3) of the file.

    It finds none in the darkest. All photographs of the file are framed alike: these get the mean of what it
    marks in the others.
    """
    found = [find_landmarks(photo) for photo in photos_srgb]
    known = [landmarks for landmarks in found if landmarks is not None]
    mean = torch.stack(known).mean(0) if known else torch.tensor(MEAN_LANDMARKS)
    return torch.stack([mean if landmarks is None else landmarks for landmarks in found])


@torch.no_grad()
def predicted_directions(predict: Predict, *inputs: Tensor, batch: int = 64) -> Tensor:
    """Dominant directions (N, 3), float64, of squares (N, S, S, 3), and landmarks (N, 5, 2) where wanted."""
    parts = zip(*(values.split(batch) for values in inputs), strict=True)
    found = [dominant(predict(*part).lighting.to(torch.float64))[0] for part in parts]
    return torch.cat(found).cpu()


def evaluate(predict: Predict, path: Path, size: int, landmarks: bool = False) -> dict[str, object]:
    """Mean and median direction error in degrees, overall and by the light's angle off the camera's axis.

    landmarks: whether `predict` also wants those.
    """
    photos, true = read_photos(path, size)
    places = (landmarks_of(read_photos(path, DETECTED_AT)[0]),) if landmarks else ()
    return summarise(predicted_directions(predict, photos, *places), true)


def summarise(found: Tensor, true: Tensor) -> dict[str, object]:
    """Errors of directions (N, 3) against the true ones, and of always answering "frontal"."""
    frontal = angle_deg(FRONTAL.expand_as(true), true)
    errors = angle_deg(found, true)
    buckets = {}
    for low, high in itertools.pairwise(OFF_AXIS_EDGES):
        chosen = (frontal >= low) & (frontal < high)
        if bool(chosen.any()):
            buckets[f"{low:.0f}-{high:.0f} off axis"] = _statistics(errors[chosen])
    return {"all": _statistics(errors), "buckets": buckets, "always frontal": _statistics(frontal)}


def _statistics(errors: Tensor) -> dict[str, float]:
    return {"mean": float(errors.mean()), "median": float(errors.quantile(0.5)), "photos": errors.numel()}


def network_predict(network: torch.nn.Module) -> Predict:
    """For use while developing: a network as it trains, (B, 3, S, S) in, `Prediction` out."""
    device = next(network.parameters()).device
    return lambda photos_srgb: network(photos_srgb.permute(0, 3, 1, 2).to(device))


def _table(result: dict[str, object]) -> str:
    rows = {"all": result["all"], **result["buckets"], "always frontal": result["always frontal"]}
    lines = [f"{'':22}{'mean':>8}{'median':>8}{'photos':>8}"]
    for name, row in rows.items():
        lines.append(f"{name:22}{row['mean']:7.1f}°{row['median']:7.1f}°{row['photos']:8}")
    return "\n".join(lines)


def main() -> None:
    """Print the table; with --json also write it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", type=Path, help="Default: the weights that ship.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    estimator = Estimator.load(options.checkpoint, device=options.device)
    result = evaluate(
        estimator.predict, options.data, estimator.image_size, landmarks=estimator.reads_landmarks
    )
    print(_table(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
