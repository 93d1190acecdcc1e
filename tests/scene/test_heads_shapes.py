"""Packed blend shapes against a plain sum of whole ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ftb.scene.heads_anatomy import QUANTUM, load_anatomy
from ftb.scene.heads_anny import AnnyHeads
from ftb.scene.heads_identity import sample_identity
from ftb.scene.heads_shapes import PackedShapes, Shapes, blend
from ftb.scene.skin_hair import hair_thickness, hair_thicknesses, vertex_fields
from ftb.scene.skin_look import Look, sample_look


@pytest.fixture(scope="module")
def looks() -> list[Look]:
    spread, generator = AnnyHeads(64).slider_spread, torch.Generator().manual_seed(0)
    people = [sample_identity(spread, generator=generator) for _ in range(60)]
    return [sample_look(identity, generator=generator) for identity in people]


def some_shapes(draw: np.random.Generator) -> Shapes:
    """Of 40 vertices; each shape moves a third of them."""
    stages = [
        (draw.integers(-500, 500, (count, 40, 3)) * (draw.uniform(size=(count, 40, 1)) < 0.3)).astype(
            np.int16
        )
        for count in (3, 6, 4)
    ]
    return Shapes(draw.normal(size=(40, 3)), draw.uniform(-1.0, 1.0, (40, 1)), stages, 1e-3)


def vertices(
    packed: PackedShapes, weights: list[np.ndarray], asymmetry: list[float], count: int
) -> np.ndarray:
    """(H, count, 3)."""
    return packed.blend(weights, asymmetry)[:, : 3 * count].reshape(-1, count, 3).numpy()


def test_packed_shapes_add_what_whole_ones_add() -> None:
    draw = np.random.default_rng(0)
    shapes = some_shapes(draw)
    packed = PackedShapes(shapes)
    for asymmetry in (0.0, 0.3):
        weights = [draw.uniform(-1.0, 1.0, len(stage)) for stage in shapes.stages]
        weights[1][2] = weights[2][:] = 0.0
        found = vertices(packed, [part[None] for part in weights], [asymmetry], 40)[0]
        np.testing.assert_allclose(found, blend(shapes, weights, asymmetry), atol=2e-6)


def test_heads_blend_alone_as_among_others() -> None:
    """To the bit, whichever shapes the others use."""
    anatomy, draw = load_anatomy(), np.random.default_rng(1)
    weights = [
        draw.uniform(-1.0, 1.0, (3, len(stage))) * (draw.uniform(size=(3, len(stage))) < 0.4)
        for stage in anatomy.shapes.stages
    ]
    weights[1][0] = weights[0][2] = 0.0
    asymmetry = [0.1, -0.2, 0.0]
    together = anatomy.packed_shapes.blend(weights, asymmetry)
    for head in range(3):
        own = [part[head : head + 1] for part in weights]
        assert torch.equal(together[head], anatomy.packed_shapes.blend(own, asymmetry[head : head + 1])[0])


def test_anatomy_packs_every_shape_at_its_number() -> None:
    anatomy = load_anatomy()
    stages = [np.stack(rows) for rows in (list(anatomy.macros.values()), list(anatomy.actions.values()))]
    sliders = np.stack([row for _, *rows in anatomy.sliders for row in rows])
    for number, stage in ((0, stages[0]), (1, sliders), (2, stages[1])):
        for shape in range(0, len(stage), 17):
            weights = [np.zeros((1, len(part))) for part in anatomy.shapes.stages]
            weights[number][0, shape] = 1.0
            found = vertices(anatomy.packed_shapes, weights, [0.0], len(anatomy.template))[0]
            moved = found - anatomy.template
            np.testing.assert_allclose(moved, stage[shape] * QUANTUM, atol=1e-7)


def test_a_kernel_grows_hair_as_plain_sums_do(looks: list[Look]) -> None:
    """To the bit, of people with and without beards."""
    found = hair_thicknesses(looks)
    bearded = [look.hair.beard[0] * look.hair.beard[1] > 0.0 for look in looks]
    assert 2 < sum(bearded) < len(looks) - 2
    np.testing.assert_array_equal(found, [hair_thickness(look) for look in looks])
    np.testing.assert_array_equal(found[7:8], hair_thicknesses(looks[7:8]))


def test_no_hair_below_the_lowest(looks: list[Look]) -> None:
    """Were the scalp drawn more narrowly, some of these people would lose hair at its border."""
    fields = vertex_fields()
    border = fields.scalp[(fields.hairline < -5.5) & (fields.beard == 0.0)]
    assert len(border) > 50
    thickness = np.stack([hair_thickness(look) for look in looks])
    assert thickness[:, border].max() == 0.0
    assert (thickness.max(axis=1) > 0.0).mean() > 0.8
