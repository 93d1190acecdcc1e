"""manifest.json: what a split is, what it was made from, and the sha256 of every file of it.

The text is canonical and carries its own sha256, so that a changed bit anywhere in it is found. While a
split is being made, plan.json holds the same document without the shards.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ftb.data.frozen_plan import PARTS, SplitConfig, config_from_text, config_to_text, plan_shards

FORMAT = "ftb-split"
VERSION = 1
MANIFEST, PLAN = "manifest.json", "plan.json"
_MOST_BYTES = 64 * 2**20
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FIELDS = {
    *("configuration", "counts", "environments", "files", "format", "generator", "heads"),
    *("manifest_sha256", "shards", "version"),
}


@dataclass(frozen=True, kw_only=True)
class ShardRecord:
    """A finished shard."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A split. heads, environments: by part, file name to sha256 of what that part alone was made from;
    empty where heads are procedural, or light is. generator: versions by name. files: sha256 by name of
    what is no shard. shards, files: empty in a plan."""

    config: SplitConfig
    generator: dict[str, str]
    heads: dict[str, dict[str, str]]
    environments: dict[str, dict[str, str]]
    shards: tuple[ShardRecord, ...] = ()
    files: dict[str, str] = field(default_factory=dict)


def manifest_bytes(manifest: Manifest) -> bytes:
    """The file's content: sorted JSON, one form only."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "configuration": config_to_text(manifest.config),
        "counts": manifest.config.counts,
        "environments": manifest.environments,
        "files": manifest.files,
        "generator": manifest.generator,
        "heads": manifest.heads,
        "shards": [vars(shard) for shard in manifest.shards],
    }
    document["manifest_sha256"] = sha256_of(_canonical(document))
    return _canonical(document)


def _canonical(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def sha256_of(content: bytes) -> str:
    """Hexadecimal digest."""
    return hashlib.sha256(content).hexdigest()


def file_sha256(path: Path) -> str:
    """Hexadecimal digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.json or plan.json; ValueError in one line for anything that is not one, whole."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; `ftb export-split` makes a split")
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(f"{path}: too large for a manifest of a split")
    content = path.read_bytes()
    try:
        document = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not readable as JSON; it is damaged") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"{path}: not a manifest of a split of ftb")
    version = document.get("version")
    if version != VERSION:
        raise ValueError(f"{path}: expected format version {VERSION}, got {version!r}; update ftb to read it")
    try:
        if not _sealed(document, content):
            raise ValueError(f"{path}: was changed after it was written; its own sha256 does not fit")
        return _manifest(document, str(path))
    except (TypeError, RecursionError, UnicodeEncodeError) as error:
        raise ValueError(f"{path}: damaged") from error


def _sealed(document: dict[str, Any], content: bytes) -> bool:
    """Whether the text is in its one form and its own sha256 fits. The configuration's text is not written
    anew for that: what a split of an earlier version does not mention has today's default."""
    rest = {name: value for name, value in document.items() if name != "manifest_sha256"}
    return document.get("manifest_sha256") == sha256_of(_canonical(rest)) and _canonical(document) == content


def _manifest(document: dict[str, Any], where: str) -> Manifest:
    missing, unknown = sorted(_FIELDS - set(document)), sorted(set(document) - _FIELDS)
    if missing or unknown:
        raise ValueError(f"{where}: fields: missing {missing[:3]}, unknown {unknown[:3]}")
    text = document["configuration"]
    if not isinstance(text, str):
        raise ValueError(f"{where}: configuration: expected text, got {type(text).__name__}")
    config = config_from_text(text, where=f"{where}: configuration")
    if document["counts"] != config.counts:
        raise ValueError(f"{where}: counts: expected those of its configuration, got {document['counts']!r}")
    shards = document["shards"]
    if not isinstance(shards, list):
        raise ValueError(f"{where}: shards: expected a list, got {type(shards).__name__}")
    records = tuple(_record(shard, where) for shard in shards)
    names = [shard.name for shard in plan_shards(config)] if records else []
    if [record.name for record in records] != names:
        raise ValueError(f"{where}: shards: expected the {len(names)} that its configuration asks for")
    return Manifest(
        config=config,
        generator=_texts(document["generator"], f"{where}: generator"),
        heads=_by_part(document["heads"], f"{where}: heads"),
        environments=_by_part(document["environments"], f"{where}: environments"),
        shards=records,
        files=_digests(document["files"], f"{where}: files"),
    )


def _record(value: Any, where: str) -> ShardRecord:
    if not isinstance(value, dict) or set(value) != {"name", "bytes", "sha256"}:
        raise ValueError(f"{where}: shards: expected name, bytes and sha256 of each")
    size, digest = value["bytes"], value["sha256"]
    if type(size) is not int or size < 0 or not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        raise ValueError(f"{where}: shards: damaged entry {str(value['name'])[:40]!r}")
    return ShardRecord(name=value["name"], bytes=size, sha256=digest)


def _by_part(value: Any, where: str) -> dict[str, dict[str, str]]:
    if not isinstance(value, dict) or not set(value) <= set(PARTS):
        raise ValueError(f"{where}: expected an object by part")
    return {part: _digests(files, where) for part, files in value.items()}


def _digests(value: Any, where: str) -> dict[str, str]:
    digests = _texts(value, where)
    if not all(_SHA256.fullmatch(digest) for digest in digests.values()):
        raise ValueError(f"{where}: expected a sha256 for each name")
    if any("/" in name or "\\" in name or name in ("", ".", "..") for name in digests):
        raise ValueError(f"{where}: expected plain file names")
    return digests


def _texts(value: Any, where: str) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise ValueError(f"{where}: expected an object of strings")
    return value
