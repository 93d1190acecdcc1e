"""What a process does with memory that it no longer needs, and with what it always needs."""

from __future__ import annotations

import ctypes
import gc

# malloc.h of glibc: the numbers of the two settings.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_MOST_KEPT = 1024 * 2**20


def keep_freed_memory() -> None:
    """Keep what is freed for the next allocation: for a process that renders in its main thread, and ends
    when it has rendered.

    A block of pictures is some hundred megabytes, freed as a whole and asked for again at once. Handed back
    in between, every page of it is cleared and mapped anew: up to a tenth of all the time of rendering. So is
    what is mapped by itself, as all is that takes more than 32 megabytes, unless nothing may be. At the end
    of the heap no more than a gigabyte is kept; what is freed below something that lasts stays. Does nothing
    where the C library is not glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, _MOST_KEPT)


def overlook_what_lasts() -> None:
    """Let Python's garbage collector pass over all objects there are.

    Modules and tables of a process that renders are some hundred thousand objects, which last as long as it
    does. To look through them takes the collector as long as two dozen pictures, every few hundred of them.
    """
    gc.collect()
    gc.freeze()
