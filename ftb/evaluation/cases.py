"""One batch of samples of a split, judged: every metric of every candidate, a number a sample.

A batch is decoded, answered and measured by one thread of one process, so that the numbers do not depend
on how many processes there are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ftb.data.frozen import FrozenPart, FrozenSplit
from ftb.data.frozen_sample import (
    FACE_KINDS,
    LIGHT_KINDS,
    decode_about,
    decode_face,
    decode_landmarks,
    decode_lighting,
    decode_linear,
)
from ftb.data.photos import middle_square
from ftb.data.stream import single_threaded
from ftb.evaluation.predictors import Candidate, KnownFaces, Predictor, grey_ball, make_predictor
from ftb.metrics.ball import ball_rmse
from ftb.metrics.brightness import brightness_bias
from ftb.metrics.direction import direction_error_deg, true_directionality
from ftb.metrics.irradiance import irradiance_error
from ftb.metrics.normals import normal_error_deg
from ftb.metrics.stylelight import stylelight_metrics, tone_mapped
from ftb.metrics.three_balls import MATERIALS, ball_metrics
from ftb.render.ball import render_ball
from ftb.scene.lighting_mix import to_envmap
from ftb.scene.lighting_ops import angle_deg, dominant
from ftb.types import Lighting, Prediction, stack

# Below this directionality light comes from everywhere, and the error of its direction means little.
LEAST_DIRECTIONALITY = 0.3
# Their formulas do not know the size of the ball; the true map has 32 rows.
STYLELIGHT_SIZE, STYLELIGHT_HEIGHT = 64, 32

Row = dict[str, str | float]


@dataclass(frozen=True, kw_only=True)
class Task:
    """What every process of an evaluation has to know."""

    directory: Path
    part: str
    candidates: tuple[Candidate, ...]
    device: str = "cpu"


@dataclass(frozen=True, kw_only=True)
class Truth:
    """A batch of samples: balls_linear (B, S, S, 3) by material, labels by name, one a sample."""

    faces: KnownFaces
    lighting: Lighting
    balls_linear: dict[str, Tensor]
    labels: list[Row]

    @cached_property
    def stylelight_balls(self) -> dict[str, Tensor]:
        """By material, lit as their code lights them: the same for all who are judged."""
        return _stylelight_balls(self.lighting)


class Judge:
    """Candidates and split in one process."""

    def __init__(self, task: Task) -> None:
        self.part = FrozenSplit(task.directory).part(task.part)
        self.predictors = {one.name: make_predictor(one, task.device) for one in task.candidates}

    def judge(self, first: int, count: int) -> tuple[list[Row], dict[str, dict[str, np.ndarray]]]:
        """Labels of samples first + [0, count), and the metrics (count,) of each candidate by name."""
        with single_threaded(), torch.inference_mode():
            truth = read_truth(self.part, range(first, first + count))
            measured = {
                name: measure_case(self.predict(predictor, truth), truth)
                for name, predictor in self.predictors.items()
            }
        return truth.labels, measured

    def predict(self, predictor: Predictor, truth: Truth) -> Prediction:
        """What a candidate answers, on the CPU."""
        size = predictor.image_size
        photos = torch.stack([middle_square(photo, size) for photo in truth.faces.photo_srgb])
        return predictor.answer(photos, truth.faces)


def read_truth(part: FrozenPart, indices: range) -> Truth:
    """Decode samples of a split."""
    faces, lights, balls, labels = [], [], [], []
    ball_kinds = tuple(f"ball_{name}.exr" for name in MATERIALS)
    for index in indices:
        files = part.files(index, (*FACE_KINDS, *LIGHT_KINDS, *ball_kinds))
        size = part.sizes.ball
        try:
            photo, mask, normals = decode_face(files, part.sizes)
            places = decode_landmarks(files)
            faces.append(KnownFaces(photo_srgb=photo, mask=mask, normals=normals, landmarks=places))
            lights.append(decode_lighting(files))
            balls.append({name: decode_linear(files[f"ball_{name}.exr"], size, size) for name in MATERIALS})
            labels.append(_labels(decode_about(files["json"]), lights[-1]))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{part.where(index)}: {error}") from error
    return Truth(
        faces=stack(faces),
        lighting=stack(lights),
        balls_linear={name: torch.stack([one[name] for one in balls]) for name in MATERIALS},
        labels=[{"sample": index, **row} for index, row in zip(indices, labels, strict=True)],
    )


def _labels(about: dict[str, object], lighting: Lighting) -> Row:
    head, light = about["head"], about["light"]
    if not isinstance(head, dict) or not isinstance(light, dict):
        raise ValueError("damaged: no head or no light")
    direction, _ = dominant(lighting.to(torch.float64))
    return {
        "head": str(head["id"]),
        "tone": float(head["tone"]),
        "kind": str(light["kind"]),
        "directionality": float(true_directionality(lighting)),
        "off_axis_deg": float(angle_deg(direction, direction.new_tensor([0.0, 0.0, 1.0]))),
    }


def measure_case(prediction: Prediction, truth: Truth) -> dict[str, np.ndarray]:
    """Every metric by its dotted name: (B,) float64 each, NaN where a sample has none."""
    true, light = truth.lighting, prediction.lighting
    size = prediction.ball_linear.shape[1]
    error = direction_error_deg(light, true)
    gray = grey_ball(true, size)
    directed = true_directionality(true) >= LEAST_DIRECTIONALITY
    values = {
        "ball_rmse": ball_rmse(prediction.ball_linear, gray),
        "brightness_bias": brightness_bias(prediction.ball_linear, gray),
        "direction_error_deg": torch.where(directed, error, torch.nan),
        "direction_error_any_deg": error,
        "irradiance_error": irradiance_error(light, true),
    }
    if prediction.direction_error_deg is not None:
        values["expected_error_deg"] = prediction.direction_error_deg.double()
    if prediction.normals is not None:
        values["normal_error_deg"] = _normal_error(prediction.normals, truth.faces)
    for name, ball in truth.balls_linear.items():
        estimate = render_ball(light, name, ball.shape[1])
        values |= {f"{name}.{metric}": found for metric, found in ball_metrics(estimate, ball).items()}
    for name, ball in _stylelight_balls(light).items():
        found = stylelight_metrics(ball, truth.stylelight_balls[name])
        values |= {f"stylelight.{name}.{metric}": value for metric, value in found.items()}
    return {name: found.to("cpu", torch.float64).numpy() for name, found in values.items()}


def _normal_error(normals: Tensor, faces: KnownFaces) -> Tensor:
    """At the photograph's size where the estimate's is a whole fraction of it, else at the estimate's."""
    size, full = normals.shape[1], faces.normals.shape[1]
    true, mask = faces.normals, faces.mask
    if full % size:
        planes = torch.cat([true * mask[..., None], mask[..., None]], dim=-1).permute(0, 3, 1, 2)
        resized = torch.nn.functional.interpolate(planes, (size, size), mode="bilinear", antialias=True)
        true, mask = resized[:, :3].permute(0, 2, 3, 1), resized[:, 3]
    return normal_error_deg(normals, true, mask)


def _stylelight_balls(light: Lighting) -> dict[str, Tensor]:
    lit = _tone_mapped_light(light)
    return {name: render_ball(lit, name, STYLELIGHT_SIZE) for name in MATERIALS}


def _tone_mapped_light(light: Lighting) -> Lighting:
    environment = tone_mapped(to_envmap(light, STYLELIGHT_HEIGHT)).to(light.sh_coeffs)
    nothing = light.key_dirs[..., :0, :]
    return replace(
        light,
        environment=environment,
        key_dirs=nothing,
        key_irradiance=nothing,
        key_angular_radius=nothing[..., 0],
    )
