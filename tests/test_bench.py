"""`ftb bench`: its clockwork, and that a quick run says what it measured."""

from __future__ import annotations

import itertools
import json
import math
import os
import signal
import sys
import time
from functools import partial

import numpy as np
import pytest
from click.testing import CliRunner

from ftb.bench.clock import Measurement, growth, resident_mb
from ftb.bench.estimating import run_program, timed
from ftb.bench.others import Other, Scene
from ftb.bench.path_tracers import views
from ftb.bench.raster import compared, scenes
from ftb.bench.report import figure, table
from ftb.bench.scaling import sphere_mesh
from ftb.bench.sections import SECTIONS
from ftb.bench.workers import Task, rates, ratio
from ftb.cli import cli


def counting(units, process):
    return lambda: units


def failing(process):
    raise RuntimeError("no such renderer")


def test_growth_is_the_exponent():
    sizes = [1.0, 2.0, 5.0, 9.0]
    assert growth(sizes, [3.0 * size**1.7 for size in sizes]) == pytest.approx(1.7)


def test_rates_of_processes_add_up():
    tasks = [Task(name="one", make=partial(counting, 1)), Task(name="many", make=partial(counting, 1000))]
    found = rates(tasks, processes=1, rounds=3, seconds=0.01)
    assert [len(values) for values in found.values()] == [3, 3]
    # what a busy machine adds to either is no hundredfold
    assert 10.0 < ratio(found["many"], found["one"]) < 100_000.0
    together = rates(tasks, processes=2, rounds=2, seconds=0.01)
    assert [len(values) for values in together.values()] == [2, 2]


def test_a_worker_that_fails_is_told():
    with pytest.raises(ValueError, match="a worker failed: RuntimeError: no such renderer"):
        rates([Task(name="bad", make=failing)], processes=2, rounds=1, seconds=0.01)


def test_processor_time_includes_children() -> None:
    busy = "import time; end = time.process_time() + 0.2\nwhile time.process_time() < end: pass"
    timing = timed(partial(run_program, [sys.executable, "-c", busy, ""]), 1)
    assert timing.processor >= 0.15  # the clock ticks a hundred times a second
    assert timing.best == timing.wall > 0.2
    asleep = timed(partial(time.sleep, 0.05), 3)
    assert asleep.processor < 0.05 <= asleep.best <= asleep.wall


def test_a_program_that_fails_is_told() -> None:
    with pytest.raises(ValueError, match="bench: estimate failed: no such photo"):
        run_program([sys.executable, "-c", "raise SystemExit('no such photo')", "estimate"])


def three_seconds(scene: Scene) -> float:
    print("rendering")
    return 3.0


def impossible(scene: Scene) -> float:
    return 1 / 0


def dying(scene: Scene) -> float:
    os.kill(os.getpid(), signal.SIGKILL)


def test_comparators_are_left_out_or_told(capfd: pytest.CaptureFixture[str]):
    scene = scenes(True)["sphere"]
    assert compared("absent", Other(package="absent_renderer", measure=three_seconds), scene, 1.0) == []
    slow = compared("slow", Other(package="torch", measure=three_seconds), scene, 0.5)
    assert [one.value for one in slow] == [3000.0, 6.0]
    for measure, message in ((impossible, "division by zero"), (dying, "torch ended its process")):
        (failed,) = compared("broken", Other(package="torch", measure=measure), scene, 1.0)
        assert math.isnan(failed.value)
        assert failed.note == f"failed: {message}"
    assert capfd.readouterr() == ("", "")


def test_path_tracers_see_the_head_from_new_sides_in_new_light():
    (one, key, sky), (other, next_key, next_sky) = itertools.islice(views(), 2)
    for to_world in (one, other):  # a camera looks along its own -Z
        np.testing.assert_allclose(to_world @ [0.0, 0.0, -0.5, 1.0], [0.0, 0.0, 0.0, 1.0], atol=1e-6)
    assert not np.allclose(one, other)
    assert not np.allclose(key, next_key)
    assert not np.allclose(sky, next_sky)
    assert np.linalg.norm(key) == pytest.approx(1.0)


def test_figures_have_three_digits():
    assert [figure(value) for value in (0.0, 0.01234, 1.234, 12.34, 1234.5)] == [
        "0",
        "0.012",
        "1.23",
        "12.3",
        "1,234",
    ]


def test_tables_align():
    lines = table(
        {"cores": 2},
        {
            "a": [
                Measurement(name="long name", value=1.0, unit="ms"),
                Measurement(name="x", value=10.0, unit="ms"),
            ]
        },
    ).splitlines()
    assert lines[0] == "cores 2"
    assert lines[3].index("ms") == lines[4].index("ms")


def test_a_sphere_is_closed():
    mesh = sphere_mesh(12)
    corners = mesh.vertices[0][mesh.faces]
    volume = (corners[:, 0] * corners[:, 1].cross(corners[:, 2], dim=-1)).sum() / 6.0
    assert float(volume) == pytest.approx(4.0 / 3.0 * math.pi * 0.1**3, rel=0.05)
    assert resident_mb() > 10.0


def test_a_quick_run_measures_every_section(tmp_path):
    file = tmp_path / "bench.json"
    result = CliRunner().invoke(cli, ["bench", "--quick", "--json", str(file)])
    assert result.exit_code == 0, result.output
    written = json.loads(file.read_text())
    assert list(written["sections"]) == list(SECTIONS)
    for name, measured in written["sections"].items():
        assert measured, name
        for one in measured:
            assert math.isfinite(one["value"]), one
            assert one["name"] in result.output
            # a memory may shrink, all else takes time
            assert one["value"] > 0.0 or name in ("memory", "scaling"), one


def test_unknown_sections_are_refused():
    result = CliRunner().invoke(cli, ["bench", "--only", "speed"])
    assert result.exit_code == 2
    assert "expected sections among rasterization, pairs" in result.output


def killed(process):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_dies_is_told():
    with pytest.raises(OSError, match="bench: a process died, perhaps for want of memory"):
        rates([Task(name="dead", make=killed)], processes=2, rounds=1, seconds=0.01)
