"""Published baselines: small files of theirs, and tables that follow from them."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from ftb.evaluation.tables import report_of
from ftb.metrics.three_balls import MATERIALS

FOLDER = Path(__file__).resolve().parent.parent / "experiments" / "baselines"
LARGEST_FILE = 200_000


def _publish() -> ModuleType:
    spec = importlib.util.spec_from_file_location("publish", FOLDER / "publish.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _report(count: int, candidates: int) -> dict[str, Any]:
    """As metrics.json, of numbers without meaning, with every group that there can be."""
    draws = np.random.default_rng(2)
    kinds = ["studio", "outdoor", "flash", "window", "night", "overcast"]
    rows: list[dict[str, str | float]] = [
        {
            "sample": place,
            "head": f"test-{place // 8:06d}",
            "tone": 1.0 + place % 10,
            "kind": kinds[place % 6],
            "directionality": float(draws.uniform(0.0, 1.0)),
            "off_axis_deg": float(draws.uniform(0.0, 180.0)),
        }
        for place in range(count)
    ]
    balls = ("psnr", "ssim", "ms_ssim", "rmse", "si_rmse", "n_rmse", "chroma_angle")
    theirs = ("rmse", "si_rmse", "angular", "n_rmse")
    names = [
        *("ball_rmse", "brightness_bias", "direction_error_deg", "direction_error_any_deg"),
        *("irradiance_error", "expected_error_deg", "normal_error_deg"),
        *(f"{ball}.{metric}" for ball in MATERIALS for metric in balls),
        *(f"stylelight.{ball}.{metric}" for ball in MATERIALS for metric in theirs),
    ]
    measured = {
        f"candidate-{place}": {name: draws.uniform(0.0, 1.0, count) for name in names}
        for place in range(candidates)
    }
    split = {"manifest_sha256": "ab" * 32, "part": "test", "size": 256, "ball_size": 192}
    judged = {name: {"kind": "network", "sha256": "0" * 64} for name in measured}
    return {"ftb": "0", "judged": judged, "split": split | report_of(rows, measured)}


def test_what_is_kept_is_small_and_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish, report = _publish(), _report(160, 5)
    (tmp_path / "README.md").write_text((FOLDER / "README.md").read_text())
    (tmp_path / "metrics.json").write_text(json.dumps(report))
    words = ["publish.py", f"standard={tmp_path / 'metrics.json'}", "--folder", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", words)
    publish.main()
    kept = tmp_path / "standard.json"
    assert kept.stat().st_size < LARGEST_FILE
    found = json.loads(kept.read_text())["split"]["candidates"]["candidate-3"]
    wanted = report["split"]["candidates"]["candidate-3"]
    assert found["all"]["silver.psnr"]["mean"] == pytest.approx(
        wanted["all"]["silver.psnr"]["mean"], rel=1e-5
    )
    assert set(wanted["by"]) - set(found["by"]) == {"head"}
    text = (tmp_path / "README.md").read_text()
    (row,) = (line for line in text.splitlines() if line.startswith("| candidate-3 |"))
    assert f"| {wanted['all']['mirror.si_rmse']['mean']:.3f} |" in row
    monkeypatch.setattr(sys, "argv", ["publish.py", "--folder", str(tmp_path)])
    publish.main()
    assert (tmp_path / "README.md").read_text() == text


def test_tables_follow_from_what_is_published() -> None:
    publish = _publish()
    files = {preset: FOLDER / f"{preset}.json" for preset in publish.PRESETS}
    files = {preset: path for preset, path in files.items() if path.is_file()}
    assert all(path.stat().st_size < LARGEST_FILE for path in files.values())
    reports = {preset: json.loads(path.read_text()) for preset, path in files.items()}
    text = (FOLDER / "README.md").read_text()
    assert publish.with_tables(text, reports) == text
