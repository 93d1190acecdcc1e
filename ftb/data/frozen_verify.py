"""Is a split still what was made: every byte against the manifest, and samples rendered once more."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ftb.data.frozen import FrozenPart, FrozenSplit
from ftb.data.frozen_manifest import MANIFEST, file_sha256
from ftb.data.frozen_plan import plan_shards
from ftb.data.frozen_render import SplitJob, SplitRenderer
from ftb.data.frozen_sample import KINDS, Sizes, decode_about, decode_linear, decode_png
from ftb.scene.lights import ENVIRONMENT_HEIGHT

# Pixels on another kind of processor: within one step of 8 bits, but for the few on edges of triangles,
# where rounding chooses another neighbour.
TOLERANCE = 1.0 / 255.0 + 1e-6  # one step, and the rounding of float32
MOST_BEYOND = 1e-3
_CHANNELS = {"mask.png": 1, "visibility.png": 1, "face.png": 3}


@dataclass(frozen=True, kw_only=True)
class Verification:
    """files: how many were compared; problems: one line each."""

    files: int
    problems: tuple[str, ...]


def verify_split(directory: Path) -> Verification:
    """Compare every file of a folder with its manifest: flipped bits, missing shards, foreign files."""
    manifest = FrozenSplit(directory).manifest
    expected = {shard.name: shard.sha256 for shard in manifest.shards} | manifest.files
    problems = []
    for name, digest in sorted(expected.items()):
        if not (directory / name).is_file():
            problems.append(f"{name} is missing")
        elif file_sha256(directory / name) != digest:
            problems.append(f"{name} was changed or damaged")
    foreign = sorted({path.name for path in directory.iterdir()} - set(expected) - {MANIFEST})
    problems += [f"{name} is no part of this split" for name in foreign]
    return Verification(files=len(expected), problems=tuple(problems))


@dataclass(frozen=True, kw_only=True)
class Rerendering:
    """identical: samples whose files came out the same, byte for byte; largest: difference of the others'
    pixels, of those of at most 1 in 1,000 on edges aside."""

    samples: int
    identical: int
    largest: float

    def describe(self) -> str:
        """One line."""
        if self.identical == self.samples:
            return f"{self.samples} samples rendered again: identical to the bit"
        return (
            f"{self.samples} samples rendered again: {self.identical} identical to the bit, the others "
            f"within {self.largest * 255.0:.2f}/255 (another kind of processor, or other versions)"
        )


def rerender(directory: Path, job: SplitJob) -> Rerendering:
    """Render the first chunk of every shard again, from what the samples' JSON says, and compare.

    ValueError where a sample's JSON does not name its own place, or a picture differs by more than 1/255
    (of its value, where that is above 1) in more than 1 of 1,000 pixels.
    """
    split, renderer = FrozenSplit(directory), SplitRenderer(job)
    samples = identical = 0
    largest = 0.0
    for shard in plan_shards(job.config):
        part = split.part(shard.part)
        about = decode_about(part.files(shard.first, ("json",))["json"])
        if (about.get("part"), about.get("index"), about.get("seed")) != (
            shard.part,
            shard.first,
            job.config.seed,
        ):
            raise ValueError(f"{part.where(shard.first)}: its JSON names another sample")
        count = min(job.config.scene.samples_per_head, shard.count)
        for index, files in renderer.samples(shard.part, int(about["chunk"]), count):
            samples += 1
            held = part.files(index)
            identical += held == files
            if held != files:
                largest = max(largest, _compared(part, index, held, files))
    return Rerendering(samples=samples, identical=identical, largest=largest)


def _compared(part: FrozenPart, index: int, held: dict[str, bytes], files: dict[str, bytes]) -> float:
    """The largest difference of two sets of files of one sample, without the few pixels on edges."""
    largest = 0.0
    for kind in KINDS:
        if kind == "json" or held[kind] == files[kind]:
            continue
        first, second = (_pixels(part.sizes, kind, content[kind]) for content in (held, files))
        difference = (first - second).abs() / first.abs().clamp_min(1.0)
        rest = difference.amax(dim=-1).flatten()
        allowed = int(MOST_BEYOND * rest.numel())
        found = float(rest.sort(descending=True).values[allowed])
        if found > TOLERANCE:
            raise ValueError(
                f"{part.where(index)}.{kind}: rendered again it differs by {found * 255.0:.1f}/255; the "
                "renderer, its versions or the files that heads and light came from are others"
            )
        largest = max(largest, found)
    return largest


def _pixels(sizes: Sizes, kind: str, content: bytes) -> Tensor:
    """(H, W, C) of any picture of a sample."""
    if kind == "env.exr":
        return decode_linear(content, ENVIRONMENT_HEIGHT, 2 * ENVIRONMENT_HEIGHT)
    size = sizes.ball if kind.startswith("ball_") else sizes.image
    if kind.endswith(".exr"):
        return decode_linear(content, size, size)
    pixels = decode_png(content, size, _CHANNELS.get(kind, 4))
    return pixels if pixels.dim() == 3 else torch.unsqueeze(pixels, -1)
