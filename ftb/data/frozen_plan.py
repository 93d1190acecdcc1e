"""What a frozen split consists of, before a pixel is rendered: counts, heads, and which shard holds what.

The plan is a function of the configuration alone: not of how many processes or machines carry it out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ftb import strict_toml
from ftb.scene.scene_config import SceneConfig

PARTS = ("train", "val", "test")
_MOST_SAMPLES = 10_000_000


def _require(holds: bool, name: str, expected: str, got: object) -> None:
    if not holds:
        raise ValueError(f"{name}: expected {expected}, got {got!r}")


@dataclass(frozen=True, kw_only=True)
class SplitConfig:
    """Everything that decides the bytes of a split, together with the files and versions it was made from.

    size, ball_size: pixels of the photograph (a multiple of 16) and of the reference balls; train, val,
    test: samples; heads: procedural, frozen (the sixteen that ship) or meshes (a folder);
    samples_per_shard: a multiple of scene.samples_per_head; renderer: never "auto" once written down.
    """

    seed: int = 0
    size: int = 256
    ball_size: int = 192
    train: int = 10_000
    val: int = 1_000
    test: int = 2_000
    heads: str = "procedural"
    samples_per_shard: int = 200
    renderer: str = "auto"
    scene: SceneConfig = field(default_factory=SceneConfig)

    def __post_init__(self) -> None:
        _require(self.size % 16 == 0 and 32 <= self.size <= 2048, "size", "a multiple of 16", self.size)
        _require(16 <= self.ball_size <= 1024, "ball_size", "16 to 1024 pixels", self.ball_size)
        for part in PARTS:
            count = getattr(self, part)
            _require(0 <= count <= _MOST_SAMPLES, part, f"0 to {_MOST_SAMPLES} samples", count)
        _require(self.train + self.val + self.test > 0, "test", "at least one sample in all", self.test)
        known = ("procedural", "frozen", "meshes")
        _require(self.heads in known, "heads", "one of " + ", ".join(known), self.heads)
        per_head = self.scene.samples_per_head
        _require(per_head >= 1, "scene.samples_per_head", "1 or more", per_head)
        whole = self.samples_per_shard >= 1 and self.samples_per_shard % per_head == 0
        expected = f"a multiple of scene.samples_per_head, {per_head}"
        _require(whole, "samples_per_shard", expected, self.samples_per_shard)

    @property
    def counts(self) -> dict[str, int]:
        """Samples by part."""
        return {part: getattr(self, part) for part in PARTS}


PRESETS: dict[str, SplitConfig] = {
    # One shard a head; ten draws at a time, so that light, pose and capture of a head are 100 conditions.
    "seed-1600": SplitConfig(
        train=1200,
        val=200,
        test=200,
        heads="frozen",
        samples_per_shard=100,
        scene=SceneConfig(samples_per_head=10),
    ),
    "standard": SplitConfig(),
}


@dataclass(frozen=True, kw_only=True)
class ShardPlan:
    """One shard: samples first + [0, count) of a part."""

    name: str
    part: str
    first: int
    count: int


def plan_shards(config: SplitConfig) -> list[ShardPlan]:
    """Every shard of the split, in order: train, val, test."""
    shards = []
    for part, samples in config.counts.items():
        for number, first in enumerate(range(0, samples, config.samples_per_shard)):
            count = min(config.samples_per_shard, samples - first)
            name = f"{part}-{number:06d}.tar"
            shards.append(ShardPlan(name=name, part=part, first=first, count=count))
    return shards


def chunks_of(config: SplitConfig, shard: ShardPlan) -> Iterator[tuple[int, int]]:
    """(chunk, samples kept of it) of a shard; only the last chunk of a part is not kept whole."""
    size = config.scene.samples_per_head
    for first in range(shard.first, shard.first + shard.count, size):
        yield first // size, min(size, shard.first + shard.count - first)


def key_of(part: str, index: int) -> str:
    """The name of a sample within its shard: `test-000012`."""
    return f"{part}-{index:06d}"


def config_to_text(config: SplitConfig) -> str:
    """The configuration as TOML."""
    return strict_toml.to_toml(config)


def config_from_text(text: str, *, where: str) -> SplitConfig:
    """Read a configuration back, strictly."""
    return strict_toml.parse(SplitConfig, text, where=where)
