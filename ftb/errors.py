"""Errors as a user reads them."""

from __future__ import annotations

__all__ = ["one_line", "raise_if_worker_died"]

# How torch begins what it raises, anywhere in the main thread, when a worker's process ends.
_DEATH = "DataLoader worker"


def one_line(error: Exception | str) -> str:
    """What an error says, in one line; of the system's word on a file, its name and the reason."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def raise_if_worker_died(error: RuntimeError, rest: str = "") -> None:
    """OSError in one line, `rest` at its end, where `error` is torch's word for the death of a worker."""
    if str(error).startswith(_DEATH):
        raise OSError(
            "a process that makes batches died, perhaps for want of memory; "
            f"fewer of them need less: --set stream.workers=1{rest}"
        ) from error
