"""`ftb export-split`: freeze a benchmark from the renderer, so that everyone is judged on the same bytes.

A shard is rendered whole by one process under a temporary name and then put in its place, so that a folder
holds finished shards only, whatever stops the program. plan.json says which split they belong to; the
manifest comes last, when all of them are there.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import ftb
from ftb import strict_toml
from ftb.checkpoint import write_atomically
from ftb.data.frozen import FrozenPart
from ftb.data.frozen_card import CARD, SHEET, contact_sheet, dataset_card
from ftb.data.frozen_manifest import (
    MANIFEST,
    PLAN,
    Manifest,
    ShardRecord,
    file_sha256,
    manifest_bytes,
    read_manifest,
    sha256_of,
)
from ftb.data.frozen_plan import PRESETS, plan_shards
from ftb.data.frozen_render import SplitJob
from ftb.data.frozen_sources import (
    ENVIRONMENT_SUFFIXES,
    SplitFiles,
    digests_in,
    environments_by_part,
    heads_by_part,
    parts_of,
)
from ftb.data.frozen_verify import rerender, verify_split
from ftb.data.frozen_write import remove_leftovers, remove_partial, render_shards, temporary
from ftb.data.stream import available_cores
from ftb.interop.hdr import read_environment_dir
from ftb.render.base import resolve_rasterizer

__all__ = ["ExportOptions", "export_split", "join_pieces", "run", "verify"]

Say = Callable[[str], None]
_VERSIONED = ("torch", "numpy", "warp-lang", "pillow", "OpenEXR", "opencv-python-headless")


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """What the command line asks for. settings: `key=value` on top of the preset; shard: (i, n), 1-based;
    workers: processes, 0 chooses."""

    preset: str = "standard"
    settings: tuple[str, ...] = ()
    heads: Path | None = None
    hdri: Path | None = None
    shard: tuple[int, int] = (1, 1)
    workers: int = 0
    device: str = "cpu"


def run(pieces: tuple[Path, ...], asked: dict[str, Any], say: Say) -> None:
    """Carry out what the command line asks for, by the names of its options: export, join or verify."""
    settings = tuple(
        f"{key}={asked[key]}" for key in ("train", "val", "test", "size", "seed") if asked[key] is not None
    )
    options = ExportOptions(
        preset=asked["preset"],
        settings=(*settings, *asked["settings"]),
        heads=asked["heads"],
        hdri=asked["hdri"],
        shard=_piece(asked["shard"]),
        workers=asked["workers"] or _share_of_cores(),
        device=asked["device"],
    )
    if asked["verify"]:
        verify(asked["verify"], options, asked["rerender"], say)
        return
    if asked["out"] is None:
        raise ValueError("--out: expected a folder to write to, or --verify DIR")
    if bool(pieces) != asked["join"]:
        raise ValueError("--join: expected folders to put together, as in --join piece1 piece2 --out all")
    if asked["join"]:
        join_pieces(asked["out"], pieces, say)
    else:
        export_split(asked["out"], options, say)


def _piece(text: str | None) -> tuple[int, int]:
    """(i, n) of "i/n"; without one, what torchrun says, or everything."""
    if text is None:
        return int(os.environ.get("RANK", "0")) + 1, int(os.environ.get("WORLD_SIZE", "1"))
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise ValueError(f"--shard: expected I/N from 1/N to N/N, such as 2/4, got {text!r}")
    return int(number), int(count)


def _share_of_cores() -> int:
    """Processes for this one where torchrun started several on a machine; 0 chooses."""
    several = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return max(1, available_cores() // several) if several > 1 else 0


def export_split(out: Path, options: ExportOptions, say: Say) -> None:
    """Render what is missing of a split, or of the piece `options.shard` of it, into `out`."""
    job = _job(options)
    plan = _plan(job)
    _start_folder(out, plan)
    piece, pieces = options.shard
    shards = plan_shards(job.config)
    mine = [shard for number, shard in enumerate(shards) if number % pieces == piece - 1]
    remove_leftovers(out, mine)
    for name in (CARD, SHEET, MANIFEST):
        remove_partial(out, name)
    missing = [shard for shard in mine if not (out / shard.name).is_file()]
    kept = len(mine) - len(missing)
    say(f"{out}: {len(mine)} shards" + (f", {kept} of them are finished already" if kept else ""))
    for done, shard in enumerate(render_shards(out, job, missing, options.workers), start=kept + 1):
        say(f"{shard.name}: {shard.count} samples ({done} of {len(mine)} shards)")
    if any(not (out / shard.name).is_file() for shard in shards):
        say(f"{out}: piece {piece} of {pieces} is finished; the last one in this folder ends the split")
        say("folders of pieces are put together with: ftb export-split --join")
        return
    _finish(out, plan)
    say(f"{out}: finished, {sum(job.config.counts.values())} samples; see {CARD}")


def _job(options: ExportOptions) -> SplitJob:
    if options.preset not in PRESETS:
        raise ValueError(f"--preset: expected one of {', '.join(PRESETS)}, got {options.preset!r}")
    if options.device not in ("cpu", "cuda"):
        raise ValueError(f"--device: expected cpu or cuda, got {options.device!r}")
    if options.device == "cuda" and not torch.cuda.is_available():
        raise ValueError("--device: no CUDA device can be used here; choose cpu")
    config = PRESETS[options.preset]
    if options.heads:
        config = dataclasses.replace(config, heads="meshes")
    config = strict_toml.apply_settings(config, options.settings) if options.settings else config
    device = torch.device(options.device)
    renderer = resolve_rasterizer(config.renderer, device).name
    config = dataclasses.replace(config, renderer=renderer)
    heads = heads_by_part(config, options.heads)
    return SplitJob(config=config, files=_files(options), heads=heads, device=options.device)


def _files(options: ExportOptions) -> SplitFiles:
    if not options.hdri:
        return SplitFiles(heads=options.heads)
    return SplitFiles(
        heads=options.heads,
        environments=read_environment_dir(options.hdri),
        environment_digests=digests_in(options.hdri, ENVIRONMENT_SUFFIXES),
    )


def _plan(job: SplitJob) -> Manifest:
    config = job.config
    for part in parts_of(config):
        if job.heads and not job.heads.get(part):
            raise ValueError(f"heads: none is left for {part}; bring more heads, or set its count to 0")
    versions = {name: importlib.metadata.version(name) for name in _VERSIONED}
    return Manifest(
        config=config,
        generator={"ftb": ftb.__version__, "device": job.device, **versions},
        heads=job.heads,
        environments=environments_by_part(config, job.files),
    )


def _start_folder(out: Path, plan: Manifest) -> None:
    """Make the folder, or make sure that what it holds belongs to the same split."""
    for name in (MANIFEST, PLAN):
        if (out / name).is_file():
            _expect_same_split(out, dataclasses.replace(read_manifest(out / name), shards=(), files={}), plan)
            return
    foreign = out.is_dir() and any(not path.name.startswith(".") for path in out.iterdir())
    if (out / PLAN).is_file():  # another process began it meanwhile
        _start_folder(out, plan)
        return
    if foreign:
        raise ValueError(f"{out}: holds other files; choose a new folder, or the one to go on with")
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / PLAN, manifest_bytes(plan))


def _expect_same_split(folder: Path, held: Manifest, wanted: Manifest) -> None:
    if held == wanted:
        return
    before, now = strict_toml.flatten(held.config), strict_toml.flatten(wanted.config)
    changes = [f"{key} was {before[key]!r}, now {now[key]!r}" for key in before if before[key] != now[key]]
    if not changes and held.generator != wanted.generator:
        changes = [
            f"{name} was {held.generator.get(name)}, now {version}"
            for name, version in wanted.generator.items()
            if held.generator.get(name) != version
        ]
    reason = ", ".join(changes) or "its heads or environments are other files"
    raise ValueError(f"{folder}: holds another split: {reason}; choose another folder")


def _finish(out: Path, plan: Manifest) -> None:
    """Card, contact sheet and, last, the manifest."""
    shards = tuple(
        ShardRecord(
            name=shard.name,
            bytes=(out / shard.name).stat().st_size,
            sha256=file_sha256(out / shard.name),
        )
        for shard in plan_shards(plan.config)
    )
    finished = dataclasses.replace(plan, shards=shards)
    shown = FrozenPart(out, finished, parts_of(plan.config)[-1])
    extra = {CARD: dataset_card(finished), SHEET: contact_sheet(shown)}
    finished = dataclasses.replace(finished, files={name: sha256_of(text) for name, text in extra.items()})
    for name, content in extra.items():
        write_atomically(out / name, content)
    write_atomically(out / MANIFEST, manifest_bytes(finished))
    (out / PLAN).unlink(missing_ok=True)
    remove_partial(out, PLAN)


def join_pieces(out: Path, pieces: tuple[Path, ...], say: Say) -> None:
    """Put the shards of several folders of one split together in `out`, and finish it."""
    plans = [_plan_in(piece) for piece in pieces]
    for piece, plan in zip(pieces, plans, strict=True):
        _expect_same_split(piece, plan, plans[0])
    _start_folder(out, plans[0])
    for shard in plan_shards(plans[0].config):
        found = [piece / shard.name for piece in (out, *pieces) if (piece / shard.name).is_file()]
        if not found:
            raise ValueError(f"{out}: {shard.name} is in none of the folders; make its piece first")
        if len({file_sha256(path) for path in found}) > 1:
            raise ValueError(f"{shard.name}: differs between {found[0].parent} and {found[-1].parent}")
        if found[0].parent != out:
            _copy(found[0], temporary(out, shard.name), out / shard.name)
    _finish(out, plans[0])
    say(f"{out}: finished, {sum(plans[0].config.counts.values())} samples; see {CARD}")


def _plan_in(folder: Path) -> Manifest:
    path = folder / MANIFEST if (folder / MANIFEST).is_file() else folder / PLAN
    return dataclasses.replace(read_manifest(path), shards=(), files={})


def _copy(source: Path, partial: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, partial)
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OSError(f"{target}: could not be written: {error.strerror or error}") from error


def verify(directory: Path, options: ExportOptions, again: bool, say: Say) -> None:
    """Check every byte of a split against its manifest; if `again`, also render samples again."""
    report = verify_split(directory)
    if report.problems:
        raise ValueError(f"{directory}: {'; '.join(report.problems)}")
    say(f"{directory}: {report.files} files are as the manifest says")
    if not again:
        return
    plan, files = _plan_in(directory), _files(options)
    job = SplitJob(config=plan.config, files=files, heads=plan.heads, device=options.device)
    if environments_by_part(plan.config, files) != plan.environments:
        raise ValueError(f"--hdri: expected the environments that {directory} was made from")
    if heads_by_part(plan.config, options.heads) != plan.heads:
        raise ValueError(f"--heads: expected the heads that {directory} was made from")
    say(f"{directory}: {rerender(directory, job).describe()}")
