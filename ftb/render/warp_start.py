"""Warp, started once and without noise."""

import os
import sys

import torch
import warp as wp

__all__ = ["wp"]


def _start_quietly() -> None:
    """Start Warp without its greeting, and without its warning where there is no GPU to be found."""
    wp.config.log_level = wp.LOG_WARNING
    if torch.cuda.is_available():
        return wp.init()
    # The native library writes that warning to file descriptor 2 itself.
    sys.stderr.flush()
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        return wp.init()
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


_start_quietly()
