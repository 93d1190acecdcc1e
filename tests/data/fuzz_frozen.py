"""Damage a split in thousands of ways: a reader answers with a sample or with one line, nothing else.

python -m tests.data.fuzz_frozen 5000
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ftb.data.frozen import FrozenSplit
from ftb.data.frozen_manifest import _canonical, sha256_of
from ftb.data.frozen_tar import index_shard
from tests.data.splits import content_of, tiny_split

Random = np.random.Generator
SHARD = "test-000001.tar"  # one sample
SECONDS = 5.0  # of computing: no mutation may take longer
INTERESTING = [
    b"\0",
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"NaN",
    b"1e999",
    b"-1",
    b"{",
    b"[" * 50,
    b'"',
    b"../",
]
VALUES: list[Any] = [None, -1, 0, 1e308, 2**70, "", "../x", "/x", [], {}, [[]], True, "\ud800", [None] * 3]


def flipped(content: bytes, random: Random) -> bytes:
    """Some bits changed."""
    damaged = bytearray(content)
    for place in random.integers(0, len(content), random.integers(1, 9)):
        damaged[place] ^= 1 << int(random.integers(8))
    return bytes(damaged)


def cut(content: bytes, random: Random) -> bytes:
    """The end is missing."""
    return content[: random.integers(0, len(content))]


def patched(content: bytes, random: Random) -> bytes:
    """Something interesting in place of some bytes, or between them."""
    place, piece = int(random.integers(len(content))), INTERESTING[random.integers(len(INTERESTING))]
    return content[:place] + piece + content[place + int(random.integers(2)) * len(piece) :]


def swapped(content: bytes, random: Random) -> bytes:
    """A stretch from elsewhere in the same file."""
    size = int(random.integers(1, 600))
    source, target = random.integers(0, max(len(content) - size, 1), 2)
    return content[:target] + content[source : source + size] + content[target + size :]


BLIND: list[Callable[[bytes, Random], bytes]] = [flipped, cut, patched, swapped]


def changed_value(document: Any, random: Random) -> Any:
    """One value somewhere in a JSON document replaced or removed."""
    node = document
    while isinstance(node, dict | list) and node:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = keys[random.integers(len(keys))]
        if not isinstance(node[key], dict | list) or not node[key] or random.random() < 0.25:
            if random.random() < 0.2:
                del node[key]
            else:
                node[key] = VALUES[random.integers(len(VALUES))]
            break
        node = node[key]
    return document


def resealed_manifest(content: bytes, random: Random) -> bytes:
    """A manifest whose values were changed by somebody who also fits its own sha256."""
    document = json.loads(content)
    del document["manifest_sha256"]
    if random.random() < 0.4:  # within the configuration's text
        text = document["configuration"].encode()
        document["configuration"] = BLIND[random.integers(4)](text, random).decode(errors="replace")
    else:
        document = changed_value(document, random)
    try:
        document["manifest_sha256"] = sha256_of(_canonical(document))
        return _canonical(document)
    except UnicodeEncodeError:
        return json.dumps(document).encode()


def resealed_shard(path: Path, content: bytes, random: Random) -> bytes:
    """A shard with damage within one member, its tar headers in order."""
    extents = next(iter(index_shard(path).values()))
    extent = extents[sorted(extents)[random.integers(len(extents))]]
    inside = content[extent.offset : extent.offset + extent.size]
    if inside.startswith(b"{") and random.random() < 0.8:
        damaged = json.dumps(changed_value(json.loads(inside), random)).encode()
    else:
        damaged = BLIND[random.integers(4)](inside, random)
    damaged = damaged[: extent.size].ljust(extent.size, b" ")
    return content[: extent.offset] + damaged + content[extent.offset + extent.size :]


def sealed_header(content: bytes, random: Random) -> bytes:
    """A tar header changed, its checksum fitting."""
    headers = [
        place for place in range(0, len(content), 512) if content[place + 257 : place + 262] == b"ustar"
    ]
    place = headers[random.integers(len(headers))]
    header = bytearray(flipped(patched(content[place : place + 512], random)[:512].ljust(512, b"\0"), random))
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    return content[:place] + bytes(header) + content[place + 512 :]


def mutations(random: Random, whole: dict[str, bytes]) -> tuple[str, bytes]:
    """Which file is damaged, and its new content."""
    path = tiny_split() / SHARD
    kind = int(random.integers(6))
    if kind == 0:
        return "manifest.json", BLIND[random.integers(4)](whole["manifest.json"], random)
    if kind <= 2:
        return "manifest.json", resealed_manifest(whole["manifest.json"], random)
    if kind == 3:
        return SHARD, BLIND[random.integers(4)](whole[SHARD], random)
    if kind == 4:
        return SHARD, sealed_header(whole[SHARD], random)
    return SHARD, resealed_shard(path, whole[SHARD], random)


def fuzz(count: int, seed: int) -> dict[str, int]:
    """Read `count` damaged splits; how many were refused, and how many read (the damage did no harm)."""
    random, whole = np.random.default_rng(seed), content_of(tiny_split())
    tally = {"refused": 0, "read": 0}
    with TemporaryDirectory() as above:
        folder = Path(above) / "split"
        folder.mkdir()
        for name, content in whole.items():
            (folder / name).write_bytes(content)
        for number in range(count):
            name, content = mutations(random, whole)
            if name == SHARD:  # its size would give it away at once
                content = content[: len(whole[SHARD])].ljust(len(whole[SHARD]), b"\0")
            (folder / name).write_bytes(content)
            with time_limit(f"mutation {number} of seed {seed} takes too long"):
                tally[_outcome(folder, number)] += 1
            (folder / name).write_bytes(whole[name])
        assert content_of(folder) == whole
        assert [path.name for path in Path(above).iterdir()] == ["split"]
    return tally


@contextmanager
def time_limit(message: str) -> Iterator[None]:
    """AssertionError, wherever the program is, after so many seconds of computing."""

    def stop(*_: object) -> None:
        raise AssertionError(message)

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)


def _outcome(folder: Path, number: int) -> str:
    try:
        part = FrozenSplit(folder).part("test")
        for index in range(len(part)):
            part.pair(index)
    except (ValueError, OSError) as error:
        message = str(error)
    else:
        return "read"
    assert "\n" not in message, f"mutation {number}: {message}"
    return "refused"


if __name__ == "__main__":
    print(fuzz(int(sys.argv[1]), seed=1))
