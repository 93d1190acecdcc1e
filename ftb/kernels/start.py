"""Warp, started once and without noise."""

import contextlib
import os
import sys
from collections.abc import Iterator

import torch
import warp as wp

__all__ = ["EXACT", "FORWARD", "building", "on_torch_stream", "wp"]


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


@contextlib.contextmanager
def building() -> Iterator[None]:
    """Around what may compile kernels: an error says where their folder is and how to choose another."""
    try:
        yield
    except OSError as error:
        folder = wp.config.kernel_cache_dir or error.filename or "the cache of compiled kernels"
        reason = error.strerror or str(error)
        raise OSError(
            f"{folder}: {reason}; WARP_CACHE_PATH names another folder for compiled kernels"
        ) from error


with building():
    _start_quietly()


def _flags(*more: str) -> str:
    """Of the compiler for CPUs: Warp's own, and more. Registers are used as wide as they are: for many
    processors LLVM splits them, and snippets that count on sixteen numbers a register run out of them."""
    known = wp.config.cpu_compiler_flags
    own = "-march=native" if known is None else known  # as Warp reads it
    return " ".join([own, "-mprefer-vector-width=512", *more]).strip()


# Options of modules whose kernels give no gradients; products and sums stay apart.
EXACT = {"enable_backward": False, "cpu_compiler_flags": _flags()}
# Of those whose last bits do not matter: on a CPU products and sums are then one instruction, as they are on
# CUDA. Not for the rasterizer, whose edges are exact.
FORWARD = {"enable_backward": False, "cpu_compiler_flags": _flags("-ffp-contract=fast")}


def on_torch_stream(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Within it Warp works on torch's own stream, so that neither has to wait for the other."""
    if device.type != "cuda":
        return contextlib.nullcontext()
    return wp.ScopedStream(wp.stream_from_torch(device))
