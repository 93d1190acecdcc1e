"""`ftb evaluate`: judge a network, or what it has to beat, on a frozen split and on real photographs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

import ftb
from ftb.checkpoint import write_atomically
from ftb.data.frozen import FrozenPart, FrozenSplit
from ftb.data.frozen_manifest import MANIFEST, file_sha256
from ftb.data.frozen_sample import LIGHT_KINDS, decode_lighting
from ftb.evaluation.cases import Task
from ftb.evaluation.directions import directions_report, judge_directions, read_directions
from ftb.evaluation.html import html_page
from ftb.evaluation.markdown import markdown_page, markdown_summary
from ftb.evaluation.pictures import picture_rows
from ftb.evaluation.predictors import SHIPPED, Candidate, make_predictor, mean_of
from ftb.evaluation.run import Pace, judge_split
from ftb.evaluation.tables import report_of
from ftb.training.parallel import resolve_device

__all__ = ["EvaluateOptions", "evaluate", "run"]

# The mean is over the first of the training part: more would not change it.
MEAN_SAMPLES = 1000
_BASELINES = {
    "mean": ("mean",),
    "frontal": ("frontal",),
    "normals-fit": ("normals-fit", "normals-fit-template"),
}
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """What the command line asks for; without checkpoint and baselines the shipped weights are judged."""

    data: Path | None = None
    directions: Path | None = None
    checkpoint: Path | None = None
    baselines: tuple[str, ...] = ()
    part: str = "test"
    out: Path | None = None
    json: Path | None = None
    pace: Pace = field(default_factory=Pace)
    device: str = "auto"


def run(asked: dict[str, Any], say: Say) -> None:
    """Carry out what the command line asks for, by the names of its options, and say the outcome."""
    options = EvaluateOptions(
        data=asked["data"],
        directions=asked["directions"],
        checkpoint=asked["checkpoint"],
        baselines=tuple(dict.fromkeys(asked["baselines"])),
        part=asked["part"],
        out=asked["out"],
        json=asked["json_file"],
        pace=Pace(batch=asked["batch"], workers=asked["workers"], limit=asked["samples"]),
        device=asked["device"],
    )
    report = evaluate(options, say)
    say(markdown_summary(report))
    if options.out:
        say(f"{options.out}: metrics.json, report.md, report.html")


def evaluate(options: EvaluateOptions, say: Say) -> dict[str, Any]:
    """Judge, write the reports, and return what metrics.json holds."""
    if options.data is None and options.directions is None:
        raise ValueError("--data: expected a frozen split, or --directions FILE.csv, or both")
    device = str(resolve_device(options.device))
    lights = read_directions(options.directions) if options.directions else []
    split = FrozenSplit(options.data) if options.data else None
    candidates = _candidates(options, split)
    report: dict[str, Any] = {"ftb": ftb.__version__, "judged": _judged(candidates)}
    pictures: dict[str, Any] = {}
    if split is not None:
        part = split.part(options.part)
        task = Task(directory=split.directory, part=options.part, candidates=candidates, device=device)
        for one in candidates:  # says at once what cannot be loaded
            make_predictor(one, device)
        rows, measured = judge_split(task, options.pace, _tenths(say, "samples"))
        report["split"] = _about_split(split, part) | report_of(rows, measured)
        first = candidates[0].name
        pictures = picture_rows(task, measured[first]["ball_rmse"]) if options.out else {}
    if lights:
        report["directions"] = _judge_photos(options, lights, candidates, device, say)
    _write(options, report, pictures)
    return report


def _candidates(options: EvaluateOptions, split: FrozenSplit | None) -> tuple[Candidate, ...]:
    candidates = []
    if options.checkpoint or not options.baselines:
        name = "/".join(options.checkpoint.parts[-2:]) if options.checkpoint else SHIPPED
        candidates.append(Candidate(name=name, kind="network", checkpoint=options.checkpoint))
    for baseline in options.baselines:
        for kind in _BASELINES[baseline]:
            mean = _mean_light(split) if kind == "mean" and split else None
            candidates.append(Candidate(name=kind, kind=kind, mean=mean))
    return tuple(candidates)


def _mean_light(split: FrozenSplit) -> Any:
    part = split.part("train")
    lights = []
    for index in range(min(len(part), MEAN_SAMPLES)):
        try:
            lights.append(decode_lighting(part.files(index, LIGHT_KINDS)))
        except ValueError as error:
            raise ValueError(f"{part.where(index)}: {error}") from error
    with torch.inference_mode():
        return mean_of(lights)


def _judged(candidates: tuple[Candidate, ...]) -> dict[str, Any]:
    """Who they are: checkpoints by the sha256 of their file."""
    return {
        one.name: {
            "kind": one.kind,
            **(
                {"sha256": file_sha256(one.checkpoint)} if one.checkpoint and one.checkpoint.is_file() else {}
            ),
        }
        for one in candidates
    }


def _about_split(split: FrozenSplit, part: FrozenPart) -> dict[str, Any]:
    return {
        "manifest_sha256": file_sha256(split.directory / MANIFEST),
        "part": part.name,
        "size": part.sizes.image,
        "ball_size": part.sizes.ball,
    }


def _judge_photos(
    options: EvaluateOptions, lights: list[Any], candidates: tuple[Candidate, ...], device: str, say: Say
) -> dict[str, Any]:
    assert options.directions is not None
    photos: dict[str, Any] = {"file": options.directions.name, "candidates": {}}
    for one in candidates:
        if one.kind == "normals-fit":
            continue  # photographs come without true normals
        answers = judge_directions(lights, one, device, _tenths(say, f"photographs, {one.name}"))
        photos["candidates"][one.name] = directions_report(answers)
    return photos


def _tenths(say: Say, what: str) -> Callable[[int, int], None]:
    """Say how far it is, a tenth at a time."""
    said = [0]

    def advance(done: int, of: int) -> None:
        if 10 * done // of > said[0]:
            said[0] = 10 * done // of
            say(f"{done} of {of} {what}")

    return advance


def _write(options: EvaluateOptions, report: dict[str, Any], pictures: dict[str, Any]) -> None:
    content = (json.dumps(report, indent=1, allow_nan=False) + "\n").encode()
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(options.json, content)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        write_atomically(options.out / "metrics.json", content)
        write_atomically(options.out / "report.md", markdown_page(report).encode())
        write_atomically(options.out / "report.html", html_page(report, pictures).encode())
