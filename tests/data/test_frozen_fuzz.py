"""A few hundred damaged splits: no stack trace, no hang, nothing written elsewhere."""

from __future__ import annotations

from tests.data.fuzz_frozen import fuzz


def test_damaged_splits_are_refused_or_read() -> None:
    tally = fuzz(300, seed=0)
    assert tally["refused"] > 150
