"""What a checkpoint's answer does when the photograph changes and its light does not, or turns with it.

    python experiments/weights/check.py [--checkpoint FILE] [--photos yaleb_dev.npz] [--json FILE]

On rendered faces of a split of its own (and on real photographs, where given): median change of the
dominant direction in degrees under a stop more or less, JPEG of quality 40, grey, mirroring, and a turn of
the picture by 20°; and the time of the network alone for one photograph.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from ftb.data.photos import portrait_square
from ftb.data.stream import PairStream, StreamConfig
from ftb.estimation.estimator import Estimator
from ftb.estimation.mirror import mirror_lighting
from ftb.maths import color
from ftb.maths.rotation import rotation_about_axis
from ftb.scene.lighting_mix import rotate
from ftb.scene.lighting_ops import angle_deg, dominant
from ftb.scene.scene_config import FramingConfig, SceneConfig
from ftb.types import Lighting

LEAST_DIRECTIONALITY = 0.3
TURN_DEG, JPEG_QUALITY, SIZE = 20.0, 40, 256
Change = Callable[[Tensor], Tensor]


def brighter(stops: float) -> Change:
    """Photographs (N, S, S, 3), encoded, exposed longer."""
    return lambda photos: color.srgb_from_linear(
        (color.linear_from_srgb(photos) * 2.0**stops).clamp(0.0, 1.0)
    )


def compressed(photos: Tensor) -> Tensor:
    """Through JPEG of quality 40."""
    squares = []
    for photo in photos:
        pixels_u8 = (photo.numpy() * 255.0).round().astype(np.uint8)
        _, code = cv2.imencode(".jpg", pixels_u8[..., ::-1].copy(), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        squares.append(cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1].astype(np.float32) / 255.0)
    return torch.from_numpy(np.stack(squares))


def grey(photos: Tensor) -> Tensor:
    """Luminance in linear light, encoded again."""
    luminance = color.luminance(color.linear_from_srgb(photos))
    return color.srgb_from_linear(luminance)[..., None].expand_as(photos)


CHANGES: dict[str, Change] = {
    "a stop brighter": brighter(1.0),
    "a stop darker": brighter(-1.0),
    f"JPEG {JPEG_QUALITY}": compressed,
    "grey": grey,
}


def rendered_photos(count: int, ratio: float) -> Tensor:
    """(N, 256, 256, 3), encoded, of a split that no training uses; crop `ratio` of eyes to mouth."""
    framing = FramingConfig(detected=0.0, crop=(ratio, ratio * 1.0001), roll=2.0)
    scene = SceneConfig(samples_per_head=4, framing=framing)
    config = StreamConfig(image_size=SIZE, ball_size=32, batch_size=4, workers=0, scene=scene)
    with PairStream(config, split="check") as stream:
        return torch.cat([pair.photo_srgb for pair in stream.batches(0, count // 4)])


def real_photos(path: Path, size: int) -> Tensor:
    """Extended Yale B, encoded; see evaluate_yaleb.py."""
    with np.load(path) as file:
        linear = torch.from_numpy(file["images"]).float() / 255.0
    encoded = (linear ** (1.0 / 2.2))[..., None].expand(*linear.shape, 3)
    return torch.stack([portrait_square(photo, size) for photo in encoded])


def median_change(first: Lighting, second: Lighting) -> dict[str, float]:
    """Of the dominant direction, where the first has one."""
    (one, directed), (other, _) = dominant(first), dominant(second)
    changes = angle_deg(one.double(), other.double())[directed >= LEAST_DIRECTIONALITY]
    return {"median_deg": float(changes.median()), "mean_deg": float(changes.mean()), "n": len(changes)}


def steadiness(estimator: Estimator, photos: Tensor) -> dict[str, dict[str, float]]:
    """Squares (N, S, S, 3) as they are, changed, and mirrored."""
    size = estimator.image_size
    squares = lambda images: torch.stack([portrait_square(image, size) for image in images])  # noqa: E731
    before = estimator.predict(squares(photos)).lighting
    found = {
        name: median_change(before, estimator.predict(squares(change(photos))).lighting)
        for name, change in CHANGES.items()
    }
    mirrored = estimator.predict(squares(photos.flip(2))).lighting
    return found | {"mirrored": median_change(mirror_lighting(before), mirrored)}


def turned(estimator: Estimator, photos: Tensor) -> dict[str, float]:
    """Each photograph and the same turned by 20°, face found in both."""
    spin = rotation_about_axis(torch.tensor([0.0, 0.0, 1.0]), math.radians(TURN_DEG))
    changes = []
    for photo in photos:
        pixels_u8 = (photo.numpy() * 255.0).round().astype(np.uint8)
        matrix = cv2.getRotationMatrix2D((0.5 * SIZE - 0.5, 0.5 * SIZE - 0.5), TURN_DEG, 1.0)
        spun_u8 = cv2.warpAffine(
            pixels_u8, matrix, (SIZE, SIZE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
        )
        try:
            before, after = estimator.estimate(pixels_u8), estimator.estimate(spun_u8)
        except ValueError:
            continue  # no face found, or too dark to say
        (one, directed), (other, _) = dominant(rotate(before, spin)), dominant(after)
        if float(directed) >= LEAST_DIRECTIONALITY:
            changes.append(float(angle_deg(one.double(), other.double())))
    return {"median_deg": float(np.median(changes)), "mean_deg": float(np.mean(changes)), "n": len(changes)}


def milliseconds(estimator: Estimator) -> float:
    """Median time of the network alone, mirror image included, for one photograph."""
    square = torch.rand(1, estimator.image_size, estimator.image_size, 3, generator=torch.Generator())
    times = []
    for _ in range(30):
        started = time.perf_counter()
        estimator.predict(square)
        times.append(time.perf_counter() - started)
    return 1e3 * float(np.median(times))


def main() -> None:
    """Print, and with --json write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    estimator = Estimator.load(options.checkpoint, device="cpu")
    result = {"rendered": steadiness(estimator, rendered_photos(options.count, 2.35))}
    result["rendered"][f"turned by {TURN_DEG:.0f}°"] = turned(estimator, rendered_photos(options.count, 4.0))
    if options.photos:
        result["photographs"] = steadiness(estimator, real_photos(options.photos, SIZE))
    result["network_ms"] = milliseconds(estimator)
    for name, rows in result.items():
        if isinstance(rows, float):
            print(f"{name}: {rows:.1f}")
            continue
        for change, row in rows.items():
            print(f"{name:12} {change:16} {row['median_deg']:6.2f}° median {row['mean_deg']:6.2f}° mean")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
