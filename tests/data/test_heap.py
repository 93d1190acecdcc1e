"""Memory that is freed is there again at once."""

from __future__ import annotations

import gc
import platform
import subprocess
import sys

import pytest

from ftb.data.heap import overlook_what_lasts

TOUCH_AGAIN = """
import resource, torch
from ftb.data.heap import keep_freed_memory
keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def chunk():
    return [torch.ones(rows, 2**20) for rows in (3, 3, 3, 3, 12)]
for _ in range(12):  # pieces find their places within the first five
    chunk()
before = faults()
for _ in range(4):
    chunk()
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="keep_freed_memory is for glibc")
def test_freed_memory_is_not_mapped_anew():
    # 96 MB a chunk, 48 of them in one piece: 24,576 pages of 4 kB, each of which would be a fault every time.
    found = subprocess.run([sys.executable, "-c", TOUCH_AGAIN], capture_output=True, text=True, check=True)
    assert int(found.stdout) < 1000


def test_what_lasts_is_not_looked_through():
    gc.unfreeze()
    lasting = [[] for _ in range(1000)]
    try:
        overlook_what_lasts()
        assert gc.get_freeze_count() > len(lasting)
        later = []
        assert any(known is later for known in gc.get_objects())
        assert not any(known is lasting for known in gc.get_objects())
    finally:
        gc.unfreeze()
