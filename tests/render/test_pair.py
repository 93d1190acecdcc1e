"""What is kept of heads, and which faces are drawn."""

from __future__ import annotations

import dataclasses

import torch

from ftb.render.base import resolve_rasterizer
from ftb.render.head_cache import HeadCache, shows_front_only
from ftb.render.sitting import Sitting, sittings
from ftb.scene.sampler import sample_chunk
from ftb.scene.scene_config import SceneConfig
from tests.render.shapes import BumpyHeads

CONFIG = SceneConfig(samples_per_head=2, sky_receivers=50, sky_directions=32)


class Recurring(BumpyHeads):
    recurring = True


def drawn(source, seed=0):
    return source.head(torch.Generator().manual_seed(seed))


def seated(source, number=0) -> Sitting:
    chunk = sample_chunk(CONFIG, source, None, seed=0, split="test", chunk=number)
    return sittings([chunk], apart=source.recurring)[0]


def test_a_closed_head_shows_its_front_only():
    head, rasterizer = drawn(BumpyHeads()), resolve_rasterizer("warp")
    assert shows_front_only(head, rasterizer)
    inside_out = dataclasses.replace(
        head, mesh=dataclasses.replace(head.mesh, faces=head.mesh.faces.flip(-1))
    )
    assert not shows_front_only(inside_out, rasterizer)


def test_recurring_heads_keep_their_transfer():
    source = Recurring()
    cache = HeadCache(CONFIG, source, resolve_rasterizer("warp"), keep=1)
    first, second = seated(source, 0), seated(source, 1)
    nothing = torch.zeros(2, first.mesh.vertices.shape[1], dtype=torch.uint8)
    kept = cache.transfer(first, nothing)
    assert cache.transfer(first, nothing) is kept
    assert float(kept.shadowed.max()) > 0.0  # all of it, whatever is shown
    cache.transfer(second, nothing)
    assert cache.transfer(first, nothing) is not kept  # only one is kept


def test_fresh_heads_cast_rays_for_what_is_shown():
    source = BumpyHeads()
    cache = HeadCache(CONFIG, source, resolve_rasterizer("warp"))
    sitting = seated(source)
    nothing = torch.zeros(2, sitting.mesh.vertices.shape[1], dtype=torch.uint8)
    assert len(cache.transfer(sitting, nothing).shadowed) == 0
    assert len(cache.transfer(sitting, 1 - nothing).shadowed) == CONFIG.sky_receivers
