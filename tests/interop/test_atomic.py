"""A file that cannot be written is named as the user named it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftb.interop.atomic import write_atomically


def test_what_cannot_be_written_has_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    for place in (tmp_path / "folder.json", tmp_path / ("long" * 70 + ".json")):
        with pytest.raises(OSError, match="directory|too long") as caught:
            write_atomically(place, lambda temporary: temporary.write_text("{}") and None)
        assert caught.value.filename == str(place)
    # and nothing is left behind
    assert [path.name for path in tmp_path.iterdir()] == ["folder.json"]
