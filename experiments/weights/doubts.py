"""What a checkpoint answers, and expects of itself, for faces turned far from the camera and for small ones.

    python experiments/weights/doubts.py [--checkpoint FILE] [--count 96]

Rendered portraits of a split of its own, 512 pixels a side, each through `Estimator.estimate_fully` as a
user's photograph would go: for faces turned by 40 to 90°, and for frontal ones reduced until eyes and mouth
are a few pixels apart, how many are refused, how many are answered with a warning, and means in degrees
where light has a direction: of the angle between the found dominant direction and the true one, of what
the network expects of itself, and of what the user is told to expect.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from ftb.estimation.estimator import Estimator
from ftb.maths.rotation import rotation_about_axis
from ftb.render.base import resolve_rasterizer
from ftb.render.pair import HeadCache, render_chunk
from ftb.scene.heads import resolve_heads
from ftb.scene.lighting_ops import angle_deg, dominant
from ftb.scene.sampler import Chunk, sample_chunk
from ftb.scene.scene_config import FramingConfig, SceneConfig
from ftb.types import Camera, Lighting

SIZE, LEAST_DIRECTIONALITY = 512, 0.3
TURNS_DEG = (40.0, 50.0, 60.0, 70.0, 80.0, 90.0)
EYES_TO_MOUTH = (51, 36, 26, 18, 12)  # pixels
# Head and shoulders, upright; samples differ in light, camera and one head in four.
SCENE = SceneConfig(
    samples_per_head=4,
    framing=FramingConfig(yaw=5.0, pitch=5.0, roll=3.0, detected=0.0, crop=(3.6, 4.4), shift=0.02),
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of one portrait; error_deg: None where refused, or where its light has no direction."""

    refused: bool
    warned: bool = False
    error_deg: float | None = None
    own_deg: float = 0.0
    told_deg: float = 0.0


def turned(chunk: Chunk, degrees: float) -> Chunk:
    """The chunk's heads turned about the vertical through the face, to the left and to the right in turns."""
    matrix = chunk.camera.cam_from_world.clone()
    middle = chunk.head.landmarks.float().mean(0)
    for number, rows in enumerate(matrix):
        angle = math.radians(degrees if number % 2 else -degrees)
        about = rotation_about_axis(torch.tensor([0.0, 1.0, 0.0]), angle)
        place = rows[:3, :3] @ middle + rows[:3, 3]
        rows[:3, :3] = about @ rows[:3, :3]
        rows[:3, 3] = place - rows[:3, :3] @ middle
    camera = Camera(**{**vars(chunk.camera), "cam_from_world": matrix})
    return dataclasses.replace(chunk, camera=camera)


def portraits(count: int, degrees: float) -> Iterator[tuple[np.ndarray, Lighting]]:
    """Pictures (SIZE, SIZE, 3) uint8 and their light."""
    rasterizer, heads = resolve_rasterizer("warp"), resolve_heads(None)
    cache = HeadCache(SCENE, heads, rasterizer)
    for number in range(math.ceil(count / SCENE.samples_per_head)):
        chunk = sample_chunk(SCENE, heads, None, seed=0, split="doubts", chunk=number)
        with torch.inference_mode():
            pairs = render_chunk(turned(chunk, degrees), rasterizer, cache, size=SIZE, ball_size=16)
        photos = (pairs.photo_srgb * 255.0).round().to(torch.uint8).numpy()
        yield from ((photo, pairs.lighting[at]) for at, photo in enumerate(photos))


def asked(estimator: Estimator, photo: np.ndarray, truth: Lighting) -> Answer:
    """The answer for one portrait."""
    try:
        found = estimator.estimate_fully(np.ascontiguousarray(photo))
    except ValueError:
        return Answer(refused=True)
    (one, _), (true, directed) = dominant(found.lighting), dominant(truth)
    error = float(angle_deg(one.double(), true.double())) if directed >= LEAST_DIRECTIONALITY else None
    told_deg = found.expected_error_deg
    assert told_deg is not None
    doubted = sum(doubt.degrees**2 for doubt in found.faces[0].crop.doubts)
    return Answer(
        refused=False,
        warned=bool(found.warnings),
        error_deg=error,
        own_deg=math.sqrt(max(told_deg**2 - doubted, 0.0)),
        told_deg=told_deg,
    )


def told(name: str, answers: list[Answer]) -> str:
    """A line of the table."""
    judged = [answer for answer in answers if answer.error_deg is not None]
    refused, warned = (sum(getattr(a, key) for a in answers) for key in ("refused", "warned"))
    means = "none answered"
    if judged:
        errors, own, said = (
            np.mean([getattr(a, key) for a in judged]) for key in ("error_deg", "own_deg", "told_deg")
        )
        means = f"{errors:.1f} off, {own:.1f} expected, {said:.1f} told"
    return f"{name:24s} {len(answers):3d} asked, {refused:3d} refused, {warned:3d} warned; degrees: {means}"


def main() -> None:
    """Print a line for each turn and for each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint")
    parser.add_argument("--count", type=int, default=96)
    options = parser.parse_args()
    estimator = Estimator.load(options.checkpoint, device="cpu")
    for degrees in TURNS_DEG:
        answers = [asked(estimator, *portrait) for portrait in portraits(options.count, degrees)]
        print(told(f"turned by {degrees:.0f}°", answers))
    frontal = list(portraits(options.count, 0.0))
    for pixels in EYES_TO_MOUTH:
        answers = []
        for photo, light in frontal:
            side = round(4.0 * pixels)
            small = cv2.resize(photo, (side, side), interpolation=cv2.INTER_AREA)
            answers.append(asked(estimator, small, light))
        print(told(f"about {pixels} pixels", answers))


if __name__ == "__main__":
    main()
