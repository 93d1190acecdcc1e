"""`ftb export-light`: one light for other programs."""

from __future__ import annotations

from pathlib import Path

from ftb.interop.exporters import export_lighting
from ftb.interop.lighting_json import load_lighting


def export_light(lighting_file: Path, to: str, out: Path) -> None:
    """Read a lighting.json, .exr or .hdr and write it in another format; ValueError for a wrong name."""
    export_lighting(load_lighting(lighting_file), to, out)
