"""The stream of pairs: a sample depends on its number alone."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from ftb.data.stream import PairStream, StreamConfig, single_threaded
from ftb.render.base import resolve_rasterizer
from ftb.render.pair import HeadCache, render_chunk
from ftb.scene.heads import resolve_heads
from ftb.scene.sampler import sample_chunk
from ftb.scene.scene_config import SceneConfig
from ftb.types import Pair, concatenate

SCENE = SceneConfig(samples_per_head=4, sky_receivers=100, sky_directions=32)


def draw(count: int, *, start: int = 0, rank: int = 0, world_size: int = 1, **changes: int) -> Pair:
    config = StreamConfig(image_size=32, ball_size=32, scene=SCENE, **({"workers": 0} | changes))
    with PairStream(config, split="train", rank=rank, world_size=world_size) as stream:
        return concatenate(list(stream.batches(start, count)))


def assert_same(one: Pair, other: Pair) -> None:
    for field in dataclasses.fields(Pair):
        left, right = getattr(one, field.name), getattr(other, field.name)
        if isinstance(left, torch.Tensor):
            assert torch.equal(left, right), field.name
        else:
            assert torch.equal(left.key_irradiance, right.key_irradiance), field.name


# Pairs of three blocks, which are of 64 pictures each.
COUNT = 144


@pytest.fixture(scope="module")
def reference() -> Pair:
    return draw(2, batch_size=72)


def test_batch_size_does_not_matter(reference):
    pairs = draw(8, batch_size=18)
    assert pairs.index.tolist() == list(range(COUNT))
    assert_same(pairs, reference)


def test_workers_do_not_matter(reference):
    # Two workers: the second one's first block is block 1.
    assert_same(draw(2, batch_size=72, workers=2), reference)


def test_seeking_does_not_matter(reference):
    assert_same(draw(1, start=1, batch_size=72), reference[72:])


def test_ranks_share_the_samples_out(reference):
    ranks = [draw(2, batch_size=36, rank=rank, world_size=2) for rank in range(2)]
    assert ranks[0].index.tolist() == [*range(36), *range(72, 108)]
    assert ranks[1].index.tolist() == [*range(36, 72), *range(108, COUNT)]
    assert_same(concatenate([ranks[0][:36], ranks[1][:36], ranks[0][36:], ranks[1][36:]]), reference)


@pytest.mark.parametrize(
    ("samples", "batch_size", "world_size", "multiple"),
    [(4, 18, 1, None), (4, 18, 2, 16), (4, 64, 2, None), (5, 32, 2, 30), (5, 30, 2, None), (1, 18, 2, None)],
)
def test_ranks_overlap_where_batches_are_parts_of_blocks(samples, batch_size, world_size, multiple):
    scene = dataclasses.replace(SCENE, samples_per_head=samples)
    config = StreamConfig(image_size=32, ball_size=32, scene=scene, batch_size=batch_size, workers=1)
    with PairStream(config, split="train", world_size=world_size) as stream:
        assert stream.wanted_multiple == multiple


def test_seed_and_split_do_matter(reference):
    assert not torch.equal(draw(1, batch_size=12, seed=1).photo_srgb, reference[:12].photo_srgb)


def test_few_heads_come_back_in_turns_under_other_light(reference):
    few = draw(2, batch_size=12, heads_count=2)
    assert_same(few[:8], reference[:8])
    # Chunk 2 shows the head of chunk 0 from elsewhere: the same skin, unlike that of the third head.
    assert torch.equal(few.lighting.key_dirs, reference.lighting.key_dirs[:24])
    assert not torch.equal(few.photo_srgb[8:12], reference.photo_srgb[8:12])
    skins = [_skin(few[first : first + 4]) for first in (0, 4, 8)]
    third = _skin(reference[8:12])
    assert abs(skins[2] - skins[0]) < 0.5 * min(abs(third - skins[0]), abs(skins[1] - skins[0]))


def _skin(pair: Pair) -> float:
    """Mean albedo of what is seen of a head."""
    return float((pair.albedo_linear * pair.mask[..., None]).sum() / pair.mask.sum())


def test_validation_meets_endless_heads(reference):
    config = StreamConfig(image_size=32, ball_size=32, batch_size=12, workers=0, scene=SCENE)
    pairs = []
    for count in (0, 1):
        with PairStream(dataclasses.replace(config, heads_count=count), split="val") as stream:
            pairs.append(concatenate(list(stream.batches(0, 1))))
    assert_same(*pairs)


def test_pairs_are_what_they_say(reference):
    assert float(reference.photo_srgb.min()) >= 0.0
    assert float(reference.photo_srgb.max()) <= 1.0
    covered = reference.mask > 0
    lengths = reference.normals[covered].norm(dim=-1)
    torch.testing.assert_close(lengths, torch.ones_like(lengths), rtol=0, atol=1e-4)
    # The camera sees the side that faces it (interpolated normals may lean away a little).
    assert float((reference.normals[covered][:, 2] < -0.3).float().mean()) < 0.02
    assert float(reference.ball_linear.min()) >= 0.0
    for field in dataclasses.fields(Pair):
        value = getattr(reference, field.name)
        if isinstance(value, torch.Tensor):
            assert bool(torch.isfinite(value.float()).all()), field.name


def test_wrong_sizes_are_refused():
    with pytest.raises(ValueError, match=r"image_size: expected a multiple of 16"):
        StreamConfig(image_size=100)


@pytest.mark.parametrize(
    ("samples", "size", "cpu", "cuda"),
    [(1, 128, 64, 256), (8, 128, 8, 32), (16, 256, 2, 8), (64, 32, 1, 4), (1, 512, 8, 32), (8, 2048, 1, 1)],
)
def test_blocks_are_64_pictures_or_fewer_if_large(samples, size, cpu, cuda):
    scene = dataclasses.replace(SCENE, samples_per_head=samples)
    for batch_size in (4, 256):
        config = StreamConfig(image_size=size, batch_size=batch_size, scene=scene)
        assert config.chunks_at_once() == cpu, "whatever the batch size"
    assert config.chunks_at_once("cuda") == cuda
    assert dataclasses.replace(config, batch_size=samples).chunks_at_once("cuda") == 1


@pytest.mark.parametrize(("batch_size", "chunks"), [(32, 4), (128, 8), (72, 8), (200, 5), (7, 1), (52, 6)])
def test_blocks_of_several_ranks_make_up_batches_if_they_can(batch_size, chunks):
    config = StreamConfig(batch_size=batch_size, scene=SceneConfig(samples_per_head=8))
    assert config.chunks_at_once("cpu", ranks=2) == chunks


@pytest.mark.parametrize(("size", "batch_size", "chunks"), [(256, 96, 12), (256, 192, 12), (256, 200, 16)])
def test_blocks_on_a_gpu_make_up_batches_if_they_can(size, batch_size, chunks):
    config = StreamConfig(image_size=size, batch_size=batch_size, scene=SceneConfig(samples_per_head=8))
    assert config.chunks_at_once("cuda") == chunks


def test_few_samples_a_head_are_rendered_with_those_of_other_heads():
    small = dataclasses.replace(SCENE, samples_per_head=1)
    config = StreamConfig(image_size=32, ball_size=32, batch_size=20, workers=0, scene=small)
    with PairStream(config, split="train") as stream:
        pairs = concatenate(list(stream.batches(0, 2)))
        later = next(stream.batches(1, 1))
    assert pairs.index.tolist() == list(range(40))
    assert_same(later, pairs[20:])
    # As if each were alone, but for the last bits of sums.
    renderer = resolve_rasterizer("warp")
    heads = resolve_heads(None)
    cache = HeadCache(small, heads, renderer)
    with single_threaded(), torch.inference_mode():
        for number in (0, 9, 33):
            chunk = sample_chunk(small, heads, None, seed=0, split="train", chunk=number)
            alone = render_chunk(chunk, renderer, cache, size=32, ball_size=32)
            for field in ("photo_srgb", "mask", "normals", "visibility", "residual_linear", "ball_linear"):
                one, other = getattr(alone, field)[0], getattr(pairs, field)[number]
                torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
