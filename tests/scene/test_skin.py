"""Skin: its colours against an independent L*, its order over tones, and paint where it belongs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from ftb.scene.heads_anatomy import load_anatomy
from ftb.scene.heads_anny import AnnyHeads
from ftb.scene.heads_identity import sample_identity
from ftb.scene.skin_atlas import build_atlas
from ftb.scene.skin_color import lightness, melanin_of_tone, skin_reflectance, tone_lightness
from ftb.scene.skin_fields import ZONES, build_fields, ramp
from ftb.scene.skin_look import ZONE_LIGHTNESS, sample_look
from ftb.scene.skin_noise import weighted_sum
from ftb.scene.skin_paint import Canvas, hair_height, hair_rows, paint_skin
from ftb.scene.skin_tints import skin_tints


def encoded(linear: np.ndarray) -> np.ndarray:
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def test_lightness_is_scikit_images() -> None:
    colours = np.random.default_rng(0).uniform(0.0, 1.0, (50, 3))
    np.testing.assert_allclose(lightness(colours), rgb2lab(encoded(colours))[:, 0], atol=0.02)


@pytest.mark.parametrize("tone", [1.0, 2.5, 4.0, 5.5, 7.0, 8.5, 10.0])
def test_melanin_hits_the_tone(tone: float) -> None:
    skin = skin_reflectance(np.array(melanin_of_tone(tone)), np.array(0.02), np.array(0.6))
    assert abs(rgb2lab(encoded(skin)[None, None])[0, 0, 0] - tone_lightness(tone)) < 0.5


def test_skin_is_redder_than_blue_and_darkens_with_every_absorber() -> None:
    base = skin_reflectance(np.array(0.08), np.array(0.02), np.array(0.8))
    assert base[0] > base[1] > base[2]
    assert (skin_reflectance(np.array(0.12), np.array(0.02), np.array(0.8)) < base).all()
    bloody = skin_reflectance(np.array(0.08), np.array(0.04), np.array(0.8))
    assert (bloody < base).all()
    assert bloody[1] / base[1] < bloody[0] / base[0], "blood takes more green than red"
    yellow = skin_reflectance(np.array(0.08), np.array(0.02), np.array(1.6))
    assert yellow[2] / base[2] < yellow[0] / base[0]


def test_atlas_rows_hold_what_naive_rasterisation_finds() -> None:
    anatomy, size = load_anatomy(), 64
    atlas = build_atlas(size)
    owner = np.full((size, size), -1)
    for face, corners in zip(anatomy.faces, anatomy.uvs[anatomy.faces].astype(np.float64), strict=True):
        low, high = np.floor(corners.min(0) * size).astype(int), np.ceil(corners.max(0) * size).astype(int)
        for row in range(max(low[1], 0), min(high[1], size)):
            for column in range(max(low[0], 0), min(high[0], size)):
                point = (np.array([column, row]) + 0.5) / size
                edges = [corners[(k + 1) % 3] - corners[k] for k in range(3)]
                sides = [
                    edge[0] * (point - a)[1] - edge[1] * (point - a)[0]
                    for edge, a in zip(edges, corners, strict=True)
                ]
                if min(sides) > 1e-9 or max(sides) < -1e-9:
                    owner[size - 1 - row, column] = anatomy.corner_chart[face[0]]
    covered = np.full(size * size, -1)
    covered[atlas.texel] = atlas.chart
    both = (owner.ravel() >= 0) & (covered >= 0)
    assert (owner.ravel() >= 0).sum() > 0.6 * size * size
    assert ((owner.ravel() >= 0) & ~both).sum() == 0
    assert (owner.ravel()[both] == covered[both]).mean() > 0.999


def test_paint_lies_where_it_belongs() -> None:
    size = 256
    fields = build_fields(size)
    head = AnnyHeads(size).head(torch.Generator().manual_seed(11))
    albedo = head.albedo_linear.reshape(-1, 3).numpy()[fields.atlas.texel]
    lips = fields.atlas.masks["lips"] > 0.9
    cheek = (fields.flush > 0.8) & (fields.nostril == 0.0)
    assert lips.sum() > 100
    assert (albedo[lips, 0] / albedo[lips, 1]).mean() > (albedo[cheek, 0] / albedo[cheek, 1]).mean()
    nostrils = fields.nostril > 0.98
    assert nostrils.sum() > 20
    assert albedo[nostrils].max() < 0.06, "no light comes out of them"
    hollow = fields.atlas.masks["openness"]
    assert hollow[nostrils].mean() < 0.75 < hollow[cheek].mean(), "they are where the mesh is hollow"
    eye = fields.atlas.rows["eye"]
    polar = fields.atlas.eye_polar[:, 0]
    assert albedo[eye][polar < 0.08].max() < 0.02, "the pupil is black"
    open_lids = fields.atlas.masks["openness"][eye] > 0.5  # elsewhere the lids shade it
    assert albedo[eye][(polar > 0.6) & (polar < 0.8) & open_lids].mean() > 0.3, "the white is white"
    roughness = head.material.reshape(-1, 2).numpy()[fields.atlas.texel, 0]
    assert roughness[eye].max() < 0.15 < roughness[cheek].min()
    assert np.allclose(head.material.reshape(-1, 2).numpy()[fields.atlas.texel[cheek], 1], 0.028, atol=2e-3)


def test_noise_meets_at_texture_seams() -> None:
    """Corners that share a welded vertex but not their uv see nearly the same noise."""
    anatomy, fields = load_anatomy(), build_fields(256)
    head = anatomy.corner_chart == anatomy.charts.index("head")
    column = np.clip((anatomy.uvs[:, 0] * 256).astype(int), 0, 255)
    row = np.clip(((1 - anatomy.uvs[:, 1]) * 256).astype(int), 0, 255)
    value = fields.noise[0][0][fields.atlas.fill].reshape(256, 256)[row, column]
    order = np.argsort(anatomy.corner_vertex, kind="stable")
    same = (
        (anatomy.corner_vertex[order][1:] == anatomy.corner_vertex[order][:-1])
        & head[order][1:]
        & head[order][:-1]
    )
    jump = np.abs(value[order][1:] - value[order][:-1])[same]
    assert same.sum() > 20
    assert np.median(jump) < 0.25, "of a field of unit variance"


def test_weighted_sum_is_a_dot_product() -> None:
    draw = np.random.default_rng(0)
    fields, weights = draw.normal(size=(5, 100)).astype(np.float32), draw.normal(size=5)
    found = weighted_sum(fields, weights)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, weights @ fields, atol=1e-6)


def test_skin_tints_are_slopes_of_reflectance() -> None:
    generator = torch.Generator().manual_seed(3)
    identity = sample_identity(AnnyHeads().slider_spread, generator=generator)
    look = sample_look(identity, generator=generator)
    ((base, by_melanin, by_blood),), (lips,) = skin_tints([look])
    melanin, skin = melanin_of_tone(look.skin.tone), look.skin
    np.testing.assert_allclose(base, skin_reflectance(melanin, skin.blood, skin.carotene), rtol=1e-9)
    steps = ((1e-3, 0.0), (0.0, 1e-3))
    more = [skin_reflectance(melanin * (1.0 + a), skin.blood * (1.0 + b), skin.carotene) for a, b in steps]
    # Differences over a quarter and a half, of what bends: a tenth of the slope itself.
    np.testing.assert_allclose(by_melanin, np.log(more[0] / base) / 1e-3, rtol=0.15)
    np.testing.assert_allclose(by_blood, np.log(more[1] / base) / 1e-3, rtol=0.25)
    assert lips[0] / lips[1] > base[0] / base[1], "lips are redder"


def test_no_hair_below_the_rows_that_are_painted() -> None:
    fields, source = build_fields(64), AnnyHeads(64)
    head = fields.atlas.rows["head"]
    assert (np.diff(fields.hairline[head]) >= 0.0).all(), "sorted from face to crown"
    shares = []
    for seed in range(40):
        generator = torch.Generator().manual_seed(seed)
        look = sample_look(sample_identity(source.slider_spread, generator=generator), generator=generator)
        below = slice(head.start, hair_rows(fields, look).start)
        shares.append((below.stop - below.start) / (head.stop - head.start))
        height = hair_height(fields.hairline[below], fields.temple[below], fields.front_crown[:, below], look)
        # Noise raises the edge by 0.27 cm (one deviation), four times that hardly anywhere.
        assert ramp(-0.9, 0.9, height + 4.0 * 0.27).max(initial=0.0) < 0.1
    assert np.mean(shares) > 0.25


def test_zones_lighten_their_part_of_the_face_by_what_they_say() -> None:
    identity = sample_identity(AnnyHeads(64).slider_spread, generator=torch.Generator().manual_seed(2))
    fields = build_fields(64)
    look = sample_look(identity, generator=torch.Generator().manual_seed(3))
    plain = replace(look, skin=replace(look.skin, zones=(0.0,) * len(ZONES)))
    for number, name in enumerate(ZONES):
        lightness_of = [0.0] * len(ZONES)
        lightness_of[number] = 0.2
        changed = replace(look, skin=replace(look.skin, zones=tuple(lightness_of)))
        canvases = [Canvas(fields, person) for person in (plain, changed)]
        for canvas in canvases:
            paint_skin(canvas)
        before, after = (canvas.albedo[1, canvas.bare] for canvas in canvases)
        np.testing.assert_allclose(
            np.log(after / before), 0.2 * fields.zones[number, canvases[0].bare], atol=1e-4, err_msg=name
        )
        assert fields.zones[number].max() > 0.7, f"{name} lies off the head"


def test_every_zone_has_a_lightness() -> None:
    assert list(ZONE_LIGHTNESS) == list(ZONES)
