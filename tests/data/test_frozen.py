"""Frozen splits as a source of pairs: the same pairs that were rendered, in an order of their own."""

from __future__ import annotations

import dataclasses
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
import torch

from ftb.data.frozen import FrozenSettings, FrozenSplit, FrozenStream, reduced
from ftb.data.frozen_exr import decode_exr, encode_exr
from ftb.data.frozen_manifest import _canonical, read_manifest, sha256_of
from ftb.data.frozen_plan import config_from_text, config_to_text
from ftb.data.frozen_render import draw_name
from ftb.data.frozen_sample import decode_pair
from ftb.data.frozen_sources import FROZEN_HELD_OUT, held_out
from ftb.data.stream import StreamConfig
from ftb.render.ball import render_ball
from ftb.render.base import resolve_rasterizer
from ftb.render.pair import HeadCache, render_chunk
from ftb.scene.heads_frozen import FrozenHeads
from ftb.scene.sampler import sample_chunk
from ftb.types import Pair, stack
from tests.data.splits import copied, tiny_split

STREAM = StreamConfig(image_size=64, ball_size=16, batch_size=4, workers=0)


def _stream(config: StreamConfig = STREAM, part: str = "train", **place: int) -> FrozenStream:
    settings = FrozenSettings(directory=tiny_split(), part=part, shuffled=part == "train")
    return FrozenStream(config, settings=settings, device=torch.device("cpu"), **place)


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (16, 32), (33, 64), (40, 17)])
@pytest.mark.parametrize("exact", [False, True])
def test_exr_is_read_as_openexr_reads_it(shape: tuple[int, int], exact: bool) -> None:
    pixels = np.random.default_rng(0).lognormal(size=(*shape, 3)).astype(np.float32)
    content = encode_exr(pixels, exact=exact)
    oracle = OpenEXR.File(io.BytesIO(content)).channels()["RGB"].pixels
    np.testing.assert_array_equal(decode_exr(content, *shape), oracle.astype(np.float32))
    if exact:
        np.testing.assert_array_equal(oracle, pixels)


@pytest.mark.parametrize("compression", [OpenEXR.NO_COMPRESSION, OpenEXR.ZIPS_COMPRESSION])
def test_exr_of_other_writers(compression: int) -> None:
    pixels = np.linspace(-1.0, 3.0, 20 * 7 * 3, dtype=np.float32).reshape(20, 7, 3)
    stream = io.BytesIO()
    header = {"compression": compression, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {"RGB": pixels}).write(stream)
    np.testing.assert_array_equal(decode_exr(stream.getvalue(), 20, 7), pixels)


def test_exr_keeps_what_halves_cannot_hold() -> None:
    pixels = np.full((4, 4, 3), 1e6, dtype=np.float32)
    np.testing.assert_array_equal(decode_exr(encode_exr(pixels), 4, 4), pixels)


def _rendered(part: str, number: int) -> Pair:
    """A chunk of the tiny split, straight from the corridor of the house."""
    config = read_manifest(tiny_split() / "manifest.json").config
    source = FrozenHeads()
    held = [name for names in FROZEN_HELD_OUT.values() for name in names]
    names = FROZEN_HELD_OUT.get(part) or [h.name for h in source.loaded if h.name not in held]
    chunks = -(-config.counts[part] // 2)
    source.loaded = [h for h in source.loaded if h.name == names[number * len(names) // chunks]]
    chunk = sample_chunk(config.scene, source, None, seed=0, split=draw_name(part), chunk=number)
    rasterizer = resolve_rasterizer("warp", torch.device("cpu"))
    heads = HeadCache(config.scene, source, rasterizer)
    with torch.inference_mode():
        return render_chunk(chunk, rasterizer, heads, size=64, ball_size=16)


@pytest.mark.parametrize("part", ["train", "test"])
def test_pairs_are_those_that_were_rendered(part: str) -> None:
    wanted, reader = _rendered(part, 1), FrozenSplit(tiny_split()).part(part)
    for row in range(2):
        pair, true = reader.pair(2 + row), wanted[row]
        assert int(pair.index) == int(true.index) == 2 + row
        # 8 bits: half a step; halves: eleven bits
        for name, atol in (("photo_srgb", 0.5 / 255), ("mask", 0.5 / 255), ("visibility", 0.5 / 255)):
            torch.testing.assert_close(getattr(pair, name), getattr(true, name), rtol=0, atol=atol + 1e-6)
        torch.testing.assert_close(pair.landmarks, true.landmarks, rtol=0, atol=0)
        for name in ("albedo_linear", "residual_linear"):
            torch.testing.assert_close(getattr(pair, name), getattr(true, name), rtol=1e-3, atol=1e-6)
        shown = (true.mask > 0.5 / 255)[..., None]
        torch.testing.assert_close(pair.normals * shown, true.normals * shown, rtol=0, atol=1e-3)
        for field in dataclasses.fields(true.lighting):
            first, second = getattr(pair.lighting, field.name), getattr(true.lighting, field.name)
            torch.testing.assert_close(first, second, rtol=0, atol=0)


def test_splits_from_before_landmarks_are_read_without() -> None:
    part = FrozenSplit(tiny_split()).part("test")
    files = part.files(0)
    about = json.loads(files["json"])
    del about["landmarks"]
    old = decode_pair({**files, "json": json.dumps(about).encode()}, part.sizes, 0)
    assert old.landmarks is None
    assert stack([old, part.pair(1)]).landmarks is None
    about["landmarks"] = [[0.0, 1.0]] * 4
    with pytest.raises(ValueError, match=r"damaged: landmarks: expected \(5, 2\)"):
        decode_pair({**files, "json": json.dumps(about).encode()}, part.sizes, 0)


def test_balls_are_those_of_the_light() -> None:
    reader = FrozenSplit(tiny_split()).part("val")
    lighting = reader.pair(0).lighting
    for material in ("matte", "gray", "silver", "mirror"):
        held = decode_exr(reader.files(0)[f"ball_{material}.exr"], 32, 32)
        wanted = render_ball(lighting, material, 32)
        torch.testing.assert_close(torch.from_numpy(held), wanted, rtol=1e-3, atol=1e-6)


def test_each_round_gives_every_sample_once_in_an_order_of_its_own() -> None:
    with _stream(replace(STREAM, batch_size=3)) as stream:
        orders = [batch.index.tolist() for batch in stream.batches(count=4)]
    first, second = orders[0] + orders[1], orders[2] + orders[3]
    assert sorted(first) == sorted(second) == list(range(6))
    assert first != second


def test_batches_can_be_sought_split_among_ranks_and_read_by_workers() -> None:
    with _stream() as stream:
        rows = [batch.index.tolist() for batch in stream.batches(count=6)]
        assert [batch.index.tolist() for batch in stream.batches(start=4, count=2)] == rows[4:]
    for rank in (0, 1):
        with _stream(rank=rank, world_size=2) as stream:
            assert [batch.index.tolist() for batch in stream.batches(count=3)] == rows[rank::2]
    with _stream(replace(STREAM, workers=1)) as stream:
        assert [batch.index.tolist() for batch in stream.batches(count=2)] == rows[:2]


def test_held_out_parts_are_read_once_in_order() -> None:
    with _stream(part="test") as stream:
        batches = list(stream.batches(count=9))
    assert [batch.index.tolist() for batch in batches] == [[0, 1, 2, 3], [4]]
    assert batches[0].ball_linear.shape == (4, 16, 16, 3)


def test_smaller_pictures_are_block_means() -> None:
    pair = FrozenSplit(tiny_split()).part("test").pair(0)
    small = reduced(pair, 32)
    wanted = torch.nn.functional.avg_pool2d(pair.photo_srgb.permute(2, 0, 1), 2).permute(1, 2, 0)
    torch.testing.assert_close(small.photo_srgb, wanted)
    head = small.mask > 0
    lengths = small.normals.norm(dim=-1)
    torch.testing.assert_close(lengths[head], torch.ones_like(lengths[head]))
    assert not lengths[~head].any()
    inside = torch.nn.functional.avg_pool2d(pair.mask[None], 2)[0] == 1.0
    means = torch.nn.functional.avg_pool2d(pair.albedo_linear.permute(2, 0, 1), 2).permute(1, 2, 0)
    torch.testing.assert_close(small.albedo_linear[inside], means[inside])
    with pytest.raises(ValueError, match=r"expected a whole fraction of the split's 64, got 48"):
        reduced(pair, 48)


def test_configuration_reads_back_equal() -> None:
    config = read_manifest(tiny_split() / "manifest.json").config
    assert config_from_text(config_to_text(config), where="here") == config


def test_files_are_held_out_by_content_not_by_name() -> None:
    digests = {f"{number}.exr": f"{number % 20:064x}" for number in range(22)}  # two of them are copies
    parts = held_out(digests, ("train", "val", "test"), "environments")
    renamed = held_out(
        {f"x{name}": digest for name, digest in digests.items()}, ("train", "val", "test"), "environments"
    )
    assert [sorted(files.values()) for files in parts.values()] == [
        sorted(files.values()) for files in renamed.values()
    ]
    assert {part: len(set(files.values())) for part, files in parts.items()} == {
        "train": 16,
        "val": 2,
        "test": 2,
    }
    seen = [digest for files in parts.values() for digest in set(files.values())]
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("test-000000.tar", lambda content: content[:-700], "cut off"),
        ("test-000000.tar", None, "this shard is missing"),
        ("manifest.json", None, "no such file"),
        ("manifest.json", lambda c: c.replace(b'"version": 1', b'"version": 2'), "format version 1, got 2"),
        ("manifest.json", lambda c: c.replace(b'"test": 5', b'"test": 6'), "was changed"),
        ("manifest.json", lambda c: c.replace(b'"device": "cpu"', b'"device": "\\ud800"'), "damaged"),
        ("manifest.json", lambda c: c[:-40], "not readable as JSON"),
        ("manifest.json", lambda c: b"[]", "not a manifest"),
        ("manifest.json", lambda c: b"[" * 10**5, "not readable as JSON"),
    ],
)
def test_bad_splits_are_one_line(name: str, change, message: str, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    content = (folder / name).read_bytes()
    (folder / name).unlink()
    if change is not None:
        (folder / name).write_bytes(change(content))
    with pytest.raises((ValueError, OSError), match=message) as caught:
        FrozenSplit(folder).part("test").pair(0)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_splits_of_a_version_with_fewer_settings_are_read(tmp_path: Path) -> None:
    path = copied(tmp_path) / "manifest.json"
    document = json.loads(path.read_text())
    lines = document["configuration"].splitlines(keepends=True)
    document["configuration"] = "".join(line for line in lines if not line.startswith("occluded"))
    _seal(path, document)
    assert read_manifest(path).config == FrozenSplit(tiny_split()).manifest.config
    for wrong in ({"counts": {"train": 6, "val": 2, "test": 6}}, {"more": 1}):
        _seal(path, document | wrong)
        with pytest.raises(ValueError, match=r"counts: expected those|unknown \['more'\]"):
            read_manifest(path)


def _seal(path: Path, document: dict[str, object]) -> None:
    """Write a manifest whose own sha256 fits."""
    rest = {name: value for name, value in document.items() if name != "manifest_sha256"}
    path.write_bytes(_canonical(rest | {"manifest_sha256": sha256_of(_canonical(rest))}))


def test_a_part_without_samples_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="this split has no exam part; it holds train 6, val 2, test 5"):
        FrozenSplit(tiny_split()).part("exam")
