"""Where the files that ship with the package lie, in a checkout and in an installed wheel alike."""

from __future__ import annotations

from pathlib import Path


def assets_path() -> Path:
    """The folder of the shipped assets: `ftb/assets` in a wheel, `assets` beside `ftb` in a checkout."""
    package = Path(__file__).resolve().parent
    candidates = (package / "assets", package.parent / "assets")
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"assets: expected a folder {candidates[0]}; install the package again")
