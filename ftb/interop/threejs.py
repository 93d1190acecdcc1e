"""three.js: a `LightProbe` and directional lights, as JSON for `THREE.ObjectLoader`.

three.js's world frame, with a camera that looks along −Z, is our camera frame; its probe has our order and
scale of harmonics, and its lights are irradiances (three.js r155 and newer, which no longer multiplies by π).
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import torch

from ftb.interop.atomic import write_atomically
from ftb.interop.key_lights import KeyLight, key_lights
from ftb.maths.color import srgb_from_linear, u8_from_srgb
from ftb.types import Lighting

# The matrix of a directional light holds its place; only the direction matters.
_DISTANCE = 10.0
_COEFFICIENTS = 9


def write_threejs(path: Path, lighting: Lighting) -> None:
    """Write an unbatched lighting as a group: `new THREE.ObjectLoader().parse(json)`, then `scene.add`."""
    text = json.dumps(document(lighting), indent=1, allow_nan=False) + "\n"
    write_atomically(path, lambda temporary: _write(temporary, text))


def document(lighting: Lighting) -> dict[str, Any]:
    """The JSON object: harmonics of order 2 (three.js knows no other), the key lights apart from them."""
    coeffs = torch.zeros(_COEFFICIENTS, 3, dtype=torch.float64)
    known = lighting.sh_coeffs.detach().cpu().double()[:_COEFFICIENTS]
    coeffs[: len(known)] = known
    probe = {
        "uuid": _uuid("probe"),
        "type": "LightProbe",
        "name": "ftb environment",
        "color": 0xFFFFFF,
        "intensity": 1.0,
        "sh": [float(f"{value:.8g}") for value in coeffs.flatten().tolist()],
    }
    lamps = [_lamp(number, key) for number, key in enumerate(key_lights(lighting))]
    group = {"uuid": _uuid("light"), "type": "Group", "name": "ftb light", "children": [probe, *lamps]}
    return {"metadata": {"version": 4.6, "type": "Object", "generator": "ftb export-light"}, "object": group}


def _lamp(number: int, key: KeyLight) -> dict[str, Any]:
    red, green, blue = u8_from_srgb(srgb_from_linear(torch.tensor(key.color_linear))).tolist()
    place = [_DISTANCE * value for value in key.direction]
    return {
        "uuid": _uuid(f"key {number}"),
        "type": "DirectionalLight",
        "name": f"ftb key {number + 1}",
        "color": (red << 16) | (green << 8) | blue,
        "intensity": key.irradiance,
        "matrix": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, *place, 1],
    }


def _uuid(name: str) -> str:
    """The same for the same part, so that equal lights are equal files."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"ftb/{name}"))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
