"""The command line of `ftb bench`."""

from __future__ import annotations

from pathlib import Path

import click

from ftb.cli_options import FILE


@click.command()
@click.option("--json", "json_file", type=FILE, metavar="FILE", help="Write all numbers there, too.")
@click.option("--only", multiple=True, metavar="SECTION", help="One section, e.g. pairs. Repeatable.")
@click.option("--quick", is_flag=True, help="Seconds instead of minutes, to see that it works.")
def bench(json_file: Path | None, only: tuple[str, ...], quick: bool) -> None:
    """Measure rendering, training, inference and `ftb estimate`, side by side, with ratios from one run.

    PyTorch3D, DRTK, Mitsuba and Blender are measured where they are installed. Keeps all cores busy for four
    to five minutes. Writes nothing but --json.

    \b
    Example:  ftb bench --json bench.json
              ftb bench --only estimate
    """
    from ftb.bench import BenchOptions, run_bench

    click.echo(run_bench(BenchOptions(json=json_file, sections=only, quick=quick)))
