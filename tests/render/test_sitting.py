"""Heads of one topology rendered at once: the pairs of each alone, by every device's kernels."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ftb.render import face_rows, pair, shadow, sky, sky_occluder, texture, warp_backend
from ftb.render import shade_fused as shade_fused_module
from ftb.render.antialias import Outlines
from ftb.render.base import resolve_rasterizer
from ftb.render.develop_fused import DEVELOPERS
from ftb.render.faces import face_planes
from ftb.render.light_maps import light_maps
from ftb.render.pair import HeadCache, render_chunk, render_chunks
from ftb.render.shade_fused import SHADERS, VERTEX_LIGHTERS, Illumination, empty_layers, shade_fused
from ftb.render.sitting import sittings
from ftb.scene.heads_anny import AnnyHeads
from ftb.scene.sampler import Chunk, sample_chunk, sample_chunks
from ftb.scene.scene_config import SceneConfig
from ftb.types import Pair, concatenate
from tests.render.shapes import AlikeHeads, BumpyHeads

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


def config(samples: int) -> SceneConfig:
    return SceneConfig(samples_per_head=samples, sky_receivers=100, sky_directions=48)


def drawn(samples: int, source: BumpyHeads) -> list[Chunk]:
    return [
        sample_chunk(config(samples), source, None, seed=2, split="test", chunk=number)
        for number in range(HEADS)
    ]


def rendered(samples: int, source: BumpyHeads | None = None) -> tuple[Pair, Pair]:
    """All at once, and one after the other."""
    source, rasterizer = source or AlikeHeads(), resolve_rasterizer("warp")
    chunks = drawn(samples, source)
    cache = HeadCache(config(samples), source, rasterizer)
    with torch.inference_mode():
        together = render_chunks(chunks, rasterizer, cache, size=SIZE, ball_size=16)
        alone = [render_chunk(chunk, rasterizer, cache, size=SIZE, ball_size=16) for chunk in chunks]
    return together, concatenate(alone)


def assert_same(one: Pair, other: Pair) -> None:
    """To the bit."""
    for name in FIELDS:
        torch.testing.assert_close(getattr(one, name), getattr(other, name), rtol=0.0, atol=0.0)


def as_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for table in BY_DEVICE:
        monkeypatch.setitem(table, "cpu", table["cuda"])
    monkeypatch.setattr(warp_backend, "_nothing_seen", lambda *_: None)
    monkeypatch.setattr(sky_occluder, "_KEPT", sky_occluder._Kept())
    unmetered = lambda *layers, **_: replace(empty_layers(*layers), metered=None)  # noqa: E731
    monkeypatch.setattr(pair, "empty_layers", unmetered)
    monkeypatch.setattr(shadow, "ROWS", shadow.VERTICES)
    monkeypatch.setattr(shade_fused_module, "made_late", lambda *_: False)
    monkeypatch.setattr(face_rows, "LEAST_FACES", 1_000_000)


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_together_as_alone(samples, device, monkeypatch):
    if device == "cuda":
        as_a_gpu(monkeypatch)
    assert_same(*rendered(samples))


def test_recurring_heads_are_rendered_one_after_the_other():
    class OneHead(AlikeHeads):
        recurring = True

        def head(self, generator):
            return super().head(torch.Generator().manual_seed(5))

    together, alone = rendered(2, OneHead())
    assert_same(together, alone)
    assert not torch.equal(together.normals[0], together.normals[2])


def test_heads_that_show_nothing():
    """One that stands beside its pictures asks for no receivers."""
    source, rasterizer = AlikeHeads(), resolve_rasterizer("warp")
    chunks = drawn(1, source)
    aside = chunks[1].camera.cam_from_world.clone()
    aside[:, 0, 3] += 5.0
    chunks[1] = replace(chunks[1], camera=replace(chunks[1].camera, cam_from_world=aside))
    cache = HeadCache(config(1), source, rasterizer)
    with torch.inference_mode():
        together = render_chunks(chunks, rasterizer, cache, size=SIZE, ball_size=16)
        alone = [render_chunk(chunk, rasterizer, cache, size=SIZE, ball_size=16) for chunk in chunks]
    assert [float(mask.sum()) > 0.0 for mask in together.mask] == [True, False, True]
    assert_same(together, concatenate(alone))


def test_outlines_of_a_picture_are_those_of_its_head():
    chunks = drawn(2, AlikeHeads())
    (sitting,) = sittings(chunks, apart=False)
    edges = torch.zeros(0, 4, dtype=torch.int32)
    outlines = Outlines(
        mesh=sitting.mesh,
        edges=edges,
        planes=face_planes(sitting.mesh),
        camera=sitting.camera,
        depth=torch.arange(6.0).view(6, 1, 1),
        culled=True,
    )
    one = outlines.picture(3)
    assert torch.equal(one.mesh.vertices, chunks[1].head.mesh.vertices)
    assert torch.equal(one.planes, face_planes(chunks[1].head.mesh))
    assert torch.equal(one.camera.cam_from_world, chunks[1].camera.cam_from_world[1:])
    assert float(one.depth) == 3.0


def test_shapes_and_skins_that_do_not_fit_are_refused():
    chunks = drawn(2, AlikeHeads())
    (sitting,) = sittings(chunks, apart=False)
    fragments = resolve_rasterizer("warp").rasterize(chunks[0].head.mesh, sitting.camera, SIZE)
    drawn_one = chunks[0].lighting
    light = Illumination(lighting=drawn_one, maps=light_maps(drawn_one), sky_visibility=torch.ones(2, 1, 3))
    one_skin = sitting.skin[:1]
    with pytest.raises(ValueError, match=r"mesh.vertices: .* got 3 shapes, 1 skins, 6 pictures"):
        shade_fused(sitting.mesh, one_skin, sitting.camera, fragments, light)
    with pytest.raises(ValueError, match=r"got 3 shapes, 3 skins, 5 pictures"):
        shade_fused(sitting.mesh, sitting.skin, sitting.camera, fragments[:5], light)


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


def test_painted_skins_are_looked_up_where_they_lie():
    source = AnnyHeads(texture_size=64)
    chunks = sample_chunks(config(1), dict.fromkeys(range(HEADS), source), None, seed=2, split="test")
    (sitting,) = sittings(chunks, apart=False)
    skin = sitting.skin
    for number, chunk in enumerate(chunks):
        assert torch.equal(skin.albedo_linear[number], chunk.head.albedo_linear)
        assert torch.equal(skin.material[number], chunk.head.material)
    levels = texture.pyramid(skin.albedo_linear, skin.material)
    assert levels.finest.data_ptr() == chunks[0].head.albedo_linear.data_ptr()
    assert torch.equal(levels.finest.view(HEADS, 64, 64, 5)[..., 3:], skin.material)
