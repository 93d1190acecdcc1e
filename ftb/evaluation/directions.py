"""Photographs whose light is known: a CSV of paths and directions, judged the way `ftb estimate` answers."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ftb.data.face_crop import FaceCrop
from ftb.data.photos import Photo
from ftb.estimation.estimator import Estimator, joined
from ftb.evaluation.predictors import AsNetwork, Candidate, Predictor, make_predictor
from ftb.evaluation.statistics import Summary, calibration, grouped, resamples, summarise_direction
from ftb.evaluation.tables import OFF_AXIS_EDGES, bin_of
from ftb.scene.lighting_ops import angle_deg, dominant

COLUMNS = ("photo", "x", "y", "z")
_MOST_BYTES = 64 * 2**20
_BATCH = 16
_LEAST_LENGTH = 1e-6


@dataclass(frozen=True, kw_only=True)
class KnownLight:
    """A photograph and the unit direction towards its light, in the photograph's camera frame."""

    photo: Path
    direction: tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Answers:
    """errors_deg, expected_deg (NaN where there is none), off_axis_deg: (N,); whole: photographs in which no
    face was found, and which was judged whole instead."""

    errors_deg: np.ndarray
    expected_deg: np.ndarray
    off_axis_deg: np.ndarray
    whole: int


def read_directions(path: Path) -> list[KnownLight]:
    """Rows `photo,x,y,z` under that header; photos relative to the file; ValueError names the line."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected a CSV of photo,x,y,z")
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(f"{path}: too large for a list of photographs")
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: expected a CSV file in UTF-8") from error
    rows = [
        (number, line) for number, line in enumerate(lines, start=1) if any(cell.strip() for cell in line)
    ]
    if not rows or tuple(cell.strip().lower() for cell in rows[0][1]) != COLUMNS:
        raise ValueError(f"{path}: expected the header {','.join(COLUMNS)} in its first line")
    if len(rows) == 1:
        raise ValueError(f"{path}: expected at least one photograph below the header")
    return [_known_light(path, number, line) for number, line in rows[1:]]


def _known_light(path: Path, number: int, line: list[str]) -> KnownLight:
    where = f"{path}: line {number}"
    if len(line) != len(COLUMNS):
        raise ValueError(f"{where}: expected {','.join(COLUMNS)}, got {len(line)} columns")
    try:
        x, y, z = (float(cell) for cell in line[1:])
    except ValueError as error:
        raise ValueError(f"{where}: expected three numbers, got {','.join(line[1:])!r}") from error
    length = math.sqrt(x * x + y * y + z * z) if all(map(math.isfinite, (x, y, z))) else math.nan
    if not _LEAST_LENGTH < length < math.inf:
        raise ValueError(f"{where}: expected a direction of some length, got ({x:g}, {y:g}, {z:g})")
    if "\0" in line[0] or not (photo := path.parent / line[0].strip()).is_file():
        raise ValueError(f"{where}: no such photo: {line[0]!r}")
    return KnownLight(photo=photo, direction=(x / length, y / length, z / length))


def judge_directions(
    lights: list[KnownLight], candidate: Candidate, device: str, advance: Callable[[int, int], None]
) -> Answers:
    """The direction error of a candidate on each photograph: its face found, framed and answered for."""
    predictor = make_predictor(candidate, device)
    if predictor.needs_normals:
        raise ValueError(f"{candidate.name}: needs the true normals, which photographs do not have")
    estimator = _estimator(candidate, predictor, device)
    errors, expected, off_axis, whole = [], [], [], 0
    for first in range(0, len(lights), _BATCH):
        group = lights[first : first + _BATCH]
        framed = [_framed(estimator, light.photo) for light in group]
        whole += sum(crop.face is None for _, crop in framed)
        prediction = estimator.answer([crop for _, crop in framed])
        for row, (light, (photo, crop)) in enumerate(zip(group, framed, strict=True)):
            answer = joined(photo, [crop], prediction[row : row + 1], 1)
            true = torch.tensor(light.direction, dtype=torch.float64)
            found = dominant(answer.lighting.to(torch.float64))[0]
            errors.append(float(angle_deg(found, true)))
            off_axis.append(float(angle_deg(true, true.new_tensor([0.0, 0.0, 1.0]))))
            error = answer.expected_error_deg
            expected.append(math.nan if error is None else error)
        advance(len(errors), len(lights))
    return Answers(
        errors_deg=np.array(errors),
        expected_deg=np.array(expected),
        off_axis_deg=np.array(off_axis),
        whole=whole,
    )


def _estimator(candidate: Candidate, predictor: Predictor, device: str) -> Estimator:
    if candidate.kind == "network":
        return Estimator.load(candidate.checkpoint, device=device)
    return Estimator(AsNetwork(predictor).eval(), predictor.image_size, torch.device("cpu"))


def _framed(estimator: Estimator, path: Path) -> tuple[Photo, FaceCrop]:
    """The largest face, or the whole picture where none is found: such files are often cropped already."""
    try:
        photo, crops, _ = estimator.framed(path, crop="face")
    except ValueError:
        photo, crops, _ = estimator.framed(path, crop="none")
    return photo, crops[0]


def directions_report(answers: Answers) -> dict[str, Any]:
    """Means, medians and shares, overall and by the light's angle off the camera's axis."""
    drawn = resamples([str(number) for number in range(len(answers.errors_deg))])

    def summary(places: np.ndarray) -> Summary:
        return summarise_direction(answers.errors_deg[places], resamples([str(place) for place in places]))

    bins = [bin_of(angle, OFF_AXIS_EDGES, "03.0f") for angle in answers.off_axis_deg]
    report: dict[str, Any] = {
        "photos": len(answers.errors_deg),
        "judged_whole": answers.whole,
        "all": {"direction_error_deg": summarise_direction(answers.errors_deg, drawn)},
        "by": {
            "off_axis_deg": {label: {"direction_error_deg": s} for label, s in grouped(bins, summary).items()}
        },
    }
    if np.isfinite(answers.expected_deg).any():
        report["calibration"] = calibration(answers.expected_deg, answers.errors_deg)
    return report
