"""Heads of one topology rendered at once: the pairs of each alone, by every device's kernels."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ftb.render import face_rows, pair, shadow, sky, sky_occluder, texture, warp_backend
from ftb.render.base import resolve_rasterizer
from ftb.render.develop_fused import DEVELOPERS
from ftb.render.pair import HeadCache, render_chunk, render_chunks
from ftb.render.shade_fused import SHADERS, VERTEX_LIGHTERS, empty_layers
from ftb.render.sitting import sittings
from ftb.scene.sampler import Chunk, sample_chunk
from ftb.scene.scene_config import SceneConfig
from ftb.types import Pair, concatenate
from tests.render.shapes import BumpyHeads

SIZE = 64
HEADS = 3
FIELDS = ("photo_srgb", "mask", "normals", "albedo_linear", "visibility", "residual_linear", "ball_linear")
# What a GPU runs, where it has another kernel than the CPU.
BY_DEVICE = (
    *(
        SHADERS,
        VERTEX_LIGHTERS,
        DEVELOPERS,
        shadow.DRAWERS,
        texture.FILLERS,
        sky.SHARES,
        sky.MARKS,
        sky.CHOOSERS,
    ),
    *(sky_occluder.OCCLUDERS, warp_backend.DRAWERS),
)


class AlikeHeads(BumpyHeads):
    """Heads of one topology."""

    def __init__(self) -> None:
        self.first = super().head(torch.Generator().manual_seed(0)).mesh

    def head(self, generator):
        head = super().head(generator)
        assert torch.equal(head.mesh.faces, self.first.faces)
        return replace(head, mesh=replace(head.mesh, faces=self.first.faces, uvs=self.first.uvs))


def config(samples: int) -> SceneConfig:
    return SceneConfig(samples_per_head=samples, sky_receivers=100, sky_directions=48)


def drawn(samples: int, source: BumpyHeads) -> list[Chunk]:
    return [
        sample_chunk(config(samples), source, None, seed=2, split="test", chunk=number)
        for number in range(HEADS)
    ]


def rendered(samples: int) -> tuple[Pair, Pair]:
    """All at once, and one after the other."""
    source, rasterizer = AlikeHeads(), resolve_rasterizer("warp")
    chunks = drawn(samples, source)
    cache = HeadCache(config(samples), source, rasterizer)
    with torch.inference_mode():
        together = render_chunks(chunks, rasterizer, cache, size=SIZE, ball_size=16)
        alone = [render_chunk(chunk, rasterizer, cache, size=SIZE, ball_size=16) for chunk in chunks]
    return together, concatenate(alone)


def as_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for table in BY_DEVICE:
        monkeypatch.setitem(table, "cpu", table["cuda"])
    monkeypatch.setattr(warp_backend, "_nothing_seen", lambda *_: None)
    monkeypatch.setattr(sky_occluder, "_KEPT", sky_occluder._Kept())
    unmetered = lambda *layers, **_: replace(empty_layers(*layers), metered=None)  # noqa: E731
    monkeypatch.setattr(pair, "empty_layers", unmetered)
    monkeypatch.setattr(shadow, "ROWS", shadow.VERTICES)
    monkeypatch.setattr(face_rows, "LEAST_FACES", 1_000_000)


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_together_as_alone(samples, device, monkeypatch):
    if device == "cuda":
        as_a_gpu(monkeypatch)
    together, alone = rendered(samples)
    for name in FIELDS:
        # but for the last bits of products of matrices
        torch.testing.assert_close(getattr(together, name), getattr(alone, name), rtol=1e-4, atol=1e-4)


def test_a_gpus_kernels_say_the_same(monkeypatch):
    ours, _ = rendered(2)
    as_a_gpu(monkeypatch)
    theirs, _ = rendered(2)
    for name in FIELDS:
        one, other = getattr(ours, name), getattr(theirs, name)
        off = (one - other).abs() > 1e-4 * float(one.abs().max())
        assert float(off.float().mean()) <= 1e-3, name  # edges and steps that round otherwise


def test_heads_sit_together_if_alike():
    chunks = drawn(2, AlikeHeads())
    (all_three,) = sittings(chunks, apart=False)
    assert (len(all_three.mesh.vertices), len(all_three.camera.near)) == (HEADS, 2 * HEADS)
    assert torch.equal(all_three.mesh.normals[1], chunks[1].head.mesh.normals[0])
    assert torch.equal(all_three.skin.material[2], chunks[2].head.material)
    assert len(sittings(chunks, apart=True)) == HEADS
    assert len(sittings(drawn(2, BumpyHeads()), apart=False)) == HEADS


def test_heads_that_lie_in_a_row_are_not_copied():
    chunks = drawn(1, AlikeHeads())
    skins = torch.stack([chunk.head.albedo_linear for chunk in chunks])
    rows = [
        replace(chunk, head=replace(chunk.head, albedo_linear=skin))
        for chunk, skin in zip(chunks, skins, strict=True)
    ]
    (sitting,) = sittings(rows, apart=False)
    assert sitting.skin.albedo_linear.data_ptr() == skins.data_ptr()
    assert torch.equal(sitting.skin.albedo_linear, skins)
    (turned,) = sittings(rows[::-1], apart=False)
    assert torch.equal(turned.skin.albedo_linear, skins.flip(0))
