"""The machinery of experiments/: what is planned, carried out, judged settled, and written down."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.stats import ttest_ind

from experiments import study, study_train, table
from experiments.study_judge import NEW, SEEN, Benchmark
from experiments.study_pictures import MOST_BYTES, write_curves, write_small
from experiments.study_plan import Run, Study, Variant, plan_run, read_study
from experiments.verdicts import compare
from ftb.config import load_config

HERE = Path(study.__file__).resolve().parent
STUDIES = sorted(path.parent for path in HERE.glob("*/study.toml"))
every_study = pytest.mark.parametrize("folder", STUDIES, ids=lambda path: path.name)


def test_all_eight_are_there():
    assert [folder.name[0] for folder in STUDIES] == list("12345678")


@every_study
def test_a_study_has_one_line_a_page_and_the_common_base(folder: Path):
    assert (folder / "config.toml").read_text() == (STUDIES[0] / "config.toml").read_text()
    line = f'exec sh "$(dirname "$0")/../study.sh" experiments/{folder.name} "$@"\n'
    assert (folder / "run.sh").read_text() == line
    assert (folder / "README.md").read_text(encoding="utf-8").startswith(f"# {folder.name[0]} · ")


@every_study
def test_variants_are_configurations_and_all_different(folder: Path):
    asked = read_study(folder)
    runs = [plan_run(folder, variant, seed) for variant in asked.variants for seed in range(2)]
    assert len({run.folder for run in runs}) == len(runs)
    budgets = {run.config.train.steps * run.config.stream.batch_size for run in runs}
    assert budgets == {6_000}
    # captions stand over tiles of the grid
    assert max(len(variant.name) for variant in asked.variants) <= 12


def test_studies_share_the_runs_they_have_in_common():
    plans = [
        plan_run(folder, read_study(folder).variants[0], 0).folder for folder in (STUDIES[0], STUDIES[5])
    ]
    assert plans[0] == plans[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('reference = "b"', "reference: expected one of a, got 'b'"),
        ('reference = "a"\nseeds = 0', "seeds: expected 1 or more"),
        ('reference = "a"\nseed = 1', 'unknown key "seed"'),
    ],
)
def test_what_a_study_cannot_be_is_named(tmp_path: Path, text: str, message: str):
    (tmp_path / "study.toml").write_text(f'question = "?"\n{text}\n[[variants]]\nname = "a"\n')
    with pytest.raises(ValueError, match=message):
        read_study(tmp_path)


def fake_run(folder: Path) -> Run:
    return Run(variant=Variant(name="a"), seed=0, config=load_config(None), folder=folder)


def test_a_run_is_started_then_resumed_then_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    calls: list[tuple[str, ...]] = []
    monkeypatch.setattr(study_train, "call", lambda words, output: calls.append(words))
    run = fake_run(tmp_path / "run")
    study_train.carry_out(run, print)
    assert "--online-render" in calls[0]
    assert load_config(calls[0][calls[0].index("--config") + 1]) == run.config
    (run.folder / "last.safetensors").write_bytes(b"")
    study_train.carry_out(run, print)
    assert "--resume" in calls[1]
    for name in ("metrics.json", "model.safetensors"):
        (run.folder / name).write_bytes(b"")
    study_train.carry_out(run, print)
    assert len(calls) == 2
    assert not (run.folder / "last.safetensors").exists()


def test_the_common_test_is_rendered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    calls: list[tuple[str, ...]] = []
    monkeypatch.setattr(study_train, "call", lambda words, output: calls.append(words))
    monkeypatch.chdir(tmp_path)
    folder = study_train.standard_test(print)
    assert calls[0][calls[0].index("--out") + 1] == str(folder)
    assert " ".join(calls[0]).endswith("--preset standard --train 0 --val 0")
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    assert study_train.standard_test(print) == folder
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("lacks", "code", "said"),
    [("torch scipy", 2, "lacks torch scipy: "), ("", 0, "-m experiments.study experiments/x --seeds 1")],
)
def test_the_one_line_says_what_to_install_before_it_starts(tmp_path: Path, lacks: str, code: int, said: str):
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\n[ "$1" = -c ] && echo "{lacks}" || echo "$@"\n')
    python.chmod(0o755)
    words = ("sh", str(HERE / "study.sh"), "experiments/x", "--seeds", "1")
    environment = {**os.environ, "PYTHON": str(python)}
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert done.returncode == code
    assert said in (done.stderr if code else done.stdout)


def test_a_failing_program_is_told_by_its_last_line(tmp_path: Path):
    words = (sys.executable, "-c", "print('one'); raise SystemExit('the reason')")
    with (
        study_train.claimed(tmp_path / "log", print) as output,
        pytest.raises(RuntimeError, match="exit code 1: the reason"),
    ):
        study_train.call(words, output)


def test_a_run_is_claimed_as_long_as_its_program_lives(tmp_path: Path):
    """Even where the study that started it was killed: the lock is the program's too."""
    log = tmp_path / "log"
    with study_train.claimed(log, print) as output:
        program = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=output)
    with log.open("a") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    program.communicate(b"\n")
    with study_train.claimed(log, print):
        pass


class FakeJudge:
    """Direction errors by choice and seed, without a network."""

    about: dict[str, Any] = {"samples": 1}  # noqa: RUF012
    errors: dict[str, tuple[float, ...]] = {}  # noqa: RUF012

    def judged(self, run: Run, gap: bool) -> dict[str, Any]:
        error = self.errors[run.variant.name][run.seed]
        return {
            "test": {"direction_error_deg": error, "ball_rmse": error / 100.0},
            "curve": {},
            "photos": None,
        }

    def baseline(self, config: Any) -> dict[str, float]:
        return {"direction_error_deg": 60.0}


def carried_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    errors: dict[str, tuple[float, ...]],
    seeds: int = 0,
    least: int = 1,
) -> Any:
    (tmp_path / "config.toml").write_text((STUDIES[0] / "config.toml").read_text())
    monkeypatch.chdir(tmp_path)

    def train(run: Run, say: Any) -> None:
        if run.variant.name == "broken":
            raise RuntimeError("exit code 2: no such thing")
        run.folder.mkdir(parents=True, exist_ok=True)
        (run.folder / "metrics.json").write_text('{"train": {}}')

    monkeypatch.setattr(study, "carry_out", train)
    judge = FakeJudge()
    judge.errors = errors
    variants = tuple(
        Variant(name=name, settings=(f"train.warmup_steps={k}",)) for k, name in enumerate(errors)
    )
    out = tmp_path / "out"
    out.mkdir()
    asked = study.Asked(folder=tmp_path, out=out, test=Benchmark(data=tmp_path), seeds=seeds)
    plan = Study(question="?", reference="a", variants=variants, least_seeds=least)
    progress = study.carry_out_study(asked, plan, judge)
    return progress, json.loads((out / "metrics.json").read_text())


def test_only_differences_within_the_noise_get_more_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    errors = {"a": (20.0, 21.0, 19.5), "far": (35.0, 0.0, 0.0), "near": (20.5, 19.9, 20.1), "broken": ()}
    progress, metrics = carried_out(tmp_path, monkeypatch, errors)
    assert {name: len(runs) for name, runs in progress.runs.items()} == {
        "a": 3,
        "far": 1,
        "near": 3,
        "broken": 0,
    }
    assert progress.failed == {"broken": "exit code 2: no such thing"}
    assert metrics["variants"]["broken"]["failed"] == "exit code 2: no such thing"
    rows = table.table(tmp_path).splitlines()[2:]
    assert [row.split("|")[5].strip() for row in rows] == [
        "reference",
        "worse (+14.8°)",
        "not settled (+0.0°)",
        "",
    ]
    assert "20.2° ± 0.8°" in rows[0]
    assert "failed" in rows[3]


def test_fewer_seeds_are_fewer_of_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    progress, _ = carried_out(tmp_path, monkeypatch, {"a": (20.0, 21.0), "near": (20.5, 19.9)}, seeds=1)
    assert {name: len(runs) for name, runs in progress.runs.items()} == {"a": 1, "near": 1}


def test_a_study_may_ask_for_seeds_whatever_the_noise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    errors = {"a": (20.0, 21.0, 19.5), "far": (35.0, 36.0, 0.0)}
    progress, _ = carried_out(tmp_path, monkeypatch, errors, least=2)
    assert {name: len(runs) for name, runs in progress.runs.items()} == {"a": 3, "far": 2}


def test_settled_is_what_students_test_calls_significant():
    draws = np.random.default_rng(5)
    settled = 0
    for _ in range(60):
        values = {"a": list(draws.normal(0.0, 1.0, 3)), "b": list(draws.normal(1.5, 1.0, 3))}
        verdict = compare(values, "a", "b")
        assert verdict.settled == (ttest_ind(values["a"], values["b"]).pvalue < 0.05)
        settled += verdict.settled
    assert 5 < settled < 55


def test_one_seed_of_each_settles_nothing():
    assert not compare({"a": [1.0], "b": [100.0]}, "a", "b").settled


def test_the_table_is_that_of_the_metrics():
    page = (HERE / "README.md").read_text(encoding="utf-8")
    assert table.updated(page, table.table(HERE)) == page


def test_a_page_without_marks_is_named():
    with pytest.raises(ValueError, match="expected the marks"):
        table.updated("# Experiments\n", "")


def test_pictures_stay_small(tmp_path: Path):
    noise_u8 = np.random.default_rng(0).integers(0, 256, (400, 700, 3), dtype=np.uint8)
    write_small(tmp_path / "noise.png", noise_u8)
    assert (tmp_path / "noise.png").stat().st_size <= MOST_BYTES
    assert Image.open(tmp_path / "noise.png").size[0] > 200


def test_curves_are_drawn_where_points_are_shared(tmp_path: Path):
    pytest.importorskip("matplotlib", reason="pip install 'face-to-ball[experiments]'")
    point = {"direction_error_deg": 20.0, "ball_rmse": 0.1}
    curve = {NEW: [{"samples": s, **point} for s in (100, 200)], SEEN: [{"samples": 200, **point}]}
    write_curves(tmp_path / "c.png", {"a": [{"curve": curve}, {"curve": curve}]}, {"a": [np.ones((3, 2))]})
    assert Image.open(tmp_path / "c.png").size[0] > 600
