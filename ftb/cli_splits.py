"""Commands that freeze splits and judge with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ftb.cli_options import FOLDER, HDRI, HEADS, SETTINGS


@click.command("export-split")
@click.argument("pieces", nargs=-1, metavar="[PIECE...]", type=FOLDER)
@click.option("--out", type=FOLDER, metavar="DIR", help="Folder of the split; the same one to go on.")
@click.option("--preset", type=click.Choice(["seed-1600", "standard"]), default="standard", show_default=True)
@click.option("--train", type=click.IntRange(min=0), help="Training samples.")
@click.option("--val", type=click.IntRange(min=0), help="Validation samples.")
@click.option("--test", type=click.IntRange(min=0), help="Test samples.")
@click.option("--size", type=click.IntRange(32, 2048), help="Pixels of the photographs, a multiple of 16.")
@click.option("--seed", type=int, help="Another seed, another split.")
@click.option("--shard", metavar="I/N", help="Only piece I of N, from 1/N to N/N; under torchrun: its rank.")
@click.option("--join", is_flag=True, help="Put the folders PIECE... together in --out.")
@click.option("--verify", type=FOLDER, metavar="DIR", help="Check every file of a split.")
@click.option("--rerender", is_flag=True, help="With --verify: also render samples again and compare.")
@click.option("--workers", type=click.IntRange(min=0), default=0, help="Processes. Default: one a core.")
@click.option("--device", default="cpu", metavar="cpu|cuda", show_default=True)
@HDRI
@HEADS
@SETTINGS
def export_split(pieces: tuple[Path, ...], **options: Any) -> None:
    """Freeze a benchmark: train, val and test pairs as tar shards, with nothing of test in the others.

    Writes shards (WebDataset), manifest.json and a card, README.md with sheet.png. The same command gives
    the same bytes, whatever the number of processes; killed, it goes on where it was. --join and --verify
    stand for themselves.

    \b
    Example:  ftb export-split --out bench --preset seed-1600
              ftb export-split --out piece2 --shard 2/4
              ftb export-split --join piece1 piece2 piece3 piece4 --out bench
              ftb export-split --verify bench --rerender
    """
    from ftb.export_split import run

    run(pieces, options, click.echo)
