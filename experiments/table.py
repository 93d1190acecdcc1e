"""Write the table of experiments/README.md anew from the metrics.json of every study.

python -m experiments.table            # between the marks in README.md
python -m experiments.table --check    # exit with 1 where that would change it
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from experiments.verdicts import compare
from ftb.checkpoint import write_atomically

HERE = Path(__file__).resolve().parent
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
HEADINGS = (
    *("study", "choice", "seeds", "direction error", "against the reference"),
    *("ball RMSE", "against the reference", "photographs"),
)
DIRECTION, BALL = "direction_error_deg", "ball_rmse"


def table(folder: Path) -> str:
    """Markdown: a row for each choice of each study below `folder` that has a metrics.json."""
    lines = ["| " + " | ".join(HEADINGS) + " |", "|" + "---|" * len(HEADINGS)]
    for path in sorted(folder.glob("*/metrics.json")):
        study = json.loads(path.read_text(encoding="utf-8"))
        lines += _rows(path.parent.name, study)
    return "\n".join(lines)


def _rows(name: str, study: dict[str, Any]) -> list[str]:
    choices = {choice: found["runs"] for choice, found in study["variants"].items() if found["runs"]}
    by_metric = {
        metric: {choice: [run["test"][metric] for run in runs] for choice, runs in choices.items()}
        for metric in (DIRECTION, BALL)
    }
    rows = []
    link = f"[{name.replace('_', ' ')}]({name}/README.md)"
    for choice, found in study["variants"].items():
        runs = found["runs"]
        if not runs:
            rows.append([link, choice, "0", "failed", "", "", "", ""])
        else:
            cells = [str(len(runs))]
            for metric, digits, unit in ((DIRECTION, 1, "°"), (BALL, 4, "")):
                values = by_metric[metric]
                cells.append(spread(values[choice], digits, unit))
                cells.append(told(values, study["reference"], choice, digits, unit))
            rows.append([link, choice, *cells, _photographs(runs)])
        link = ""
    return ["| " + " | ".join(row) + " |" for row in rows]


def spread(values: list[float], digits: int, unit: str) -> str:
    """Mean ± standard deviation over seeds."""
    mean = f"{fmean(values):.{digits}f}{unit}"
    return mean if len(values) < 2 else f"{mean} ± {stdev(values):.{digits}f}{unit}"


def told(values: dict[str, list[float]], reference: str, choice: str, digits: int, unit: str) -> str:
    """In words what a choice changes of a metric of which less is better."""
    if choice == reference:
        return "reference"
    if reference not in values:
        return "not settled: no reference"
    verdict = compare(values, reference, choice)
    change = f"{verdict.difference:+.{digits}f}{unit}".replace("-", "−")
    if not verdict.settled:
        return f"not settled ({change})"
    return f"{'better' if verdict.difference < 0 else 'worse'} ({change})"


def _photographs(runs: list[dict[str, Any]]) -> str:
    means = [run["photos"]["mean"] for run in runs if run["photos"]]
    return spread(means, 1, "°") if means else "–"


def updated(page: str, rows: str) -> str:
    """The page with `rows` between the marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md: expected the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{rows}\n{END}{after}"


def write_table(folder: Path = HERE) -> bool:
    """Update README.md of a folder; whether that changed it."""
    path = folder / "README.md"
    page = path.read_text(encoding="utf-8")
    wanted = updated(page, table(folder))
    if wanted != page:
        write_atomically(path, wanted.encode())
    return wanted != page


def main() -> None:
    """Write, or with --check only compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    if not parser.parse_args().check:
        write_table()
        return
    page = (HERE / "README.md").read_text(encoding="utf-8")
    if updated(page, table(HERE)) != page:
        sys.exit("experiments/README.md: its table is not that of the metrics.json files")


if __name__ == "__main__":
    main()
