"""Face to Ball: one photo of a face in, the light that falls on it out.

The public names are imported on first use, so that `import ftb` and `ftb --help` stay quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ftb.estimate import Estimator, to_envmap
    from ftb.interop.lighting_json import load_lighting, save_lighting
    from ftb.render.ball import render_ball
    from ftb.types import Lighting

__version__ = "0.1.0"

_HOMES = {
    "Estimator": "ftb.estimate",
    "Lighting": "ftb.types",
    "load_lighting": "ftb.interop.lighting_json",
    "render_ball": "ftb.render.ball",
    "save_lighting": "ftb.interop.lighting_json",
    "to_envmap": "ftb.estimate",
}

__all__ = ["Estimator", "Lighting", "load_lighting", "render_ball", "save_lighting", "to_envmap"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ftb' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
