"""Silence for decoders: their libraries print about damaged files, beside the error that says the same."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from threading import Lock

_lock = Lock()
_inside = 0
_undo = ExitStack()


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing printed within reaches the terminal.

    Python's warnings, standard output and errors, which notebooks keep apart from the descriptors, and what C
    libraries write to the descriptor of errors. Concerns the whole process, so it stands around single calls
    of decoders only; several threads may be within at once, the last one to leave undoes it.
    """
    global _inside, _undo
    with _lock:
        if _inside == 0:
            _undo = _silenced()
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _undo.close()


@contextmanager
def aloud() -> Iterator[None]:
    """What is printed within is heard, even while another thread is `quiet`: for the lines of a program that
    prints and decodes at once. Not to be entered where this thread is `quiet` itself."""
    global _undo
    with _lock:
        if _inside:
            _undo.close()
        try:
            yield
        finally:
            if _inside:
                _undo = _silenced()


def _silenced() -> ExitStack:
    """Silence from now on, until the result is closed."""
    sys.stderr.flush()
    with ExitStack() as stack:
        sink = stack.enter_context(open(os.devnull, "wb"))
        kept = os.dup(2)
        stack.callback(os.close, kept)
        stack.callback(os.dup2, kept, 2)
        os.dup2(sink.fileno(), 2)
        stack.enter_context(redirect_stdout(io.StringIO()))
        stack.enter_context(redirect_stderr(io.StringIO()))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        return stack.pop_all()
