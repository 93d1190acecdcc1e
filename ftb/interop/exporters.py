"""The formats that a light can be handed on in: one table for the program and the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ftb.interop.blender import write_blender
from ftb.interop.hdr import write_environment
from ftb.interop.lighting_json import LightingNotes, save_lighting
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


def export_lighting(lighting: Lighting, to: str, out: Path) -> None:
    """Write an unbatched lighting in one of the formats of `EXPORTERS`."""
    if to not in EXPORTERS:
        raise ValueError(f"--to: expected one of {', '.join(EXPORTERS)}, got {to!r}")
    exporter = EXPORTERS[to]
    if out.suffix.lower() != exporter.suffix:
        raise ValueError(f"--out: expected a file name ending in {exporter.suffix} for {to}, got {out}")
    exporter.write(out, lighting)


def write_exports(lighting: Lighting, folder: Path, notes: LightingNotes | None = None) -> list[Path]:
    """Write an unbatched lighting in every format into a folder: the files, lighting.json first."""
    save_lighting(lighting, folder / "lighting.json", notes)
    for name, exporter in EXPORTERS.items():
        stem = "light" if exporter.suffix == f".{name}" else f"light_{name}"
        exporter.write(folder / f"{stem}{exporter.suffix}", lighting)
    others = sorted(path for path in folder.iterdir() if path.name != "lighting.json")
    return [folder / "lighting.json", *others]


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
