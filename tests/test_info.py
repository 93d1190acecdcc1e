"""`ftb info` answers on any machine."""

from __future__ import annotations

from click.testing import CliRunner

from ftb.cli import cli


def test_info_tells_every_section():
    result = CliRunner().invoke(cli, ["info"])
    assert result.exit_code == 0, result.output
    for section in ("versions", "devices", "renderers", "assets", "presets", "caches"):
        assert f"\n{section}\n" in f"\n{result.output}"
    assert "--renderer auto would use" in result.output
