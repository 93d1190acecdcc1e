"""Heads and environments of a split, part by part: what one part is made from, no other part sees."""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ftb.assets_path import assets_path
from ftb.data.frozen_manifest import file_sha256
from ftb.data.frozen_plan import PARTS, SplitConfig
from ftb.scene.heads import Head, HeadSource
from ftb.scene.heads_anny import AnnyHeads
from ftb.scene.heads_frozen import FrozenHeads
from ftb.scene.heads_mesh import SUFFIXES as MESH_SUFFIXES
from ftb.scene.heads_mesh import MeshHeads
from ftb.scene.lights import Environment, prepare_environment

# Of the sixteen heads that ship: a lighter and a darker one, a woman and a man, for each held-out part.
FROZEN_HELD_OUT = {"val": ("frozen_06", "frozen_13"), "test": ("frozen_01", "frozen_10")}
# Of a folder's files; at least one each.
HELD_OUT_SHARE = 1.0 / 8.0
ENVIRONMENT_SUFFIXES = (".exr", ".hdr")

FilesByPart = dict[str, dict[str, str]]


@dataclass(frozen=True, kw_only=True)
class SplitFiles:
    """What the user hands over. heads: a folder of meshes; environments: maps (H, 2H, 3) by file name, with
    the sha256 of each file."""

    heads: Path | None = None
    environments: dict[str, Tensor] | None = None
    environment_digests: dict[str, str] | None = None


def digests_in(folder: Path, suffixes: tuple[str, ...]) -> dict[str, str]:
    """sha256 by name of the files of a folder that end in one of `suffixes`."""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in suffixes and path.is_file())
    return {path.name: file_sha256(path) for path in files}


def held_out(digests: dict[str, str], wanted: tuple[str, ...], what: str) -> FilesByPart:
    """Share files out among the parts by the hash of their content, whatever they are called.

    An eighth of them, at least one, for test, as many for val, the rest for train. Copies of one file stay
    together. Where a split has only one part that part gets them all.
    """
    if len(wanted) == 1:
        return {wanted[0]: dict(sorted(digests.items()))}
    order = sorted(set(digests.values()), key=lambda digest: hashlib.sha256(digest.encode()).hexdigest())
    if len(order) < 3:
        raise ValueError(
            f"{what}: expected at least 3 different files, one for each of {', '.join(PARTS)}, got "
            f"{len(order)}; for a split of one part set the counts of the others to 0"
        )
    count = max(1, round(HELD_OUT_SHARE * len(order)))
    chosen = {"test": order[:count], "val": order[count : 2 * count], "train": order[2 * count :]}
    return {
        part: {name: digest for name, digest in sorted(digests.items()) if digest in chosen[part]}
        for part in PARTS
    }


def parts_of(config: SplitConfig) -> tuple[str, ...]:
    """The parts that have samples."""
    return tuple(part for part in PARTS if config.counts[part])


def heads_by_part(config: SplitConfig, heads_dir: Path | None) -> FilesByPart:
    """Files of the heads of each part; {} for procedural heads, which are new with every draw."""
    if config.heads == "procedural":
        return {}
    if config.heads == "frozen":
        digests = digests_in(assets_path() / "heads", (".npz",))
        digests = {name: value for name, value in digests.items() if name.startswith("frozen_")}
        part_of = {f"{name}.npz": part for part, names in FROZEN_HELD_OUT.items() for name in names}
        return {
            part: {name: value for name, value in digests.items() if part_of.get(name, "train") == part}
            for part in PARTS
        }
    if heads_dir is None or not heads_dir.is_dir():
        raise ValueError(f"heads: expected the folder of meshes that the split is made from, got {heads_dir}")
    digests = digests_in(heads_dir, MESH_SUFFIXES)
    if not digests:
        raise ValueError(f"heads: expected .glb, .obj or .ply files in {heads_dir}, found none")
    return held_out(digests, parts_of(config), "heads")


class PartSource:
    """Heads and environments of one part, in one process."""

    def __init__(self, config: SplitConfig, part: str, files: SplitFiles, heads: FilesByPart) -> None:
        self.source = _source(config, files)
        self._heads: list[Head] = []
        if isinstance(self.source, FrozenHeads | MeshHeads):
            names = set(heads[part])
            self._heads = [head for head in self.source.loaded if names & {head.name, f"{head.name}.npz"}]
        size = config.scene.samples_per_head
        self._chunks = -(-config.counts[part] // size)
        self.environments = _prepared(config, part, files)

    def source_of(self, chunk: int) -> HeadSource:
        """Where the head of a chunk comes from: procedural ones from its seed, others in equal turns, each
        for a run of chunks."""
        if not self._heads:
            return self.source
        one = copy.copy(self.source)
        assert isinstance(one, FrozenHeads | MeshHeads)
        one.loaded = [self._heads[chunk * len(self._heads) // max(self._chunks, chunk + 1)]]
        return one


def _source(config: SplitConfig, files: SplitFiles) -> HeadSource:
    if config.heads == "procedural":
        return AnnyHeads()
    if config.heads == "frozen":
        return FrozenHeads()
    if files.heads is None:
        raise ValueError("heads: expected the folder of meshes that the split is made from; add --heads")
    return MeshHeads(files.heads)


def _prepared(config: SplitConfig, part: str, files: SplitFiles) -> list[Environment] | None:
    if not files.environments:
        return None
    with torch.inference_mode():
        names = environments_by_part(config, files)[part]
        return [prepare_environment(files.environments[name]) for name in names]


def environments_by_part(config: SplitConfig, files: SplitFiles) -> FilesByPart:
    """Files of the environments of each part; {} for procedural light."""
    if not files.environment_digests:
        return {}
    return held_out(files.environment_digests, parts_of(config), "environments")
