"""What the page writes: temporary folders that end with the process, or an hour later."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

CODE = "from ftb.demo import _new_folder; one = _new_folder(); two = _new_folder(); print(one); print(two)"


def test_nothing_stays_behind(tmp_path: Path) -> None:
    left, recent, other = (tmp_path / name for name in ("ftb-demo-left", "ftb-demo-recent", "other"))
    for folder in (left, recent, other):
        folder.mkdir()
        (folder / "lighting.json").write_text("{}")
    long_ago = time.time() - 4000
    for folder in (left, other):
        os.utime(folder, (long_ago, long_ago))
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=True
    )
    one, two = map(Path, done.stdout.split())
    assert one != two
    assert one.parent == two.parent
    assert one.parent.parent == tmp_path
    # its own folder is gone with it, and so is what a page left that was killed
    assert {path.name for path in tmp_path.iterdir()} == {"ftb-demo-recent", "other"}
