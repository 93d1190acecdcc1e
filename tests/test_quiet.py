"""Decoders are silent, the program between them is not."""

from __future__ import annotations

import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from ftb.quiet import aloud, quiet


def test_nothing_within_is_heard(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet():
        print("python")
        print("python", file=sys.stderr)
        os.write(2, b"a library")
    print("after")
    assert tuple(capfd.readouterr()) == ("after\n", "")


def test_lines_are_heard_while_another_thread_decodes(capfd: pytest.CaptureFixture[str]) -> None:
    begun, done = Event(), Event()

    def decode() -> None:
        with quiet():
            begun.set()
            done.wait(10.0)
            os.write(2, b"a library")

    with ThreadPoolExecutor(1) as pool:
        decoding = pool.submit(decode)
        assert begun.wait(10.0)
        with aloud():
            print("a photo")
            print("a bad photo", file=sys.stderr)
        print("lost")
        done.set()
        decoding.result()
    assert tuple(capfd.readouterr()) == ("a photo\n", "a bad photo\n")


def test_no_temporary_file_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "gettempdir", full)
    with quiet():
        os.write(2, b"a library")
