"""Warp, started once and quietly. Kernel modules take `wp` from here, so that none runs before it is up."""

from __future__ import annotations

import warp as wp

wp.config.quiet = True
wp.init()

__all__ = ["wp"]
