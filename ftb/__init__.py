"""Face to Ball: one photo of a face in, the light that falls on it out.

The public names are imported on first use, so that `import ftb` and `ftb --help` stay quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ftb.estimation.estimator import Estimator
    from ftb.interop.lighting_json import load_lighting, save_lighting
    from ftb.render.ball import render_ball
    from ftb.scene.lighting_mix import blend, rotate, to_envmap
    from ftb.types import Lighting

__version__ = "0.1.0"

_HOMES = {
    "Estimator": "ftb.estimation.estimator",
    "Lighting": "ftb.types",
    "blend": "ftb.scene.lighting_mix",
    "load_lighting": "ftb.interop.lighting_json",
    "render_ball": "ftb.render.ball",
    "rotate": "ftb.scene.lighting_mix",
    "save_lighting": "ftb.interop.lighting_json",
    "to_envmap": "ftb.scene.lighting_mix",
}

__all__ = [
    "Estimator",
    "Lighting",
    "blend",
    "load_lighting",
    "render_ball",
    "rotate",
    "save_lighting",
    "to_envmap",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ftb' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
