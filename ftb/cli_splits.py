"""Commands that freeze splits and judge with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ftb.cli_options import DEVICE, FILE, FOLDER, HDRI, HEADS, SETTINGS


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


@click.command()
@click.option("--data", type=FOLDER, metavar="DIR", help="A frozen split of `export-split`.")
@click.option("--part", type=click.Choice(["test", "val", "train"]), default="test", show_default=True)
@click.option(
    "--directions", type=FILE, metavar="FILE.csv", help="Real photographs: photo,x,y,z of the light."
)
@click.option("--checkpoint", type=FILE, metavar="FILE", help="The model.safetensors of a run.")
@click.option(
    "--baseline",
    "baselines",
    multiple=True,
    type=click.Choice(["mean", "frontal", "normals-fit"]),
    help="What a network has to beat; alone, or beside --checkpoint. Repeatable.",
)
@click.option("--json", "json_file", type=FILE, metavar="FILE", help="Write metrics.json there too.")
@click.option("--out", type=FOLDER, metavar="DIR", help="metrics.json, report.md and report.html.")
@click.option("--samples", type=click.IntRange(min=1), help="Only the first so many.")
@click.option("--workers", type=click.IntRange(min=0), default=0, help="Processes. Default: one a core.")
@click.option(
    "--batch", type=click.IntRange(1, 1024), default=4, show_default=True, help="Samples at a time."
)
@DEVICE
def evaluate(**options: Any) -> None:
    """Judge a network, or what it has to beat, on a frozen split, on photographs of known light, or on both.

    Writes, with --out: metrics.json (every number, by head, skin tone and light, with 95 % intervals),
    report.md, and report.html with histograms and the best, median and worst cases. The numbers do not
    depend on the number of processes. Without --checkpoint: the weights that ship with the package.

    \b
    Example:  ftb evaluate --data bench --checkpoint runs/001/model.safetensors --out report
              ftb evaluate --data bench --baseline mean --baseline frontal
              ftb evaluate --directions lights.csv
    """
    from ftb.evaluate import run

    run(options, click.echo)
