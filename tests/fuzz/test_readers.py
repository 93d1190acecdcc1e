"""A few hundred damaged files of every kind; thousands by hand: `python -m tests.fuzz.mutants`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.mutants import MAKERS, READERS, misbehaviour, mutant


@pytest.mark.parametrize("suffix", list(MAKERS))
def test_damaged_files_are_read_or_refused(
    suffix: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    problems = {}
    for seed in range(30):
        path = mutant(suffix, seed, tmp_path)
        problems[path.name] = misbehaviour(path)
    assert {name: problem for name, problem in problems.items() if problem} == {}
    # the decoders' libraries are silent too
    printed = capfd.readouterr()
    assert printed.out == printed.err == ""


@pytest.mark.parametrize(("suffix", "seed"), [(".tif", 104913)])
def test_what_once_broke_a_reader(suffix: str, seed: int, tmp_path: Path) -> None:
    assert misbehaviour(mutant(suffix, seed, tmp_path)) is None


@pytest.mark.parametrize("suffix", list(MAKERS))
def test_undamaged_files_are_read(suffix: str, tmp_path: Path) -> None:
    MAKERS[suffix](tmp_path / f"a{suffix}", 0)
    assert READERS[suffix](tmp_path / f"a{suffix}") is not None


def test_misbehaviour_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = mutant(".json", 0, tmp_path)
    for fault, seen in ((KeyError("x"), "KeyError"), (ValueError("no name"), "unclear message")):

        def fails(path: Path, fault: Exception = fault) -> None:
            raise fault

        monkeypatch.setitem(READERS, ".json", fails)
        assert seen in str(misbehaviour(path))
