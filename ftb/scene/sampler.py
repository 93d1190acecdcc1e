"""What is in front of the camera for sample i: head, pose, framing, light and capture.

Sample i of a split is a function of (seed, split, i) alone. `samples_per_head` consecutive samples
share one head: they form a chunk, the unit that is drawn together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from itertools import groupby
from typing import Any

import torch
from torch import Tensor

from ftb.maths import rotation
from ftb.maths.random import generator_for
from ftb.scene.capture import Capture, sample_captures
from ftb.scene.framing import CROP_OVER_EYES_TO_MOUTH, DETECTED_OVER_MESH, LEAST_FORESHORTENING
from ftb.scene.heads import Head, HeadSource
from ftb.scene.landmarks import detected_landmarks, project_landmarks
from ftb.scene.lights import Environment, draw_light, finished
from ftb.scene.lights_draws import Draws
from ftb.scene.scene_config import FramingConfig, SceneConfig
from ftb.types import Camera, Lighting, TensorData


@dataclass(frozen=True, kw_only=True)
class Chunk(TensorData):
    """S samples of one head: camera.cam_from_world is from the head's frame; the rest is per sample.

    landmarks (S, 5, 2): of the face in the picture, as a detector marks them (`scene.landmarks`).
    scatter (S, 3): how far each colour spreads below the skin, a standard deviation in widths of the picture;
    None where nothing does.
    """

    head: Head
    camera: Camera
    lighting: Lighting
    capture: Capture
    kinds: tuple[str, ...]
    index: Tensor
    landmarks: Tensor
    scatter: Tensor | None = None


def sample_chunk(
    config: SceneConfig,
    source: HeadSource,
    environments: list[Environment] | None,
    *,
    seed: int,
    split: str,
    chunk: int,
) -> Chunk:
    """Draw chunk number `chunk` of a split: samples chunk · S + [0, S)."""
    return sample_chunks(config, {chunk: source}, environments, seed=seed, split=split)[0]


def sample_chunks(
    config: SceneConfig,
    sources: Mapping[int, HeadSource],
    environments: list[Environment] | None,
    *,
    seed: int,
    split: str,
) -> list[Chunk]:
    """Draw several chunks of a split, each of a head from its own source, by number; in their order.

    What can be made for all of them at once is: to make it for one sample costs about as much as for many.
    Each chunk has the same bits whatever the others are.
    """
    size, stream = config.samples_per_head, partial(generator_for, seed, split)
    index = [chunk * size + row for chunk in sources for row in range(size)]

    def streams(name: str) -> list[torch.Generator]:
        return [stream(number, name) for number in index]

    lights = [draw_light(each, environments, config.light) for each in streams("light")]
    heads = _draw_heads(sources, stream)
    camera = sample_cameras(config.framing, heads, generators=streams("camera"))
    marks = torch.stack([head.landmarks.float() for head in heads]).repeat_interleave(size, 0)
    whole = {
        "camera": camera,
        "lighting": finished([light for light, _ in lights]),
        "capture": sample_captures(config.capture, generators=streams("capture")),
        "index": torch.tensor(index),
        "landmarks": detected_landmarks(project_landmarks(marks, camera), generators=streams("landmarks")),
    }
    parts = {name: _cut(value, size) for name, value in whole.items()}
    chunks = []
    for position, (chunk, head) in enumerate(zip(sources, heads, strict=True)):
        own = {name: pieces[position] for name, pieces in parts.items()}
        if config.scatter_mm[1] > 0.0:
            own["scatter"] = _scatter(config, head, own, stream(chunk, "scatter"))
        kinds = tuple(kind for _, kind in lights[position * size : (position + 1) * size])
        chunks.append(Chunk(head=head, kinds=kinds, **own))
    return chunks


def _draw_heads(
    sources: Mapping[int, HeadSource], stream: Callable[[int, str], torch.Generator]
) -> list[Head]:
    """A head for each chunk; neighbours of one source in one go."""
    heads = []
    for _, group in groupby(sources.items(), key=lambda pair: id(pair[1])):
        chunks, (source, *_) = zip(*group, strict=True)
        heads += source.heads([stream(chunk, "head") for chunk in chunks])
    return heads


def _cut(samples: Any, size: int) -> Sequence[Any]:
    """Pieces of `size` samples each of a tensor, or of a seam type of tensors, that has them all in front.

    One call a tensor: slices of each piece by itself take longer than to draw what is in it.
    """
    if isinstance(samples, Tensor):
        return samples.split(size)
    values = {field.name: getattr(samples, field.name) for field in fields(samples)}
    pieces = {name: value.split(size) for name, value in values.items() if isinstance(value, Tensor)}
    rows = zip(*pieces.values(), strict=True)
    return [type(samples)(**(values | dict(zip(pieces, row, strict=True)))) for row in rows]


def _scatter(config: SceneConfig, head: Head, chunk: Mapping[str, Any], generator: torch.Generator) -> Tensor:
    """Widths of the picture instead of metres; chunk: the other fields of a `Chunk`."""
    metres = sample_scatter(config.scatter_mm, chunk["capture"].grey, generator=generator)
    return metres / _picture_width(head, chunk["camera"])[:, None]


def sample_scatter(red_mm: tuple[float, float], grey: Tensor, *, generator: torch.Generator) -> Tensor:
    """Draw how far each colour spreads below one person's skin in photographs that are grey (S,) or not (0
    or 1): (S, 3) metres, standard deviations.

    Green and blue spread less than red: 1.4 and 0.7 to 3.7 mm in table 1 of Jensen et al. (2001, "A Practical
    Model for Subsurface Light Transport"). Grey cameras see more red and near infrared than eyes do.
    """
    draws = Draws(generator, 3 + len(grey))
    red = 1e-3 * draws.log_uniform(*red_mm)
    colours = red * torch.tensor([1.0, draws.uniform(0.25, 0.5), draws.uniform(0.12, 0.3)])
    shares = torch.tensor([draws.uniform() for _ in grey]) * grey
    return torch.lerp(colours[None], torch.full((1, 3), red), shares[:, None])


def _picture_width(head: Head, cameras: Camera) -> Tensor:
    """(S,) metres that the picture is wide where the face is."""
    if cameras.orthographic:
        return 2.0 * cameras.half_width
    depths = -(cameras.cam_from_world[:, 2, :3] @ head.landmarks.float().mean(0))
    return 2.0 * cameras.half_width * (depths - cameras.cam_from_world[:, 2, 3])


def sample_camera(config: FramingConfig, head: Head, *, generator: torch.Generator) -> Camera:
    """Pose the head and frame its face: one camera, unbatched, `cam_from_world` from the head's frame."""
    return sample_cameras(config, [head], generators=[generator])[0]


def sample_cameras(
    config: FramingConfig, heads: Sequence[Head], *, generators: Sequence[torch.Generator]
) -> Camera:
    """Pose each head and frame its face S times, each camera from its own generator: head after head.

    The picture's centre follows the midpoint between the eyes' and the mouth's centres, its side the
    distance between them as the camera sees it, but at least half of what a frontal face would show,
    so that looking down does not zoom in without limit.
    """
    # Plain floats: as tensors, numbers this few cost more than they compute.
    marks = [head.landmarks.tolist() for head in heads]
    middles = [(_middle(five[:2]), _middle(five[3:])) for five in marks]
    size = len(generators) // len(heads)
    posed = [
        _posed(config, *middles[number // size], Draws(generator, 32))
        for number, generator in enumerate(generators)
    ]
    return Camera(
        cam_from_world=torch.tensor([rows for rows, _ in posed]),
        half_width=torch.tensor([half_width for _, half_width in posed]),
        near=torch.full((len(posed),), 0.05),
    )


def _posed(
    config: FramingConfig, eyes: list[float], mouth: list[float], draws: Draws
) -> tuple[list[list[float]], float]:
    """Rows of `cam_from_world`, and `half_width`, for a head whose eyes' and mouth's centres are there."""
    angles = [math.radians(draws.normal(spread)) for spread in (config.yaw, config.pitch, config.roll)]
    angles[1] -= math.radians(config.chin_up)  # a positive pitch bows the head
    turn = rotation.rows_from_yaw_pitch_roll(*angles)
    ratio = config.crop[0] * (config.crop[1] / config.crop[0]) ** (draws.uniform() ** 1.5)
    framed = CROP_OVER_EYES_TO_MOUTH * DETECTED_OVER_MESH * math.exp(draws.normal(config.jitter))
    ratio = framed if draws.chance(config.detected) else ratio
    distance = draws.log_uniform(*config.distance)
    shift = [draws.normal(config.shift), draws.normal(config.shift)]
    eyes, mouth = _turned(turn, eyes), _turned(turn, mouth)
    frontal = math.dist(eyes, mouth)
    side = ratio * max(math.dist(eyes[:2], mouth[:2]), LEAST_FORESHORTENING * frontal)
    x, y, z = _middle([eyes, mouth])
    # Seen from +Z: the centre of the picture lies on the optical axis, `distance` in front.
    place = [-x - shift[0] * side, -y - shift[1] * side, -z - distance]
    rows = [[*row, step] for row, step in zip(turn, place, strict=True)]
    return [*rows, [0.0, 0.0, 0.0, 1.0]], 0.5 * side / distance


def _middle(points: list[list[float]]) -> list[float]:
    return [sum(axis) / len(points) for axis in zip(*points, strict=True)]


def _turned(rows: list[list[float]], point: list[float]) -> list[float]:
    x, y, z = point
    return [row[0] * x + row[1] * y + row[2] * z for row in rows]
