"""What a split writes down about its heads, and folders that several processes fill."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ftb import export_split as export_split_module
from ftb.data.frozen import FrozenSplit
from ftb.data.frozen_sample import decode_about
from ftb.export_split import ExportOptions, export_split, verify
from tests.data.splits import options, quiet


def test_a_drawn_head_is_written_down_in_full(tmp_path: Path) -> None:
    drawn = options("heads=procedural", "train=0", "val=0", "test=2")
    export_split(tmp_path / "out", drawn, quiet)
    part = FrozenSplit(tmp_path / "out").part("test")
    head = decode_about(part.files(0, ("json",))["json"])["head"]
    parameters = head["parameters"]
    assert set(parameters) == {"identity", "expression", "look"}
    assert parameters["look"]["skin"]["tone"] == pytest.approx(head["tone"], rel=1e-4)
    assert len(parameters["identity"]["sliders"]) > 50
    assert sum(parameters["identity"]["ancestry"].values()) == pytest.approx(1.0, abs=1e-4)
    verify(tmp_path / "out", ExportOptions(), True, quiet)


def test_a_second_process_may_begin_the_folder_at_the_same_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, plan = tmp_path / "out", (tmp_path / "first" / "plan.json")
    export_split(plan.parent, replace(options(), shard=(1, 9)), quiet)
    before = Path.is_dir

    def meanwhile(path: Path) -> bool:
        if path == out and not out.exists():
            out.mkdir()
            (out / "plan.json").write_bytes(plan.read_bytes())
        return before(path)

    monkeypatch.setattr(Path, "is_dir", meanwhile)
    export_split(out, replace(options(), shard=(9, 9)), quiet)
    assert (out / "plan.json").read_bytes() == plan.read_bytes()


def test_processes_of_one_machine_share_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_split_module, "available_cores", lambda: 8)
    assert export_split_module._share_of_cores() == 0
    for several, share in (("2", 4), ("3", 2), ("16", 1)):
        monkeypatch.setenv("LOCAL_WORLD_SIZE", several)
        assert export_split_module._share_of_cores() == share
