"""`ftb export-light`: every format from the command line, one map that holds all light, one-line errors."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from ftb.cli import cli
from ftb.interop.exporters import EXPORTERS
from ftb.interop.hdr import read_environment, write_environment
from ftb.interop.lighting_json import save_lighting
from ftb.maths import envmap, sh
from ftb.scene.lighting_ops import total_sh
from tests.interop.lights import crooked_light


def export(*words: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(cli, ["export-light", *map(str, words)])
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize("to", list(EXPORTERS))
def test_every_format_and_nothing_but_its_files(to: str, tmp_path: Path) -> None:
    save_lighting(crooked_light(), tmp_path / "lighting.json")
    out = tmp_path / "out" / f"light{EXPORTERS[to].suffix}"
    code, said, errors = export(tmp_path / "lighting.json", "--to", to, "--out", out)
    assert (code, said, errors) == (0, f"wrote {out}\n", "")
    expected = {out.name} | ({"light_dome.exr"} if to == "usda" else set())
    assert {path.name for path in out.parent.iterdir()} == expected


@pytest.mark.parametrize("to", ["exr", "hdr"])
def test_a_map_holds_all_light_once(to: str, tmp_path: Path) -> None:
    light = crooked_light(keys=2)
    save_lighting(light, tmp_path / "lighting.json")
    out = tmp_path / f"light.{to}"
    export(tmp_path / "lighting.json", "--to", to, "--out", out)
    coeffs = sh.project_environment(read_environment(out), 2)
    # discs of texels, cut and, where they have an extent, a little softer than points; .hdr has 8 bits
    torch.testing.assert_close(coeffs, total_sh(light), rtol=0.02, atol=0.02)


def test_an_environment_keeps_its_texels(tmp_path: Path, generator: torch.Generator) -> None:
    environment = torch.rand(48, 96, 3, generator=generator)
    write_environment(tmp_path / "in.exr", environment)
    export(tmp_path / "in.exr", "--to", "exr", "--out", tmp_path / "out.exr")
    assert torch.equal(read_environment(tmp_path / "out.exr"), environment)
    export(tmp_path / "in.exr", "--to", "usda", "--out", tmp_path / "out.usda")
    dome = read_environment(tmp_path / "out_dome.exr")
    torch.testing.assert_close(envmap.resize(dome, 48), environment)


def test_wrong_names_are_one_line(tmp_path: Path) -> None:
    save_lighting(crooked_light(), tmp_path / "lighting.json")
    code, _, errors = export(tmp_path / "lighting.json", "--to", "usda", "--out", tmp_path / "a.usd")
    assert (code, errors.count("\n")) == (2, 1)
    assert "--out: expected a file name ending in .usda for usda, got" in errors
    code, _, errors = export(tmp_path / "none.json", "--to", "usda", "--out", tmp_path / "a.usda")
    assert (code, errors) == (2, f"ftb: lighting: no file {tmp_path / 'none.json'}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["lighting.json"]
