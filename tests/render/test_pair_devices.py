"""CUDA renders the pairs that the CPU renders, and does not wait for the host while it does."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from ftb.maths.random import generator_for
from ftb.render.ball import render_ball
from ftb.render.base import resolve_rasterizer
from ftb.render.occlusion import Occluder, sky_directions
from ftb.render.pair import HeadCache, render_chunk, render_chunks
from ftb.scene.sampler import Chunk, sample_chunk
from ftb.scene.scene_config import SceneConfig
from ftb.types import Pair
from tests.render.shapes import AlikeHeads, BumpyHeads, bumpy_head, mesh_of

CONFIG = SceneConfig(samples_per_head=4, sky_receivers=100, sky_directions=48)
SIZE = 64


def drawn(number: int = 0) -> Chunk:
    return sample_chunk(CONFIG, BumpyHeads(), None, seed=0, split="test", chunk=number)


def rendered(device: torch.device) -> Pair:
    rasterizer = resolve_rasterizer("warp", device)
    with torch.inference_mode():
        heads = HeadCache(CONFIG, BumpyHeads(), rasterizer)
        return render_chunk(drawn().to(device), rasterizer, heads, size=SIZE, ball_size=32)


@pytest.mark.parametrize(
    ("name", "share"),
    [
        # Shares that may differ by more: an edge of a face or of a shadow that rounds otherwise, and
        # JPEG coefficients that round to the next step.
        ("mask", 1e-3),
        ("normals", 1e-3),
        ("albedo_linear", 1e-3),
        ("visibility", 5e-3),
        ("residual_linear", 5e-3),
        ("ball_linear", 0.0),
        ("photo_srgb", 5e-2),
    ],
)
def test_devices_agree(name, share, cuda):
    ours, theirs = getattr(rendered(torch.device("cpu")), name), getattr(rendered(cuda), name).cpu()
    scale = float(ours.abs().max())
    off = (ours - theirs).abs() > 1e-4 * scale
    assert float(off.float().mean()) <= share


@pytest.mark.parametrize("samples", [1, 2])
def test_heads_rendered_together_agree(samples, cuda):
    config, pairs = dataclasses.replace(CONFIG, samples_per_head=samples), []
    for device in (torch.device("cpu"), cuda):
        source, rasterizer = AlikeHeads(), resolve_rasterizer("warp", device)
        chunks = [sample_chunk(config, source, None, seed=2, split="test", chunk=k) for k in range(3)]
        heads = HeadCache(config, source, rasterizer)
        with torch.inference_mode():
            pairs.append(render_chunks(chunks, rasterizer, heads, size=SIZE, ball_size=16, device=device))
    ours, theirs = pairs
    for name in ("mask", "normals", "albedo_linear", "visibility", "residual_linear"):
        one, other = getattr(ours, name), getattr(theirs, name).cpu()
        off = (one - other).abs() > 1e-4 * float(one.abs().max())
        assert float(off.float().mean()) <= 5e-3, name


def test_lighting_agrees(cuda):
    ours, theirs = rendered(torch.device("cpu")).lighting, rendered(cuda).lighting.to("cpu")
    for field in dataclasses.fields(ours):
        torch.testing.assert_close(
            getattr(theirs, field.name), getattr(ours, field.name), rtol=1e-4, atol=1e-5
        )


def test_rays_agree(cuda):
    mesh, sky = mesh_of(bumpy_head()), sky_directions(48, "cpu")
    points, normals = mesh.vertices[0][::10], mesh.normals[0][::10]
    needed = torch.ones(len(points), dtype=torch.uint8)
    ours = Occluder(mesh).adaptive_transfer(points, normals, needed, sky)
    theirs = Occluder(mesh.to(cuda)).adaptive_transfer(
        points.to(cuda), normals.to(cuda), needed.to(cuda), sky.to(cuda)
    )
    off = (ours - theirs.cpu()).abs() > 1e-4
    assert float(off.float().mean()) < 2e-3


@pytest.mark.parametrize("material", ["matte", "gray", "silver", "mirror"])
def test_balls_agree(material, cuda):
    lighting = drawn().lighting
    ours, theirs = render_ball(lighting, material, 48), render_ball(lighting.to(cuda), material, 48).cpu()
    torch.testing.assert_close(theirs, ours, rtol=1e-4, atol=1e-4 * float(ours.max()))


def test_no_wait_for_the_host(cuda):
    rasterizer = resolve_rasterizer("warp", cuda)
    with torch.inference_mode():
        heads = HeadCache(CONFIG, BumpyHeads(), rasterizer)
        chunks = [drawn(number).to(cuda) for number in range(2)]
        render_chunk(chunks[0], rasterizer, heads, size=SIZE, ball_size=32)  # makes what is made once
        torch.cuda.set_sync_debug_mode("error")
        try:
            render_chunk(chunks[1], rasterizer, heads, size=SIZE, ball_size=32)
        finally:
            torch.cuda.set_sync_debug_mode("default")


def test_streams_agree_with_generators():
    # Draws are on the CPU whatever the device: one number of a chunk is one number everywhere.
    generator = generator_for(0, "test", 0, "light")
    assert generator.device == torch.device("cpu")
    assert torch.equal(drawn().index, torch.arange(4))
