"""The command line: a thin click group. Each command imports its workflow when it runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

import ftb
from ftb.cli_bench import bench
from ftb.cli_options import CHECKPOINT, CONFIG, DEVICE, FILE, FOLDER, HDRI, HEADS, RENDERER, SETTINGS
from ftb.cli_splits import evaluate, export_split
from ftb.errors import one_line, raise_if_worker_died
from ftb.quiet import aloud


class UserError(click.ClickException):
    """An error that the user can do something about: one line, exit code 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(f"ftb: {self.message}", err=True)


class Group(click.Group):
    """Turns the errors of the workflows into one line each."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Whoever read what is printed has enough, as `head` has; Python would complain at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(1)
        except (OSError, ValueError) as error:
            raise UserError(one_line(error)) from error
        except RuntimeError as error:
            # The death of a worker is raised wherever the program is: in a step of the network, say.
            try:
                raise_if_worker_died(error)
            except OSError as died:
                raise UserError(one_line(died)) from error
            raise
        except KeyboardInterrupt:
            click.echo("ftb: interrupted", err=True)
            ctx.exit(130)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(ftb.__version__, prog_name="ftb")
def cli() -> None:
    """Face to Ball: one photo of a face in, the light that falls on it out.

    \b
    ftb train --online-render        learn from endless rendered pairs
    ftb estimate me.jpg --out light  the light of a photograph
    """


@cli.command()
@click.option("--online-render", is_flag=True, help="Render fresh pairs while training.")
@click.option("--data", type=FOLDER, metavar="DIR", help="Train from a frozen split instead: `export-split`.")
@CONFIG
@click.option("--out", type=FOLDER, metavar="DIR", help="Run folder. Default: the next free runs/NNN.")
@click.option("--steps", type=click.IntRange(min=1), help="Short for --set train.steps=N.")
@click.option("--resume", is_flag=True, help="Go on with the run in --out, or with the newest in runs/.")
@DEVICE
@RENDERER
@HDRI
@HEADS
@SETTINGS
def train(
    online_render: bool,
    data: Path | None,
    config: str | None,
    out: Path | None,
    steps: int | None,
    resume: bool,
    device: str,
    **sources: Any,
) -> None:
    """Train the network on pairs that are rendered on the fly, or on those of a frozen split.

    Writes into the run folder: model.safetensors (the weights to use), last.safetensors (all that --resume
    needs), config.toml, metrics.json, preview.png, train.log and tensorboard/. Ctrl-C saves first.

    \b
    Example:  ftb train --online-render --steps 3000 --hdri hdri --out runs/studio
              ftb train --data bench --out runs/bench
              ftb train --resume --out runs/studio
    """
    from ftb.train import Interrupted, TrainOptions
    from ftb.train import train as run

    if not resume and online_render == (data is not None):
        raise click.UsageError("choose where pairs come from: --online-render, or --data DIR")
    settings = _settings(steps=steps, data=data, **sources)
    try:
        run(TrainOptions(config=config, settings=settings, out=out, resume=resume, device=device))
    except Interrupted as stop:
        click.echo(str(stop), err=True)
        raise SystemExit(130) from None


def _settings(
    *,
    settings: tuple[str, ...],
    steps: int | None = None,
    renderer: str | None = None,
    hdri: Path | None = None,
    heads: Path | None = None,
    data: Path | None = None,
) -> tuple[str, ...]:
    """Options that are short for a key of the configuration, as settings in TOML syntax."""
    chosen = {
        "train.steps": steps,
        "stream.renderer": renderer,
        "data.hdri": hdri,
        "data.heads": heads,
        "data.split": data,
    }
    return (*(f"{key}={_toml(value)}" for key, value in chosen.items() if value is not None), *settings)


def _toml(value: str | int | Path) -> str:
    import json

    return str(value) if isinstance(value, int) else json.dumps(str(value), ensure_ascii=False)


@cli.command()
@click.option("--out", type=FILE, required=True, metavar="FILE.png", help="The picture to write.")
@click.option("--count", type=click.IntRange(1, 1024), default=32, show_default=True, help="Pairs shown.")
@click.option("--seed", type=int, help="Short for --set stream.seed=N.")
@click.option("--size", type=click.IntRange(32, 1024), default=192, show_default=True, help="Of a tile, px.")
@click.option("--parts", is_flag=True, help="Also normals, albedo and visibility.")
@CONFIG
@RENDERER
@HDRI
@HEADS
@SETTINGS
def preview(out: Path, count: int, seed: int | None, size: int, parts: bool, **sources: Any) -> None:
    """Show what online training sees: a contact sheet of photographs and their balls.

    Writes one PNG.

    \b
    Example:  ftb preview --out sheet.png --count 24 --hdri hdri
    """
    from ftb.config import load_config
    from ftb.preview import write_preview

    config = sources.pop("config")
    settings = _settings(**sources) + (() if seed is None else (f"stream.seed={seed}",))
    write_preview(out, load_config(config, settings), count=count, size=size, parts=parts)
    click.echo(f"wrote {out}")


@cli.command("render-sphere")
@click.argument("lighting", type=click.Path(path_type=Path))
@click.option("--out", type=FILE, required=True, metavar="FILE", help=".png (sRGB, alpha) or .exr (linear).")
@click.option(
    "--material", type=click.Choice(["matte", "gray", "silver", "mirror"]), default="gray", show_default=True
)
@click.option("--size", type=click.IntRange(8, 4096), default=512, show_default=True, help="Pixels.")
@click.option("--axes", is_flag=True, help="Draw the directions +X, +Y, +Z and the dominant light.")
def render_sphere(lighting: Path, out: Path, material: str, size: int, axes: bool) -> None:
    """Render the reference ball under LIGHTING: a lighting.json, or an equirect .exr or .hdr.

    Writes one picture: PNG is sRGB with straight alpha, clipped; EXR is linear and unclipped.

    \b
    Example:  ftb render-sphere studio.exr --out ball.png --material mirror
    """
    from ftb.render_sphere import write_sphere

    write_sphere(lighting, out, material=material, size=size, axes=axes)
    click.echo(f"wrote {out}")


@cli.command()
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...", type=click.Path(path_type=Path))
@click.option("--out", type=FOLDER, required=True, metavar="DIR", help="Each photo gets DIR/<stem>/.")
@CHECKPOINT
@click.option(
    "--crop",
    type=click.Choice(["face", "none"]),
    default="face",
    show_default=True,
    help="face: find it. none: the photo is a portrait already, used whole.",
)
@click.option(
    "--face",
    default="largest",
    show_default=True,
    metavar="largest|all|N",
    help="Which face tells the light: all are joined into one light, N counts from the left.",
)
@click.option("--jsonl", type=FILE, metavar="FILE", help="Append one line of JSON a photo.")
@click.option("--lighting-only", is_flag=True, help="Write lighting.json and no pictures.")
@DEVICE
def estimate(photos: tuple[Path, ...], **options: Any) -> None:
    """Estimate the light that falls on the face in each PHOTO.

    Writes for each photo DIR/<stem>/: lighting.json, ball_matte.png, ball_gray.png, ball_silver.png,
    ball_mirror.png, environment.exr and overview.png. The environment excludes the key light, which
    lighting.json holds; `ftb export-light` joins them. Exits with 1 when some of several photos failed.

    Prints where the light comes from, ± the error to expect, and what makes it doubtful: a dark, clipped, cut
    or turned face. A hand, a mask or hair before half of a face may go unnoticed: look at overview.png.

    \b
    Example:  ftb estimate me.jpg --out light
              ftb estimate *.jpg --out light --lighting-only --jsonl all.jsonl
    """
    from ftb.estimate import EstimateOptions, estimate_photos

    failures = 0
    for line, failed in estimate_photos(photos, EstimateOptions(**options)):
        failures += failed
        with aloud():
            click.echo(f"ftb: {one_line(line)}" if failed else one_line(line), err=failed)
    if failures and len(photos) > 1:
        click.echo(f"ftb: {failures} of {len(photos)} photos failed", err=True)
    if failures:
        raise SystemExit(2 if failures == len(photos) else 1)


@cli.command("export-light")
@click.argument("lighting", type=click.Path(path_type=Path))
@click.option(
    "--to",
    type=click.Choice(["exr", "hdr", "threejs", "usda", "blender"]),
    required=True,
    help="exr, hdr: one equirect map of all light. threejs: .json. usda: .usda and its map. blender: .py.",
)
@click.option("--out", type=FILE, required=True, metavar="FILE", help="The file to write.")
def export_light(lighting: Path, to: str, out: Path) -> None:
    """Hand LIGHTING to another program: a lighting.json, or an equirect .exr or .hdr.

    Writes FILE; for usda also FILE_dome.exr beside it. How each program's axes lie is in docs/axes.md.

    \b
    Example:  ftb export-light light/me/lighting.json --to blender --out light.py
    """
    from ftb.export_light import export_light as export

    export(lighting, to, out)
    click.echo(f"wrote {out}")


@cli.command()
@CHECKPOINT
@click.option("--port", type=click.IntRange(1, 65535), default=7860, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 shows the page to the network.")
@DEVICE
def demo(**options: Any) -> None:
    """Serve the page: upload or take a portrait, see its light, turn it, download it.

    Writes only temporary files, deleted after an hour or with the page. Needs the extra `demo`.

    \b
    Example:  ftb demo --port 8000
    """
    from ftb.demo import DemoOptions, serve

    serve(DemoOptions(**options), click.echo)


@cli.command()
def info() -> None:
    """Tell versions, devices, renderers, weights and folders: what would be used, and why.

    Writes nothing.

    \b
    Example:  ftb info
    """
    from ftb.info import describe

    click.echo(describe())


cli.add_command(bench)
cli.add_command(export_split)
cli.add_command(evaluate)


def main() -> None:
    """Entry point of the `ftb` program."""
    # Threads of the network must sleep, not spin, while a renderer has their core: on two cores that is
    # worth a factor of three. OpenMP reads this once, when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    sys.exit(cli())
