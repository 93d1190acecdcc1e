"""Packed blend shapes against a plain sum."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ftb.scene.heads_anatomy import QUANTUM, load_anatomy
from ftb.scene.heads_anny import AnnyHeads
from ftb.scene.heads_identity import sample_identity
from ftb.scene.heads_shapes import add_shapes, pack_shapes
from ftb.scene.skin_hair import hair_thickness, vertex_fields
from ftb.scene.skin_look import Look, sample_look


@pytest.fixture(scope="module")
def looks() -> list[Look]:
    spread, generator = AnnyHeads(64).slider_spread, torch.Generator().manual_seed(0)
    people = [sample_identity(spread, generator=generator) for _ in range(60)]
    return [sample_look(identity, generator=generator) for identity in people]


def test_packed_shapes_add_what_whole_ones_add() -> None:
    draw = np.random.default_rng(0)
    shapes = draw.integers(-50, 50, (6, 40, 3)) * (draw.uniform(size=(6, 40, 1)) < 0.3)
    families = ["nose", "ear", "nose", "ear", "chin", "nose"]
    weights = [0.5, 0.0, -0.25, 1.0, 0.0, 0.125]
    groups = pack_shapes(families, list(shapes), 0.01)
    assert sorted(number for group in groups for number in group.numbers) == list(range(6))
    start = draw.normal(size=(40, 3)).astype(np.float32)
    total = start.copy()
    add_shapes(total, groups, weights)
    np.testing.assert_allclose(total, start + 0.01 * np.tensordot(weights, shapes, 1), atol=1e-6)


def test_anatomy_packs_every_shape_at_its_number() -> None:
    anatomy = load_anatomy()
    families = [
        (anatomy.slider_shapes, [row for _, *rows in anatomy.sliders for row in rows]),
        (anatomy.action_shapes, list(anatomy.actions.values())),
    ]
    for groups, shapes in families:
        for number in range(0, len(shapes), 17):
            total = np.zeros_like(anatomy.template)
            add_shapes(total, groups, [float(number == k) for k in range(len(shapes))])
            np.testing.assert_allclose(total, shapes[number] * QUANTUM, atol=1e-9)


def test_no_hair_below_the_lowest(looks: list[Look]) -> None:
    """Were the scalp drawn more narrowly, some of these people would lose hair at its border."""
    fields = vertex_fields()
    border = fields.scalp[(fields.hairline < -5.5) & (fields.beard == 0.0)]
    assert len(border) > 50
    thickness = np.stack([hair_thickness(look) for look in looks])
    assert thickness[:, border].max() == 0.0
    assert (thickness.max(axis=1) > 0.0).mean() > 0.8
