"""The space in which pictures are compared: as a display shows them, but without its clipping."""

from __future__ import annotations

from ftb.maths.color import display_from_linear

__all__ = ["display_from_linear"]
