"""Options that several commands of the command line share."""

from __future__ import annotations

from pathlib import Path

import click

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)
SETTINGS = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change one key of the configuration, e.g. --set train.learning_rate=5e-4. Repeatable.",
)
CONFIG = click.option("--config", metavar="FILE", help="A TOML file, or the name of a preset.")
RENDERER = click.option(
    "--renderer", type=click.Choice(["auto", "warp", "pytorch3d", "reference"]), help="Default: auto."
)
HDRI = click.option("--hdri", type=FOLDER, metavar="DIR", help="Folder of .exr and .hdr environments.")
HEADS = click.option("--heads", type=FOLDER, metavar="DIR", help="Folder of .glb, .obj and .ply heads.")
CHECKPOINT = click.option(
    "--checkpoint", type=FILE, metavar="FILE", help="The model.safetensors of a run. Default: what ships."
)
DEVICE = click.option("--device", default="auto", metavar="auto|cpu|cuda", show_default=True)
