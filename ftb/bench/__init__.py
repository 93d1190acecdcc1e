"""`ftb bench`: rendering, training, inference and estimates, side by side with what they are compared to."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ftb.bench.clock import Measurement, machine
from ftb.bench.report import table
from ftb.bench.sections import SECTIONS
from ftb.checkpoint import write_atomically

__all__ = ["BenchOptions", "run_bench"]


@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """json: file for all numbers; sections: names of SECTIONS, none means all; quick: a few seconds of each,
    on one core, to see that it works: its numbers mean little."""

    json: Path | None = None
    sections: tuple[str, ...] = ()
    quick: bool = False


def run_bench(options: BenchOptions) -> str:
    """Measure, write the JSON file where one is asked for, and answer with a table."""
    unknown = [name for name in options.sections if name not in SECTIONS]
    if unknown:
        raise ValueError(f"bench: expected sections among {', '.join(SECTIONS)}, got {unknown[0]!r}")
    found: dict[str, list[Measurement]] = {}
    for name, measure in SECTIONS.items():
        if not options.sections or name in options.sections:
            found[name] = measure(options.quick)
    about = machine()
    if options.json is not None:
        numbers = {name: [asdict(one) for one in measured] for name, measured in found.items()}
        text = json.dumps({"machine": about, "quick": options.quick, "sections": numbers}, indent=2)
        write_atomically(options.json, (text + "\n").encode())
    return table(about, found)
