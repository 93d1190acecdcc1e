"""The notebook under experiments/ runs from its first cell to its last."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tiny import tiny_checkpoint

NOTEBOOK = Path(__file__).resolve().parent.parent / "experiments" / "notebook" / "portrait.ipynb"


def test_every_cell_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTB_CHECKPOINT", str(tiny_checkpoint(tmp_path)))
    monkeypatch.chdir(tmp_path)
    cells = [
        cell
        for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "code"
    ]
    names: dict[str, object] = {}
    for number, cell in enumerate(cells):
        assert cell["outputs"] == []  # kept clean, so that differences are readable
        exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
    assert (tmp_path / "both.json").is_file()
