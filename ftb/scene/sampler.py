"""What is in front of the camera for sample i: head, pose, framing, light and capture.

Sample i of a split is a function of (seed, split, i) alone. `samples_per_head` consecutive samples
share one head: they form a chunk, the unit that is drawn together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

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

    What does not depend on the head is made for all of them at once: to make it for one sample costs about
    as much as for many. Each chunk has the same bits whatever the others are.
    """
    size, stream = config.samples_per_head, partial(generator_for, seed, split)
    index = [chunk * size + row for chunk in sources for row in range(size)]

    def streams(name: str, numbers: Iterable[int] = index) -> list[torch.Generator]:
        return [stream(number, name) for number in numbers]

    lights = [draw_light(each, environments, config.light) for each in streams("light")]
    lighting = finished([light for light, _ in lights])
    capture = sample_captures(config.capture, generators=streams("capture"))
    chunks = []
    for position, (chunk, source) in enumerate(sources.items()):
        rows = slice(position * size, (position + 1) * size)
        head = source.head(stream(chunk, "head"))
        camera = sample_cameras(config.framing, head, generators=streams("camera", index[rows]))
        true = project_landmarks(head.landmarks.float(), camera)
        drawn = Chunk(
            head=head,
            camera=camera,
            lighting=lighting[rows],
            capture=capture[rows],
            kinds=tuple(kind for _, kind in lights[rows]),
            index=torch.tensor(index[rows]),
            landmarks=detected_landmarks(true, generators=streams("landmarks", index[rows])),
            scatter=_scatter(config, head, camera, capture.grey[rows], stream(chunk, "scatter")),
        )
        chunks.append(drawn)
    return chunks


def _scatter(
    config: SceneConfig, head: Head, cameras: Camera, grey: Tensor, generator: torch.Generator
) -> Tensor | None:
    if config.scatter_mm[1] == 0.0:
        return None
    metres = sample_scatter(config.scatter_mm, grey, generator=generator)
    return metres / _picture_width(head, cameras)[:, None]


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
    return sample_cameras(config, head, generators=[generator])[0]


def sample_cameras(config: FramingConfig, head: Head, *, generators: Sequence[torch.Generator]) -> Camera:
    """Pose the head and frame its face S times, each camera from its own generator.

    The picture's centre follows the midpoint between the eyes' and the mouth's centres, its side the
    distance between them as the camera sees it, but at least half of what a frontal face would show,
    so that looking down does not zoom in without limit.
    """
    # Plain floats: as tensors, numbers this few cost more than they compute.
    marks = head.landmarks.tolist()
    eyes, mouth = _middle(marks[:2]), _middle(marks[3:])
    posed = [_posed(config, eyes, mouth, Draws(generator, 32)) for generator in generators]
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
