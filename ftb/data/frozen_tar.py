"""Shards: tar files whose bytes follow from their members alone, and an index that trusts none of them.

Members are regular files with a plain name; owner, rights and times are constants. Reading never unpacks:
a member is a range of bytes, and one whose name could lead out of a folder is refused.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_BLOCK = 512
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_]{1,32}){1,3}")
_OCTAL = re.compile(rb"[0-7]{11}[ \0]")


@dataclass(frozen=True, kw_only=True)
class Extent:
    """Where a member's bytes lie in its shard."""

    offset: int
    size: int


def write_member(file: BinaryIO, name: str, content: bytes) -> None:
    """Append one member in POSIX ustar format."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    info.mode = 0o644
    file.write(info.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict"))
    file.write(content)
    file.write(bytes(-len(content) % _BLOCK))


def write_end(file: BinaryIO) -> None:
    """Append the two empty blocks that end a tar file."""
    file.write(bytes(2 * _BLOCK))


def index_shard(path: Path) -> dict[str, dict[str, Extent]]:
    """Members of a shard by sample key, then by what follows the first dot of their names.

    ValueError in one line for what is not such a tar file, for a member of another kind than a regular
    file, and for names with folders, `..` or repetitions.
    """
    samples: dict[str, dict[str, Extent]] = {}
    with path.open("rb") as file:
        length = file.seek(0, 2)
        place = 0
        while True:
            file.seek(place)
            header = file.read(_BLOCK)
            if header == bytes(_BLOCK):
                break
            name, size = _member(header, str(path))
            if place + _BLOCK + size > length:
                raise ValueError(f"{path}: cut off within {name}; make it again, or copy it again")
            key, _, kind = name.partition(".")
            if kind in samples.setdefault(key, {}):
                raise ValueError(f"{path}: {name} occurs twice")
            samples[key][kind] = Extent(offset=place + _BLOCK, size=size)
            place += _BLOCK + size + -size % _BLOCK
    return samples


def _member(header: bytes, where: str) -> tuple[str, int]:
    """Name and size of the member that a header block introduces."""
    if len(header) < _BLOCK:
        raise ValueError(f"{where}: cut off, it does not end as a tar file; make it again, or copy it again")
    recorded = re.fullmatch(rb" *([0-7]{1,7})[ \0]*", header[148:156])
    blank = header[:148] + b" " * 8 + header[156:]
    if not recorded or int(recorded[1], 8) != sum(blank) or header[257:262] != b"ustar":
        raise ValueError(f"{where}: damaged, or not a tar file of a split")
    raw = header[:100].split(b"\0", 1)[0].decode("latin-1")
    if header[345:500].strip(b"\0") or "/" in raw or "\\" in raw or ".." in raw:
        raise ValueError(f"{where}: refused the member {raw!r}, whose name leads to another folder")
    if not _NAME.fullmatch(raw) or header[156:157] not in (b"0", b"\0"):
        raise ValueError(f"{where}: refused the member {raw!r}, expected files such as test-000000.face.png")
    if not _OCTAL.fullmatch(header[124:136]):
        raise ValueError(f"{where}: damaged size of the member {raw}")
    return raw, int(header[124:135], 8)


def read_members(file: BinaryIO, extents: dict[str, Extent], kinds: Iterable[str]) -> dict[str, bytes]:
    """The bytes of the named kinds of members of one sample, as `index_shard` found them."""
    contents = {}
    for kind in kinds:
        extent = extents[kind]
        file.seek(extent.offset)
        contents[kind] = file.read(extent.size)
    return contents
