"""The command that freezes a split: the same bytes on every way there, and nothing half done."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
import torch
import webdataset
from click.testing import CliRunner
from PIL import Image

from ftb.cli import cli
from ftb.data import frozen_write
from ftb.data.frozen import FrozenSplit
from ftb.data.frozen_card import READING
from ftb.data.frozen_manifest import read_manifest
from ftb.data.frozen_plan import PRESETS, plan_shards
from ftb.data.frozen_sample import KINDS, decode_about
from ftb.data.frozen_tar import write_end, write_member
from ftb.export_split import ExportOptions, export_split, join_pieces, verify
from ftb.interop.hdr import write_environment
from tests.data.splits import content_of, copied, options, quiet, tiny_split


def test_presets_are_what_is_promised() -> None:
    seed, standard = PRESETS["seed-1600"], PRESETS["standard"]
    assert (seed.train, seed.val, seed.test, seed.heads) == (1200, 200, 200, "frozen")
    assert len(plan_shards(seed)) == 16  # one for each head, of 100 conditions
    assert (standard.train, standard.val, standard.test, standard.size) == (10_000, 1_000, 2_000, 256)
    for config in (seed, standard):
        for part, count in config.counts.items():
            shards = [shard for shard in plan_shards(config) if shard.part == part]
            covered = [i for shard in shards for i in range(shard.first, shard.first + shard.count)]
            assert covered == list(range(count))


def test_processes_give_the_same_bytes(tmp_path: Path) -> None:
    export_split(tmp_path / "two", options(workers=2), quiet)
    assert content_of(tmp_path / "two") == content_of(tiny_split())


def test_pieces_joined_give_the_same_bytes(tmp_path: Path) -> None:
    pieces = (tmp_path / "1", tmp_path / "2", tmp_path / "3")
    for number, piece in enumerate(pieces, start=1):
        export_split(piece, replace(options(), shard=(number, 3)), quiet)
        assert not (piece / "manifest.json").exists()
    with pytest.raises(ValueError, match="in none of the folders"):
        join_pieces(tmp_path / "half", pieces[:2], quiet)
    join_pieces(tmp_path / "all", pieces, quiet)
    assert content_of(tmp_path / "all") == content_of(tiny_split())


def test_finished_shards_are_kept_and_unfinished_ones_vanish(tmp_path: Path) -> None:
    whole, out = tiny_split(), tmp_path / "out"
    export_split(out, replace(options(), shard=(1, 2)), quiet)
    for name in ("train-000001.tar.1a2b3c4d", "manifest.json.7", "README.md.7", "plan.json.7"):
        (out / f".{name}.tmp").write_bytes(b"half")
    kept = (out / "train-000000.tar").stat().st_mtime_ns
    export_split(out, options(), quiet)
    assert (out / "train-000000.tar").stat().st_mtime_ns == kept
    assert content_of(out) == content_of(whole)


def test_killed_and_started_again(tmp_path: Path) -> None:
    out = tmp_path / "out"
    settings = [argument for setting in options().settings for argument in ("--set", setting)]
    command = [sys.executable, "-m", "ftb", "export-split", "--preset", "seed-1600", "--workers", "1"]
    running = subprocess.Popen([*command, "--out", str(out), *settings], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60.0
    while not list(out.glob("*.tar")) and time.monotonic() < deadline and running.poll() is None:
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    running.wait()
    export_split(out, options(), quiet)
    assert content_of(out) == content_of(tiny_split())


def test_a_full_disk_is_one_line_and_can_be_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    written: list[str] = []

    def full(file: io.BufferedWriter, name: str, content: bytes) -> None:
        written.append(name)
        if len(written) > 70:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_member(file, name, content)

    with monkeypatch.context() as patch:
        patch.setattr(frozen_write, "write_member", full)
        with pytest.raises(OSError, match=r"No space left.*finished shards are kept: run the same"):
            export_split(out, options(), quiet)
    assert sorted(path.name for path in out.iterdir()) == ["plan.json", "train-000000.tar"]
    export_split(out, options(), quiet)
    assert content_of(out) == content_of(tiny_split())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (options("seed=1"), "seed was 0, now 1"),
        (options("val=4"), "val was 2, now 4"),
    ],
)
def test_another_split_is_not_written_over(changed: ExportOptions, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        export_split(tiny_split(), changed, quiet)


def test_foreign_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match="holds other files"):
        export_split(tmp_path, options(), quiet)


def test_parts_share_no_head(tmp_path: Path) -> None:
    split = FrozenSplit(tiny_split())
    seen, seeds = {}, []
    for part in ("train", "val", "test"):
        reader = split.part(part)
        abouts = [decode_about(reader.files(i, ("json",))["json"]) for i in range(len(reader))]
        seen[part] = {about["head"]["id"] for about in abouts}
        seeds += [about["seeds"][stream] for about in abouts for stream in ("camera", "light", "capture")]
        assert {f"{name}.npz" for name in seen[part]} <= set(split.manifest.heads[part])
    assert not seen["test"] & (seen["train"] | seen["val"])
    assert not seen["train"] & seen["val"]
    assert len(set(seeds)) == 3 * (6 + 2 + 5)


def test_environments_are_held_out_and_written_down(tmp_path: Path) -> None:
    hdri = tmp_path / "hdri"
    hdri.mkdir()
    for number in range(4):
        level = torch.full((16, 32, 3), 0.5 + number)
        write_environment(hdri / f"{number}.exr", level)
    chosen = replace(options("train=2", "val=2", "test=2"), hdri=hdri)
    export_split(tmp_path / "out", chosen, quiet)
    held = read_manifest(tmp_path / "out" / "manifest.json").environments
    names = [name for files in held.values() for name in files]
    assert sorted(names) == sorted(set(names)) == [f"{number}.exr" for number in range(4)]
    assert all(held[part] for part in ("train", "val", "test"))
    verify(tmp_path / "out", ExportOptions(hdri=hdri), True, quiet)
    with pytest.raises(ValueError, match="expected the environments"):
        verify(tmp_path / "out", ExportOptions(), True, quiet)


def test_rendered_again_it_is_identical() -> None:
    said: list[str] = []
    verify(tiny_split(), ExportOptions(), True, said.append)
    assert "identical to the bit" in said[-1]


def test_rendering_that_changed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from ftb.data import frozen_render

    before = frozen_render.render_balls
    monkeypatch.setattr(frozen_render, "render_balls", lambda *arguments: 1.02 * before(*arguments))
    with pytest.raises(ValueError, match=r"ball_.*: rendered again it differs by [\d.]+/255"):
        verify(tiny_split(), ExportOptions(), True, quiet)
    monkeypatch.setattr(frozen_render, "render_balls", lambda *arguments: 1.001 * before(*arguments))
    said: list[str] = []
    verify(tiny_split(), ExportOptions(), True, said.append)
    assert "another kind of processor" in said[-1]


def test_verify_finds_every_kind_of_damage(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    whole = content_of(folder)
    generator = np.random.default_rng(0)
    for name, content in whole.items():
        damaged = bytearray(content)
        damaged[int(generator.integers(len(content)))] ^= 1 << int(generator.integers(8))
        (folder / name).write_bytes(damaged)
        with pytest.raises(ValueError, match=name.replace(".", r"\.")):
            verify(folder, ExportOptions(), False, quiet)
        (folder / name).write_bytes(content)
    (folder / "test-000000.tar").unlink()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"notes\.txt is no part of this split") as caught:
        verify(folder, ExportOptions(), False, quiet)
    assert "test-000000.tar is missing" in str(caught.value)


def test_plain_webdataset_reads_it_as_the_card_says(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny_split()
    card = (folder / "README.md").read_text()
    program = card.split("```python\n")[1].split("```")[0]
    assert program.count("\n") == READING.count("\n") == 5
    monkeypatch.chdir(folder)
    found: dict[str, object] = {}
    exec(program, found)
    part = FrozenSplit(folder).part("test")
    last = part.files(len(part) - 1)
    np.testing.assert_array_equal(
        np.asarray(found["photo"]), np.asarray(Image.open(io.BytesIO(last["face.png"])))
    )
    ball = OpenEXR.File(io.BytesIO(last["ball_gray.exr"])).channels()["RGB"].pixels
    np.testing.assert_array_equal(found["ball"], ball)
    samples = list(webdataset.WebDataset(str(folder / "train-{000000..000001}.tar"), shardshuffle=False))
    assert len(samples) == 6
    assert set(KINDS) <= set(samples[0])


def test_shards_are_readable_by_anyone(tmp_path: Path) -> None:
    import tarfile

    with tarfile.open(tiny_split() / "test-000001.tar") as shard:
        members = shard.getmembers()
    assert [member.name for member in members] == [f"test-000004.{kind}" for kind in KINDS]
    assert {(member.mtime, member.uid, member.mode, member.uname) for member in members} == {
        (0, 0, 0o644, "")
    }


@pytest.mark.parametrize("name", ["../evil.png", "/evil.png", "a/b.png", "..", "a\\b.png"])
def test_members_that_lead_elsewhere_are_refused(name: str, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    path = folder / "test-000000.tar"
    size = path.stat().st_size
    with path.open("wb") as file:
        write_member(file, name, b"x" * (size - 1536 - 511))
        write_end(file)
    path.write_bytes(path.read_bytes().ljust(size, b"\0"))
    with pytest.raises(ValueError, match=r"test-000000\.tar: refused the member"):
        FrozenSplit(folder).part("test").files(0)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["split"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "x", "--shard", "5/4"], "--shard: expected I/N"),
        (["--out", "x", "--size", "100"], "size: expected a multiple of 16"),
        (["--out", "x", "--train", "0", "--val", "0", "--test", "0"], "at least one sample"),
        (["--out", "x", "--set", "trian=3"], 'nearest known one is "train"'),
        (["--out", "x", "--hdri", "nowhere"], "nowhere"),
        (["--out", "x", "--heads", "nowhere"], "nowhere"),
        (["--out", "x", "--device", "tpu"], "--device: expected cpu or cuda"),
        (["--out", "x", "--join"], "--join: expected folders"),
        (["piece", "--out", "x"], "--join: expected folders"),
        (["--join", "piece", "--out", "x"], "piece/plan.json: no such file"),
        (["--verify", "nowhere"], "nowhere: no such folder"),
        ([], "--out: expected a folder"),
    ],
)
def test_user_errors_are_one_line_and_write_nothing(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["export-split", *arguments])
    assert done.exit_code == 2, done.output
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_under_torchrun_every_rank_makes_its_piece_and_the_last_one_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = [word for setting in options().settings for word in ("--set", setting)]
    words = [
        "export-split",
        "--preset",
        "seed-1600",
        "--workers",
        "1",
        "--out",
        str(tmp_path / "out"),
        *settings,
    ]
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank in ("1", "0"):
        monkeypatch.setenv("RANK", rank)
        done = CliRunner().invoke(cli, words)
        assert done.exit_code == 0, done.output
        assert (tmp_path / "out" / "manifest.json").exists() == (rank == "0")
    assert content_of(tmp_path / "out") == content_of(tiny_split())


def test_what_fails_while_rendering_is_not_blamed_on_the_shard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> Iterator[object]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/somewhere/kernels")

    monkeypatch.setattr(frozen_write.SplitRenderer, "samples", full)
    with pytest.raises(OSError, match=r"^\[Errno 28\] No space left on device: '/somewhere/kernels'$"):
        export_split(tmp_path / "out", options(), quiet)
