"""Occluders against a loop over pixels, and what they do to a picture and to what is learnt from it."""

from __future__ import annotations

import math

import torch

from ftb.render.occluder import occluder_cover, painted, put_before
from ftb.render.occluder_rows import BULGE, paint_rows
from ftb.render.shade import Shaded
from ftb.scene.capture import Capture, CaptureConfig, sample_capture
from ftb.scene.lighting_ops import irradiance
from ftb.types import Lighting, stack

SIZE = 24


def captures(count: int, occluded: float) -> Capture:
    config = CaptureConfig(occluded=occluded)
    return stack([sample_capture(config, generator=torch.Generator().manual_seed(k)) for k in range(count)])


def lightings(count: int) -> Lighting:
    draw = torch.Generator().manual_seed(9)
    coeffs = 0.1 * torch.randn(count, 25, 3, generator=draw)
    coeffs[:, 0] = 3.0
    towards = torch.nn.functional.normalize(torch.randn(count, 2, 3, generator=draw), dim=-1)
    return Lighting(
        sh_coeffs=coeffs,
        key_dirs=towards,
        key_irradiance=torch.rand(count, 2, 3, generator=draw),
        key_angular_radius=torch.full((count, 2), 0.02),
        environment=None,
    )


def shaded(count: int) -> Shaded:
    mask = torch.zeros(count, SIZE, SIZE)
    mask[:, 6:18, 6:18] = 1.0
    colour = mask[..., None].expand(-1, -1, -1, 3) * 0.25
    return Shaded(
        radiance_linear=colour.clone(),
        mask=mask,
        normals=colour.clone(),
        albedo_linear=colour.clone(),
        visibility=mask.clone(),
        irradiance_linear=colour.clone(),
        light_visibility=mask[..., None].expand(-1, -1, -1, 2).clone(),
    )


def test_cover_is_what_a_loop_over_pixels_finds():
    capture = captures(6, 1.0)
    cover, normals = occluder_cover(capture, SIZE)
    for sample in range(6):
        _, x, y, a, b, turn, power = capture.occluder[sample].tolist()
        for row in range(SIZE):
            for column in range(SIZE):
                across, up = (column + 0.5) / SIZE * 2.0 - 1.0 - x, 1.0 - (row + 0.5) / SIZE * 2.0 - y
                u = (math.cos(turn) * across + math.sin(turn) * up) / a
                v = (math.cos(turn) * up - math.sin(turn) * across) / b
                inside = abs(u) ** power + abs(v) ** power
                if abs(inside - 1.0) > 1e-4:
                    assert bool(cover[sample, row, column]) == (inside < 1.0)
                # the surface leans towards its rim
                if inside < 1.0:
                    lean = (normals[sample, row, column, :2] / normals[sample, row, column, 2]).norm()
                    assert abs(float(lean) - BULGE * math.hypot(u, v)) < 1e-4
    assert 0.0 < float(cover.float().mean()) < 0.9


def test_what_is_hidden_is_painted_over_and_lit_as_the_face_is():
    capture, lighting, picture = captures(6, 1.0), lightings(6), shaded(6)
    before = picture.radiance_linear.clone()
    hidden = put_before(picture, lighting, capture)
    cover, normals = occluder_cover(capture, SIZE)
    assert [row for row, _ in hidden] == list(range(6))
    assert torch.equal(torch.stack([there for _, there in hidden]), cover)
    light = irradiance(lighting, normals.flatten(1, 2)).clamp_min(0.0).reshape_as(normals)
    expected = capture.occluder_linear[:, None, None] / math.pi * light
    torch.testing.assert_close(picture.radiance_linear[cover], expected[cover])
    assert torch.equal(picture.radiance_linear[~cover], before[~cover])


def test_vectors_of_pixels_are_painted_as_their_twin_paints_them():
    """At sizes that are whole vectors and not; a pixel on the very rim may fall on either side."""
    for size in (40, 64):
        count, pictures = 24, torch.arange(0, 48, 2)
        capture, lighting = captures(count, 1.0), lightings(count)
        planes = torch.full((48, 3, size, size), 7.0)
        expected, found = planes.clone(), planes.clone()
        cover = painted(expected, pictures, lighting, capture)
        rows = paint_rows(found, pictures, lighting, capture)
        assert int((rows != cover).sum()) <= 1e-4 * int(cover.sum())
        both = (rows & cover)[:, None].expand(-1, 3, -1, -1)
        torch.testing.assert_close(found[pictures][both], expected[pictures][both], atol=2e-6, rtol=1e-5)
        neither = ~(rows | cover)[:, None].expand(-1, 3, -1, -1)
        assert bool((found[pictures][neither] == 7.0).all())
        assert bool((found[1::2] == 7.0).all())


def test_nothing_changes_where_nothing_stands():
    picture = shaded(3)
    assert put_before(picture, lightings(3), captures(3, 0.0)) == []
    assert torch.equal(picture.radiance_linear, shaded(3).radiance_linear)


def test_the_share_is_that_of_the_configuration():
    present = captures(600, 0.3).occluder[:, 0]
    assert abs(float(present.mean()) - 0.3) < 0.06
    assert torch.equal(captures(5, 1.0).occluder[:, 1:], captures(5, 0.0).occluder[:, 1:])
