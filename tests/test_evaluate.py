"""The command that judges: the same numbers every time, reports that stand alone, one line for bad input."""

from __future__ import annotations

import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from ftb.checkpoint import Checkpoint, save_checkpoint
from ftb.cli import cli
from ftb.config import load_config
from ftb.data.frozen import FrozenSplit
from ftb.evaluation.cases import measure_case, read_truth
from ftb.export_split import export_split
from ftb.metrics.three_balls import MATERIALS
from ftb.nets.base import build_network
from ftb.render.ball import render_ball
from ftb.types import Prediction
from tests.data.splits import options, quiet, tiny_split
from tests.fake_stream import TINY


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = load_config(None, TINY)
    weights = build_network(config.net).state_dict()
    path = tmp_path_factory.mktemp("run") / "model.safetensors"
    save_checkpoint(path, Checkpoint(config=config, step=1, groups={"ema": weights}))
    return path


def _evaluate(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["evaluate", *map(str, arguments)])


def _numbers(node: Any, prefix: str = "") -> dict[str, float]:
    if isinstance(node, dict):
        items = node.items()
    elif isinstance(node, list):
        items = enumerate(node)
    else:
        return {prefix: node} if isinstance(node, int | float) else {}
    return {name: value for key, item in items for name, value in _numbers(item, f"{prefix}/{key}").items()}


def test_a_report_has_every_metric_and_group(checkpoint: Path, tmp_path: Path) -> None:
    done = _evaluate("--data", tiny_split(), "--checkpoint", checkpoint, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "metrics.json").read_text())
    (name,) = report["judged"]
    one = report["split"]["candidates"][name]
    for material in MATERIALS:
        for metric in ("psnr", "ssim", "rmse", "si_rmse", "n_rmse", "chroma_angle"):
            assert one["all"][f"{material}.{metric}"]["samples"] == 5
        for metric in ("rmse", "si_rmse", "angular", "n_rmse"):
            assert one["all"][f"stylelight.{material}.{metric}"]["samples"] == 5
    assert {"ball_rmse", "irradiance_error", "normal_error_deg", "expected_error_deg"} <= set(one["all"])
    assert set(one["by"]) == {"light_kind", "tone", "directionality", "off_axis_deg", "head"}
    for groups in one["by"].values():
        assert sum(group["ball_rmse"]["samples"] for group in groups.values()) == 5
        mean = sum(g["ball_rmse"]["mean"] * g["ball_rmse"]["samples"] for g in groups.values()) / 5
        assert mean == pytest.approx(one["all"]["ball_rmse"]["mean"])
    assert "calibration" in one
    assert set(one["fairness"]) == set(one["by"]["tone"])
    text = (tmp_path / "report.md").read_text()
    for phrase in ("not comparable with published tables", "does skin tone matter", "rank correlation"):
        assert phrase in text


def test_processes_and_runs_give_the_same_digits(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftb.evaluation import run

    monkeypatch.setattr(run, "_SAMPLES_PER_PROCESS", 1)
    texts = []
    for workers in ("1", "1", "2"):
        path = tmp_path / f"{len(texts)}.json"
        words = ("--data", tiny_split(), "--checkpoint", checkpoint, "--batch", "2", "--workers", workers)
        assert _evaluate(*words, "--json", path).exit_code == 0
        texts.append(path.read_text())
    assert texts[0] == texts[1] == texts[2]


def test_batches_change_the_last_digits_at_most(checkpoint: Path, tmp_path: Path) -> None:
    found = []
    for batch in ("1", "5"):
        path = tmp_path / f"{batch}.json"
        words = ("--data", tiny_split(), "--checkpoint", checkpoint, "--baseline", "normals-fit")
        assert _evaluate(*words, "--batch", batch, "--json", path).exit_code == 0
        found.append(_numbers(json.loads(path.read_text())))
    assert set(found[0]) == set(found[1])
    for name, value in found[0].items():
        assert found[1][name] == pytest.approx(value, rel=1e-4, abs=1e-4), name


def test_the_truth_itself_is_without_error() -> None:
    truth = read_truth(FrozenSplit(tiny_split()).part("test"), range(5))
    lighting = truth.lighting
    balls = render_ball(lighting, "gray", 32)
    perfect = Prediction(lighting=lighting, ball_linear=balls, normals=truth.faces.normals)
    values = measure_case(perfect, truth)
    assert np.abs(values["direction_error_any_deg"]).max() < 1e-4
    assert np.abs(values["irradiance_error"]).max() < 1e-6
    assert np.abs(values["ball_rmse"]).max() < 1e-6
    assert np.abs(values["brightness_bias"]).max() < 1e-6
    assert np.abs(values["normal_error_deg"]).max() < 0.1
    for material in MATERIALS:
        # what is stored are halves, with eleven bits
        assert values[f"{material}.psnr"].min() > 60.0
        assert values[f"{material}.ssim"].min() > 0.9999
        assert values[f"{material}.n_rmse"].max() < 1e-3
        assert values[f"stylelight.{material}.rmse"].max() < 1e-6


def test_baselines_stand_beside_each_other(checkpoint: Path, tmp_path: Path) -> None:
    baselines = [word for name in ("mean", "frontal", "normals-fit") for word in ("--baseline", name)]
    done = _evaluate("--data", tiny_split(), *baselines, "--json", tmp_path / "m.json")
    assert done.exit_code == 0, done.output
    candidates = json.loads((tmp_path / "m.json").read_text())["split"]["candidates"]
    assert list(candidates) == ["mean", "frontal", "normals-fit", "normals-fit-template"]
    assert all("calibration" not in one for one in candidates.values())
    # the angle of a light off the axis is what "frontal" is wrong by
    for label, group in candidates["frontal"]["by"]["off_axis_deg"].items():
        low, high = map(float, label.split("-"))
        error = group["direction_error_any_deg"]
        assert low <= error["mean"] <= high


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.opened: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "link", "iframe", "object")
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img", "br"):
            self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass


def test_the_page_needs_nothing_beside_it(checkpoint: Path, tmp_path: Path) -> None:
    odd = tmp_path / "<i>&" / "model.safetensors"
    odd.parent.mkdir()
    odd.write_bytes(checkpoint.read_bytes())
    _evaluate("--data", tiny_split(), "--checkpoint", odd, "--out", tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    links = _Links()
    links.feed(page)
    assert not links.opened
    assert len(links.sources) == 3 * 4 * 4  # best, median, worst; four cases; four pictures
    assert all(source.startswith("data:image/png;base64,") for source in links.sources)
    assert "url(" not in page
    assert page.count("<svg") == 2


def test_photographs_beside_a_split(checkpoint: Path, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), (150, 120, 100)).save(tmp_path / "a.png")
    (tmp_path / "lights.csv").write_text("photo,x,y,z\na.png,1,0,0\n")
    done = _evaluate(
        "--directions", tmp_path / "lights.csv", "--baseline", "frontal", "--out", tmp_path / "o"
    )
    assert done.exit_code == 0, done.output
    assert "90.0" in done.output
    report = json.loads((tmp_path / "o" / "metrics.json").read_text())
    error = report["directions"]["candidates"]["frontal"]["all"]["direction_error_deg"]
    assert error["mean"] == pytest.approx(90.0, abs=1e-4)
    words = ("--directions", tmp_path / "lights.csv", "--data", tiny_split(), "--checkpoint", checkpoint)
    assert _evaluate(*words, "--json", tmp_path / "b.json").exit_code == 0
    assert {"split", "directions"} <= set(json.loads((tmp_path / "b.json").read_text()))


def test_metrics_json_is_strict_json(checkpoint: Path, tmp_path: Path) -> None:
    _evaluate("--data", tiny_split(), "--checkpoint", checkpoint, "--json", tmp_path / "m.json")
    text = (tmp_path / "m.json").read_text()
    assert not re.search(r"\b(NaN|Infinity)\b", text)
    assert all(math.isfinite(value) for value in _numbers(json.loads(text)).values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--data: expected a frozen split"),
        (["--data", "nowhere"], "nowhere: no such folder"),
        (["--data", ".", "--baseline", "frontal"], "manifest.json: no such file"),
        (["--directions", "lights.csv"], "lights.csv: no such file"),
        (["--data", "SPLIT", "--checkpoint", "nothing.safetensors"], "no such checkpoint"),
        (["--data", "SPLIT", "--device", "tpu"], "--device: expected one of"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [str(tiny_split()) if word == "SPLIT" else word for word in arguments]
    done = _evaluate(*words, "--out", "report")
    assert done.exit_code == 2, done.output
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_split_without_the_part_asked_for(tmp_path: Path) -> None:
    export_split(tmp_path / "split", options("train=0", "val=0", "test=2"), quiet)
    done = _evaluate("--data", tmp_path / "split", "--part", "val", "--baseline", "frontal")
    assert done.exit_code == 2
    assert "this split has no val part; it holds train 0, val 0, test 2" in done.stderr
    done = _evaluate("--data", tmp_path / "split", "--baseline", "mean")
    assert done.exit_code == 2
    assert "has no train part" in done.stderr


def test_a_checkpoint_whose_weights_are_of_another_network(checkpoint: Path, tmp_path: Path) -> None:
    config = load_config(None, (*TINY, "net.head_width=32"))
    weights = build_network(load_config(None, TINY).net).state_dict()
    save_checkpoint(tmp_path / "m.safetensors", Checkpoint(config=config, step=1, groups={"ema": weights}))
    done = _evaluate("--data", tiny_split(), "--checkpoint", tmp_path / "m.safetensors")
    assert done.exit_code == 2
    assert "weights do not fit the network" in done.stderr
    assert done.stderr.count("\n") == 1
