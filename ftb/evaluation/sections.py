"""The tables of a report, as text cells: what Markdown and HTML both show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ftb.metrics.three_balls import MATERIALS

Summary = dict[str, Any]
MOST_HEADS = 20
_GROUP_TITLES = {
    "light_kind": "by kind of light",
    "tone": "by skin tone (Monk)",
    "directionality": "by directionality of the light",
    "off_axis_deg": "by angle of the light off the camera's axis, degrees",
    "head": "by head",
}
_BALL_COLUMNS = {
    "PSNR": ("psnr", 2),
    "SSIM": ("ssim", 3),
    "MS-SSIM": ("ms_ssim", 3),
    "RMSE": ("rmse", 3),
    "si-RMSE": ("si_rmse", 3),
    "n-RMSE": ("n_rmse", 3),
    "chroma angle°": ("chroma_angle", 2),
}
_STYLELIGHT_COLUMNS = {
    "RMSE": ("rmse", 3),
    "si-RMSE": ("si_rmse", 3),
    "angular°": ("angular", 2),
    "n-RMSE": ("n_rmse", 3),
}


@dataclass(frozen=True, kw_only=True)
class Section:
    """One table. level: 2 or 3, of its heading; note: a sentence or two above it; the first column names
    its rows."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    level: int = 2
    note: str = ""


def sections_of(report: dict[str, Any]) -> list[Section]:
    """Every table of a report, in reading order."""
    sections: list[Section] = []
    if "split" in report:
        candidates = report["split"]["candidates"]
        sections += [_overall(report["split"]), *_balls(report["split"])]
        for name, one in candidates.items():
            sections += [*_calibration(name, one), _fairness(name, one)]
            sections += [_group(name, group, one["by"][group]) for group in _GROUP_TITLES]
    if "directions" in report:
        sections += _photos(report["directions"])
    return sections


def number(value: float | None, digits: int) -> str:
    """A number as text; a dash for none."""
    return "–" if value is None else f"{value:.{digits}f}"


def _cell(summary: Summary | None, digits: int) -> str:
    """Mean and its interval."""
    if summary is None or summary["mean"] is None:
        return "–"
    low, high = number(summary["low"], digits), number(summary["high"], digits)
    return f"{number(summary['mean'], digits)} [{low}, {high}]"


def _mean(summary: Summary | None, digits: int) -> str:
    return "–" if summary is None else number(summary["mean"], digits)


def _directions(metrics: dict[str, Summary], name: str, with_interval: bool) -> list[str]:
    """Mean, median, shares under 5°, 10° and 20°."""
    error = metrics[name]
    if error["mean"] is None:
        return ["–"] * 5
    median = error["median"]
    text = number(median["value"], 1)
    if with_interval:
        text += f" [{number(median['low'], 1)}, {number(median['high'], 1)}]"
    shares = [f"{100.0 * error[f'under_{limit}_deg']['share']:.0f} %" for limit in (5, 10, 20)]
    return [_cell(error, 1) if with_interval else _mean(error, 1), text, *shares]


_DIRECTION_COLUMNS = ("direction°, mean", "median", "<5°", "<10°", "<20°")


def _overall(split: dict[str, Any]) -> Section:
    rows = []
    for name, one in split["candidates"].items():
        metrics = one["all"]
        normals = _cell(metrics.get("normal_error_deg"), 1)
        rows.append(
            (
                name,
                _cell(metrics["ball_rmse"], 4),
                *_directions(metrics, "direction_error_deg", True),
                _cell(metrics["irradiance_error"], 3),
                normals,
            )
        )
    least = split["least_directionality"]
    return Section(
        title=f"All {split['samples']} samples of {split['part']}",
        columns=("", "ball RMSE", *_DIRECTION_COLUMNS, "irradiance error", "normals°"),
        rows=tuple(rows),
        note=f"Mean [95 % interval]. Ball RMSE: gray ball, sRGB-encoded, clipped, over the disc. Direction: "
        f"of the dominant light, where the true directionality is at least {least:g}.",
    )


def _balls(split: dict[str, Any]) -> list[Section]:
    candidates = split["candidates"]

    def rows(prefix: str, columns: dict[str, tuple[str, int]]) -> tuple[tuple[str, ...], ...]:
        return tuple(
            (
                f"{name}, {material}",
                *(
                    _cell(one["all"].get(f"{prefix}{material}.{key}"), digits)
                    for key, digits in columns.values()
                ),
            )
            for name, one in candidates.items()
            for material in MATERIALS
        )

    return [
        Section(
            title="Balls in linear light",
            columns=("", *_BALL_COLUMNS),
            rows=rows("", _BALL_COLUMNS),
            note="PSNR, SSIM and MS-SSIM of linear light clipped to [0, 1]; the others unclipped. Chroma "
            "angle: between colours, not directions.",
        ),
        Section(
            title="Balls by StyleLight's formulas",
            columns=("", *_STYLELIGHT_COLUMNS),
            rows=rows("stylelight.", _STYLELIGHT_COLUMNS),
            note=f"The {split['notes']['stylelight']}.",
        ),
    ]


def _calibration(name: str, one: dict[str, Any], level: int = 2) -> list[Section]:
    found = one.get("calibration")
    if not found or not found["groups"]:
        return []
    rows = tuple(
        (
            str(number_),
            number(g["expected_deg"], 1),
            number(g["found_deg"], 1),
            _percent(g["found_deg"] / g["expected_deg"] - 1.0 if g["expected_deg"] else None),
            str(g["samples"]),
        )
        for number_, g in enumerate(found["fifths"], start=1)
    )
    return [
        Section(
            title=f"{name}: does it know its error",
            columns=("fifth", "expected°", "found°", "found against expected", "samples"),
            rows=rows,
            level=level,
            note="Samples in five equal groups by the direction error that the network expects; means. "
            f"Spearman's rank correlation {number(found['rank_correlation'], 2)}; mean gap of tenths "
            f"{number(found['gap_deg'], 1)}°.",
        )
    ]


def _percent(share: float | None) -> str:
    """A signed share as text; a dash for none."""
    return "–" if share is None else f"{100.0 * share:+.0f} %"


def _fairness(name: str, one: dict[str, Any]) -> Section:
    rows = []
    for label, bin_ in one["fairness"].items():
        bias = one["by"]["tone"][label]["brightness_bias"]
        interval = "" if bias["mean"] is None else f" [{_percent(bias['low'])}, {_percent(bias['high'])}]"
        rows.append(
            (
                label,
                str(bin_["samples"]),
                _percent(bin_["brightness_bias"]) + interval,
                number(bin_["direction_error_deg"], 1),
                _percent(bin_["direction_error_relative"]),
            )
        )
    return Section(
        title=f"{name}: does skin tone matter",
        columns=("Monk tone", "samples", "ball too bright by", "direction°, mean", "against the mean of all"),
        rows=tuple(rows),
        note="Bins of two Monk tones. Brightness: mean over samples of (estimate - truth) / truth of the "
        "gray ball's mean luminance, linear, over the disc. Direction: where it means something, and how far "
        "from the mean over all tones it is.",
    )


def _group(name: str, group: str, by_label: dict[str, dict[str, Summary]]) -> Section:
    error = "direction_error_any_deg" if group == "directionality" else "direction_error_deg"
    labels, note = list(by_label), ""
    if group == "head" and len(labels) > MOST_HEADS:
        labels.sort(key=lambda label: by_label[label]["ball_rmse"]["mean"])
        half = MOST_HEADS // 2
        note = f"The {half} heads of the least and the {half} of the largest ball RMSE, of {len(labels)}."
        labels = labels[:half] + labels[-half:]
    rows = []
    for label in labels:
        metrics = by_label[label]
        balls = [_mean(metrics[f"{material}.si_rmse"], 3) for material in MATERIALS]
        rows.append(
            (
                label.replace("_", " ") if group == "light_kind" else label,
                str(metrics["ball_rmse"]["samples"]),
                _cell(metrics["ball_rmse"], 4),
                *_directions(metrics, error, False),
                _mean(metrics["irradiance_error"], 3),
                *balls,
                _mean(metrics.get("normal_error_deg"), 1),
            )
        )
    columns = ("", "samples", "ball RMSE", *_DIRECTION_COLUMNS, "irradiance error")
    return Section(
        title=f"{name}: {_GROUP_TITLES[group]}",
        columns=(*columns, *(f"si-RMSE {material}" for material in MATERIALS), "normals°"),
        rows=tuple(rows),
        level=3,
        note=note,
    )


def _photos(directions: dict[str, Any]) -> list[Section]:
    columns = ("", "photographs", *_DIRECTION_COLUMNS)
    rows, more = [], []
    for name, one in directions["candidates"].items():
        rows.append((name, str(one["photos"]), *_directions(one["all"], "direction_error_deg", True)))
        for label, metrics in one["by"]["off_axis_deg"].items():
            count = metrics["direction_error_deg"]["samples"]
            shown = _directions(metrics, "direction_error_deg", True)
            rows.append((f"{name}, {label}° off axis", str(count), *shown))
        more += _calibration(f"{name}, photographs", one, level=3)
    whole = max((one["judged_whole"] for one in directions["candidates"].values()), default=0)
    note = f"In {whole} of them no face was found: they were judged whole." if whole else ""
    title = f"Photographs of known light: {directions['file']}"
    return [Section(title=title, columns=columns, rows=tuple(rows), note=note), *more]
