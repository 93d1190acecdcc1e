"""Photographs of known light: reading their list, and judging them as `ftb estimate` would."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from PIL import Image

from ftb.evaluation.directions import directions_report, judge_directions, read_directions
from ftb.evaluation.predictors import Candidate


def _photo(path: Path) -> None:
    Image.new("RGB", (80, 100), (150, 120, 100)).save(path)


def test_rows_are_unit_directions_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "faces").mkdir()
    _photo(tmp_path / "faces" / "a, b.png")
    (tmp_path / "lights.csv").write_text('photo,x,y,z\n\n"faces/a, b.png",0,3,4\n', encoding="utf-8-sig")
    (light,) = read_directions(tmp_path / "lights.csv")
    assert light.photo == tmp_path / "faces" / "a, b.png"
    assert light.direction == pytest.approx((0.0, 0.6, 0.8))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("photo,x,y,z\na.png,0,0,0\n", "line 2: expected a direction of some length, got \\(0, 0, 0\\)"),
        ("photo,x,y,z\na.png,0,nan,1\n", "line 2: expected a direction of some length"),
        ("photo,x,y,z\na.png,1e300,1e300,0\n", "line 2: expected a direction of some length"),
        ("photo,x,y,z\na.png,0,north,1\n", "line 2: expected three numbers, got '0,north,1'"),
        ("photo,x,y,z\na.png,0,1\n", "line 2: expected photo,x,y,z, got 3 columns"),
        ("photo,x,y,z\n\nb.png,0,0,1\n", "line 3: no such photo: 'b.png'"),
        ("a.png,0,0,1\n", "expected the header photo,x,y,z"),
        ("", "expected the header"),
        ("photo,x,y,z\n", "at least one photograph"),
    ],
)
def test_bad_lists_name_the_line(text: str, message: str, tmp_path: Path) -> None:
    _photo(tmp_path / "a.png")
    (tmp_path / "lights.csv").write_text(text)
    with pytest.raises((ValueError, OSError), match=message) as caught:
        read_directions(tmp_path / "lights.csv")
    assert "lights.csv" in str(caught.value)


def test_a_missing_list_and_one_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_directions(tmp_path / "lights.csv")
    (tmp_path / "lights.csv").write_bytes(b"\xff\xfe\0\0")
    with pytest.raises(ValueError, match="expected a CSV file in UTF-8"):
        read_directions(tmp_path / "lights.csv")


def test_frontal_is_as_wrong_as_the_light_is_off_axis(tmp_path: Path) -> None:
    lines = ["photo,x,y,z"]
    for number, angle in enumerate((0.0, 20.0, 75.0, 110.0)):
        _photo(tmp_path / f"{number}.png")
        radians = math.radians(angle)
        lines.append(f"{number}.png,{math.sin(radians)},0,{math.cos(radians)}")
    (tmp_path / "lights.csv").write_text("\n".join(lines))
    lights = read_directions(tmp_path / "lights.csv")
    with torch.inference_mode():
        answers = judge_directions(lights, Candidate(name="f", kind="frontal"), "cpu", lambda *_: None)
    assert answers.errors_deg == pytest.approx([0.0, 20.0, 75.0, 110.0], abs=1e-4)
    assert answers.whole == 4
    report = directions_report(answers)
    assert report["all"]["direction_error_deg"]["mean"] == pytest.approx(51.25, abs=1e-4)
    assert list(report["by"]["off_axis_deg"]) == ["000-015", "015-030", "060-090", "090-120"]
    assert "calibration" not in report
