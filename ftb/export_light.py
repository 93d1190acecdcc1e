"""`ftb export-light`: one light for other programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ftb.interop.blender import write_blender
from ftb.interop.hdr import write_environment
from ftb.interop.lighting_json import load_lighting
from ftb.interop.threejs import write_threejs
from ftb.interop.usda import write_usda
from ftb.scene.lighting_mix import to_envmap
from ftb.types import Lighting

# Of maps that hold a key light: a texel is 0.35°, less than the sun.
HEIGHT = 512
# A dome without key lights is smooth.
DOME_HEIGHT = 128


@dataclass(frozen=True, kw_only=True)
class Exporter:
    """One format: how its files end, and what writes an unbatched lighting."""

    suffix: str
    write: Callable[[Path, Lighting], None]


def export_light(lighting_file: Path, to: str, out: Path) -> None:
    """Read a lighting.json, .exr or .hdr and write it in another format; ValueError for a wrong name."""
    lighting = load_lighting(lighting_file)
    export_lighting(lighting, to, out)


def export_lighting(lighting: Lighting, to: str, out: Path) -> None:
    """Write an unbatched lighting in one of the formats of `EXPORTERS`."""
    if to not in EXPORTERS:
        raise ValueError(f"--to: expected one of {', '.join(EXPORTERS)}, got {to!r}")
    exporter = EXPORTERS[to]
    if out.suffix.lower() != exporter.suffix:
        raise ValueError(f"--out: expected a file name ending in {exporter.suffix} for {to}, got {out}")
    exporter.write(out, lighting)


def _write_map(out: Path, lighting: Lighting) -> None:
    write_environment(out, to_envmap(lighting, _height(lighting, HEIGHT)).clamp_min(0.0))


def _write_usda(out: Path, lighting: Lighting) -> None:
    write_usda(out, lighting, _height(lighting, DOME_HEIGHT))


def _height(lighting: Lighting, least: int) -> int:
    """The environment's own height, a whole multiple of it where it is low, so that nothing is blurred."""
    if lighting.environment is None:
        return least
    own = int(lighting.environment.shape[-3])
    return own * max(1, -(-least // own)) if lighting.key_dirs.shape[-2] else own


EXPORTERS: dict[str, Exporter] = {
    "exr": Exporter(suffix=".exr", write=_write_map),
    "hdr": Exporter(suffix=".hdr", write=_write_map),
    "threejs": Exporter(suffix=".json", write=write_threejs),
    "usda": Exporter(suffix=".usda", write=_write_usda),
    "blender": Exporter(suffix=".py", write=write_blender),
}
