"""A stand-in for `PairStream`: tiny shaded balls as faces, a function of (seed, split, index) alone."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from typing import Any

import torch

from ftb.maths.sphere import ball_normals
from ftb.types import Lighting, Pair, stack


def fake_sample(seed: int, split: str, index: int, image_size: int, ball_size: int) -> Pair:
    """One unbatched pair: a white ball under one key light and an even environment."""
    digest = hashlib.blake2b(f"{seed} {split} {index}".encode(), digest_size=7).digest()
    draws = torch.Generator().manual_seed(int.from_bytes(digest, "big"))
    direction = torch.nn.functional.normalize(torch.randn(3, generator=draws), dim=0)
    strength = 0.5 + torch.rand(3, generator=draws)
    ambient = torch.zeros(9, 3)
    ambient[0] = 0.2
    lighting = Lighting(
        sh_coeffs=ambient,
        key_dirs=direction[None],
        key_irradiance=strength[None],
        key_angular_radius=torch.full((1,), 0.05),
    )
    photo, normals, mask = _shaded(image_size, direction, strength)
    ball, _, _ = _shaded(ball_size, direction, strength)
    return Pair(
        photo_srgb=photo.clamp(0.0, 1.0),
        mask=mask.float(),
        normals=normals,
        albedo_linear=0.5 * mask[..., None].expand(*mask.shape, 3).float(),
        visibility=torch.ones_like(mask, dtype=torch.float32),
        residual_linear=torch.zeros_like(photo),
        ball_linear=0.4 * ball,
        lighting=lighting,
        index=torch.tensor(index),
    )


def _shaded(size: int, direction: torch.Tensor, strength: torch.Tensor) -> tuple[torch.Tensor, ...]:
    normals, mask = ball_normals(size)
    lit = (normals @ direction).clamp_min(0.0)[..., None] * strength + 0.1
    return lit * mask[..., None], normals, mask


class FakeStream:
    """The interface of `PairStream`, rendered in place by `fake_sample`."""

    delay = 0.0

    def __init__(
        self, config: Any, *, split: str, rank: int = 0, world_size: int = 1, **sources: Any
    ) -> None:
        self.config, self.split, self.rank, self.world_size = config, split, rank, world_size
        self.device = sources.get("device", torch.device("cpu"))
        self.render_seconds = 0.0
        self.wanted_multiple = 32 if world_size > 1 else None

    def batches(self, start: int = 0, count: int | None = None) -> Iterator[Pair]:
        config, number = self.config, start
        while count is None or number < start + count:
            first = (number * self.world_size + self.rank) * config.batch_size
            sizes = (config.image_size, config.ball_size)
            samples = [
                fake_sample(config.seed, self.split, first + i, *sizes) for i in range(config.batch_size)
            ]
            time.sleep(self.delay)
            self.render_seconds += 0.001
            yield stack(samples).to(self.device)
            number += 1

    def close(self) -> None:
        pass

    def __enter__(self) -> FakeStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


TINY = (
    "net.widths=[8,8,8,8]",
    "net.blocks=[0,1,1,1]",
    "net.decoder_widths=[8,8,8]",
    "net.stage_b_widths=[8,8,8]",
    "net.head_width=16",
    "net.head_grid=2",
    "net.ball_size=16",
    "net.discriminator_widths=[8,8]",
    "stream.ball_size=16",
    "stream.image_size=32",
    "stream.batch_size=4",
    "stream.workers=0",
    "train.val_samples=10",
    "train.preview_count=6",
    "train.baseline_samples=12",
    "train.warmup_steps=2",
    "train.log_every=2",
)
