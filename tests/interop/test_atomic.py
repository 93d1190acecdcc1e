"""A file that cannot be written is named as the user named it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ftb.interop.atomic import write_atomically
from ftb.interop.hdr import write_environment


def test_what_cannot_be_written_has_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    for place in (tmp_path / "folder.json", tmp_path / ("long" * 70 + ".json")):
        with pytest.raises(OSError, match=r"directory|too long") as caught:
            write_atomically(place, lambda temporary: temporary.write_text("{}") and None)
        assert caught.value.filename == str(place)
    # and nothing is left behind
    assert [path.name for path in tmp_path.iterdir()] == ["folder.json"]


@pytest.mark.parametrize("name", ["light.exr", "light.hdr"])
def test_a_full_disk_is_an_os_error(name: str, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="limits of a process, which Windows does not have")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))  # files may grow to so many bytes
    try:
        with pytest.raises(OSError, match="could not write") as caught:
            write_environment(tmp_path / name, torch.arange(64.0 * 128 * 3).reshape(64, 128, 3))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert str(tmp_path) in str(caught.value)
    assert list(tmp_path.iterdir()) == []
