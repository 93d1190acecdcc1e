"""Errors as a user reads them."""

from __future__ import annotations

__all__ = ["one_line"]


def one_line(error: Exception | str) -> str:
    """What an error says, in one line; of the system's word on a file, its name and the reason."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())
