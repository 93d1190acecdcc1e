"""`lighting.json`: one light as harmonics and key lights, readable by people and other programs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ftb.interop.atomic import write_atomically
from ftb.interop.hdr import read_environment
from ftb.interop.lighting_fields import Fields, check_finite
from ftb.interop.lighting_notes import LightingNotes, notes_document, read_notes
from ftb.maths import sh
from ftb.maths.shapes import expect_shape
from ftb.scene.lighting_ops import dominant, total_sh
from ftb.types import Lighting

FORMAT = "ftb-lighting"
VERSION = 1
CONVENTION = (
    "Camera frame, right-handed: +X image right, +Y up, +Z from the subject towards the camera. Colour is "
    "linear Rec. 709 [red, green, blue]. sh_coeffs are of radiance: real, orthonormal, no Condon-Shortley "
    "phase, one line a coefficient in the order l*l + l + m (1; y, z, x; xy, yz, 3zz-1, xz, xx-yy; ...), "
    "and exclude the key lights; total_sh, of order 2, includes them. irradiance is on a surface that faces "
    "the light; angular_radius in radians. "
    "azimuth_deg: 0 towards the camera, 90 image right; elevation_deg: 90 up. A Lambert surface shows "
    "albedo / pi * irradiance; times exposure that is its linear value in the photo."
)
# Of environments read from an image.
ENVIRONMENT_SH_ORDER = 4
MAX_SH_ORDER = 10
TOTAL_SH_ORDER = 2

__all__ = ["LightingNotes", "load_lighting", "read_lighting_file", "save_lighting"]


def save_lighting(lighting: Lighting, path: Path | str, notes: LightingNotes | None = None) -> None:
    """Write an unbatched lighting as .json; the file appears complete or not at all.

    Values are kept as float32, exactly. Absent key lights (irradiance 0) are left out. Does not keep
    `environment` beyond its harmonics: `hdr.write_environment` does.
    """
    path = Path(path)
    if path.suffix.lower() != ".json":
        raise ValueError(f"lighting: expected a file that ends in .json, got {path}")
    text = json.dumps(_document(lighting, notes or LightingNotes()), indent=2, allow_nan=False)
    write_atomically(path, lambda temporary: _write_text(temporary, _compact_rows(text) + "\n"))


def load_lighting(path: Path | str) -> Lighting:
    """An unbatched lighting from a `lighting.json`, or from an equirect .exr or .hdr.

    An image becomes `environment` (H, 2H, 3) as it is, with its harmonics of order 4 and no key light.
    Raises ValueError in one line for anything else.
    """
    path = Path(path)
    if path.suffix.lower() not in _LOADERS:
        raise ValueError(f"lighting: expected a file that ends in {', '.join(_LOADERS)}, got {path}")
    if not path.is_file():
        raise FileNotFoundError(f"lighting: no file {path}")
    return _LOADERS[path.suffix.lower()](path)


def read_lighting_file(path: Path | str) -> tuple[Lighting, LightingNotes]:
    """The light of a `lighting.json` and what is noted beside it; strict, with one-line ValueErrors."""
    path = Path(path)
    fields = Fields.from_text(path)
    if fields.take("format") != FORMAT:
        raise fields.problem("format", f'"{FORMAT}"')
    version = fields.take("version")
    if version != VERSION or version is True:  # Python takes true for 1
        raise fields.problem("version", f"{VERSION}; a newer version of ftb may read it")
    order = fields.integer("sh_order", 0, MAX_SH_ORDER)
    sh_coeffs = fields.triples("sh_coeffs", count=(order + 1) ** 2)
    keys = [_key_light(key) for key in fields.objects("key_lights")]
    notes = read_notes(fields)
    # Written for people and other programs; they follow from the above.
    for derived in ("convention", "dominant_direction", "directionality", "total_sh"):
        fields.take(derived, default=None)
    fields.expect_nothing_left()
    lighting = Lighting(
        sh_coeffs=sh_coeffs,
        key_dirs=torch.stack([key[0] for key in keys]) if keys else torch.zeros(0, 3),
        key_irradiance=torch.stack([key[1] for key in keys]) if keys else torch.zeros(0, 3),
        key_angular_radius=torch.tensor([key[2] for key in keys]),
    )
    return lighting, notes


def _key_light(fields: Fields) -> tuple[Tensor, Tensor, float]:
    direction = fields.triple("direction")
    if abs(float(direction.norm()) - 1.0) > 1e-3:
        raise fields.problem("direction", "a unit vector")
    irradiance = fields.triple("irradiance")
    if float(irradiance.min()) < 0.0:
        raise fields.problem("irradiance", "numbers >= 0")
    radius = fields.number("angular_radius", 0.0, 0.5 * math.pi)
    fields.expect_nothing_left()
    return direction, irradiance, float(radius or 0.0)


def _document(lighting: Lighting, notes: LightingNotes) -> dict[str, Any]:
    expect_shape(lighting.sh_coeffs, "K 3", name="lighting.sh_coeffs (one light, not a batch)")
    dims = expect_shape(lighting.key_dirs, "N 3", name="lighting.key_dirs")
    expect_shape(lighting.key_irradiance, "N 3", name="lighting.key_irradiance", dims=dims)
    expect_shape(lighting.key_angular_radius, "N", name="lighting.key_angular_radius", dims=dims)
    light = lighting.map(lambda tensor: tensor.detach().cpu().to(torch.float32))
    for name in ("sh_coeffs", "key_dirs", "key_irradiance", "key_angular_radius"):
        check_finite(getattr(light, name), f"lighting.{name}")
    direction, directionality = dominant(light)
    document: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "convention": CONVENTION,
        "exposure": notes.exposure,
        "dominant_direction": {
            "vector": _numbers(direction),
            "azimuth_deg": round(math.degrees(math.atan2(float(direction[0]), float(direction[2]))), 3),
            "elevation_deg": round(math.degrees(math.asin(max(-1.0, min(1.0, float(direction[1]))))), 3),
        },
        "directionality": round(float(directionality), 6),
        "sh_order": sh.order_of(light.sh_coeffs),
        "sh_coeffs": [_numbers(row) for row in light.sh_coeffs],
        "key_lights": [
            {"direction": _numbers(d), "irradiance": _numbers(e), "angular_radius": _numbers(r[None])[0]}
            for d, e, r in zip(light.key_dirs, light.key_irradiance, light.key_angular_radius, strict=True)
            if bool((e != 0.0).any())
        ],
        "total_sh": [_numbers(row) for row in total_sh(light, TOTAL_SH_ORDER)],
    }
    return {**document, **notes_document(notes)}


def _numbers(values: Tensor) -> list[float]:
    """The shortest decimals that name the same float32 values."""
    return [float(str(value)) for value in values.numpy()]


def _compact_rows(text: str) -> str:
    """Lists of numbers on one line each."""
    lines: list[str] = []
    for line in text.split("\n"):
        within = bool(lines) and lines[-1].rstrip().endswith(("[", ",")) and _is_number(line)
        closing = bool(lines) and line.strip().rstrip(",") == "]" and _is_number(lines[-1].rsplit(" ", 1)[-1])
        if within or closing:
            opening = lines[-1].endswith("[")
            lines[-1] += ("" if opening or closing else " ") + line.strip()
        else:
            lines.append(line)
    return "\n".join(lines)


def _is_number(text: str) -> bool:
    text = text.strip().rstrip(",").lstrip("[")
    try:
        float(text)
    except ValueError:
        return False
    return True


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _load_json(path: Path) -> Lighting:
    return read_lighting_file(path)[0]


def _load_image(path: Path) -> Lighting:
    environment = read_environment(path)
    return Lighting(
        sh_coeffs=sh.project_environment(environment, ENVIRONMENT_SH_ORDER),
        key_dirs=torch.zeros(0, 3),
        key_irradiance=torch.zeros(0, 3),
        key_angular_radius=torch.zeros(0),
        environment=environment,
    )


_LOADERS: dict[str, Callable[[Path], Lighting]] = {
    ".json": _load_json,
    ".exr": _load_image,
    ".hdr": _load_image,
}
