"""Keep what `ftb evaluate` found on a preset, and write the tables of README.md from what is kept.

    python experiments/baselines/publish.py [PRESET=metrics.json ...]

metrics.json becomes PRESET.json beside this file, without its groups by head and with six digits; without
arguments the tables alone are written again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PRESETS = ("seed-1600", "standard")
BEGIN, END = "<!-- tables by publish.py -->", "<!-- end of tables -->"
# Of every group these; of all samples together every metric is kept.
GROUPED = (
    "ball_rmse",
    "brightness_bias",
    "direction_error_deg",
    "direction_error_any_deg",
    "irradiance_error",
)
DIGITS = 6
COLUMNS = (
    "ball RMSE",
    "brightness",
    "direction°, mean",
    "median",
    "<10°",
    "irradiance error",
    "si-RMSE matte",
    "silver",
    "mirror",
    "normals°",
)


def reduced(report: dict[str, Any]) -> dict[str, Any]:
    """A report small enough to keep: sums over heads are left out, numbers rounded."""
    candidates = {
        name: one
        | {
            "by": {
                group: {
                    label: {metric: summaries[metric] for metric in GROUPED}
                    for label, summaries in labels.items()
                }
                for group, labels in one["by"].items()
                if group != "head"
            }
        }
        for name, one in report["split"]["candidates"].items()
    }
    return rounded(report | {"split": report["split"] | {"candidates": candidates}})


def rounded(node: Any) -> Any:
    """Numbers of a document to six significant digits."""
    if isinstance(node, dict):
        return {key: rounded(value) for key, value in node.items()}
    if isinstance(node, list):
        return [rounded(value) for value in node]
    return float(f"{node:.{DIGITS}g}") if isinstance(node, float) else node


def table(preset: str, report: dict[str, Any]) -> str:
    """Markdown: a row for each who was judged."""
    split = report["split"]
    head = (
        f"`{preset}`: {split['samples']} samples of {split['part']}, manifest {split['manifest_sha256'][:12]}"
    )
    lines = [head, "", f"| {' | '.join(('', *COLUMNS))} |", "|---|" + "---:|" * len(COLUMNS)]
    lines += [f"| {' | '.join((name, *_cells(one['all'])))} |" for name, one in split["candidates"].items()]
    return "\n".join(lines)


def _cells(metrics: dict[str, Any]) -> list[str]:
    direction = metrics["direction_error_deg"]
    normals = metrics.get("normal_error_deg", {"mean": None})
    return [
        _interval(metrics["ball_rmse"], 4),
        _number(metrics["brightness_bias"]["mean"], ".0%", signed=True),
        _interval(direction, 1),
        _number(direction.get("median", {}).get("value"), ".1f"),
        _number(direction.get("under_10_deg", {}).get("share"), ".0%"),
        _number(metrics["irradiance_error"]["mean"], ".3f"),
        *(_number(metrics[f"{ball}.si_rmse"]["mean"], ".3f") for ball in ("matte", "silver", "mirror")),
        _number(normals["mean"], ".1f"),
    ]


def _number(value: float | None, form: str, *, signed: bool = False) -> str:
    return "–" if value is None else format(value, ("+" if signed else "") + form).replace("%", " %")


def _interval(summary: dict[str, Any], digits: int) -> str:
    mean, low, high = (_number(summary[key], f".{digits}f") for key in ("mean", "low", "high"))
    return mean if summary["mean"] is None else f"{mean} [{low}, {high}]"


def with_tables(text: str, reports: dict[str, dict[str, Any]]) -> str:
    """README's text with the tables of all kept reports between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"README.md: expected the marks {BEGIN} and {END}")
    tables = [table(preset, report) for preset, report in reports.items()]
    return "\n\n".join([before + BEGIN, *tables, END]) + after


def main() -> None:
    """Keep the reports that are named, then write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("reports", nargs="*", metavar="PRESET=metrics.json")
    parser.add_argument("--folder", type=Path, default=HERE)
    asked = parser.parse_args()
    for word in asked.reports:
        preset, _, path = word.partition("=")
        if preset not in PRESETS or not Path(path).is_file():
            parser.error(f"expected PRESET=metrics.json with one of {', '.join(PRESETS)}, got {word}")
        kept = json.dumps(reduced(json.loads(Path(path).read_text(encoding="utf-8"))), separators=(",", ":"))
        (asked.folder / f"{preset}.json").write_text(kept + "\n", encoding="utf-8")
    paths = {preset: asked.folder / f"{preset}.json" for preset in PRESETS}
    reports = {
        preset: json.loads(path.read_text(encoding="utf-8"))
        for preset, path in paths.items()
        if path.is_file()
    }
    readme = asked.folder / "README.md"
    readme.write_text(with_tables(readme.read_text(encoding="utf-8"), reports), encoding="utf-8")


if __name__ == "__main__":
    main()
