"""A few hundred damaged splits: no stack trace, no hang, nothing written elsewhere."""

from __future__ import annotations

import pytest

from tests.data import fuzz_frozen
from tests.data.fuzz_frozen import fuzz, time_limit


def test_damaged_splits_are_refused_or_read() -> None:
    tally = fuzz(300, seed=0)
    assert tally["refused"] > 150


def test_a_reader_that_hangs_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz_frozen, "SECONDS", 0.05)
    with pytest.raises(AssertionError, match="takes too long"):
        _hang()


def _hang() -> None:
    with time_limit("this takes too long"):
        while True:
            pass
