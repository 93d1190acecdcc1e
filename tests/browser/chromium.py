"""Chromium and what it needs to open pages here: found, or the test skips and says what to install."""

from __future__ import annotations

import http.server
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Software rendering, which is the same on every machine.
FLAGS = ("--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")


def chromium() -> str:
    """The program; skips the test where there is none."""
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    return found


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def three_folder() -> Path:
    """three.js's build folder; skips the test where there is none."""
    folder = os.environ.get("FTB_THREE_JS")
    if folder is None or not (Path(folder) / "three.module.js").is_file():
        pytest.skip("needs three.js: npm install three, then FTB_THREE_JS=node_modules/three/build")
    return Path(folder)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A web server on a free port of this machine; gives its address."""
    handler = partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def page_after_running(address: str, profile: Path) -> str:
    """The page's HTML once its scripts have run."""
    command = [chromium(), *FLAGS, f"--user-data-dir={profile}", "--virtual-time-budget=20000", "--dump-dom"]
    done = subprocess.run([*command, address], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout
