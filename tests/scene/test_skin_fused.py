"""Skin painted by kernels against the layers of its readable twin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from ftb.scene.heads_anny import AnnyHeads
from ftb.scene.heads_identity import sample_identity
from ftb.scene.skin_fields import build_fields
from ftb.scene.skin_fused import build_table, paint_head
from ftb.scene.skin_look import Look, sample_look
from ftb.scene.skin_paint import paint_head_plainly


def person(seed: int) -> Look:
    generator = torch.Generator().manual_seed(seed)
    return sample_look(sample_identity(AnnyHeads(64).slider_spread, generator=generator), generator=generator)


def drawn(look: Look) -> Look:
    return look


def bearded(look: Look) -> Look:
    return replace(look, hair=replace(look.hair, beard=(0.9, 1.0), moustache=0.8, stubble=0.7))


def bald(look: Look) -> Look:
    return replace(look, hair=replace(look.hair, opacity=0.2, hairline=1.5, temple=2.0, crown=1.0))


def old(look: Look) -> Look:
    skin = replace(look.skin, age=0.95, freckles=0.6, creases=1.8)
    return replace(look, skin=skin, hair=replace(look.hair, grey=0.8))


@pytest.mark.parametrize("changed", [drawn, bearded, bald, old], ids=lambda change: change.__name__)
@pytest.mark.parametrize("seed", [0, 1])
def test_kernels_paint_what_the_layers_paint(changed: Callable[[Look], Look], seed: int) -> None:
    """Fields lie in steps of a hundred-and-twenty-seventh of their range: the mean is 1e-4 off, the
    worst texel 8e-3 (the edge of white hair)."""
    size = 128
    look = changed(person(seed))
    found = paint_head(size, look)
    for part, expected in zip(found, paint_head_plainly(build_fields(size), look), strict=True):
        off = np.abs(part.numpy() - expected)
        assert off.max() < 8e-3
        assert off.mean() < 2.5e-4
        assert np.quantile(off, 0.995) < 3e-3


def test_every_texel_is_painted() -> None:
    """By one of the two kernels: blocks of head and torso, and all texels of the other charts."""
    size = 64
    table = build_table(size)
    painted = np.zeros((size * size // 16, 16), dtype=bool)
    painted[table.table.fields["places"].numpy()] = True
    painted.reshape(-1)[table.inside.fields["texels"].numpy()] = True
    assert painted.all()


def test_bits_do_not_depend_on_what_was_painted_before() -> None:
    first, between, again = (paint_head(64, person(seed)) for seed in (3, 4, 3))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], between[0])
