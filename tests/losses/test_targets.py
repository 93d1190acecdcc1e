"""Masked pooling against a naive twin, and the definition of the reconstructed face."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch.testing import assert_close

from ftb.losses.targets import masked_mean, masked_pool, targets_for
from ftb.maths import color
from tests.losses import fabricate


def test_masked_pool_agrees_with_loops():
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(2, 6, 8, 3, generator=generator, dtype=torch.float64)
    mask = torch.rand(2, 6, 8, generator=generator, dtype=torch.float64)
    mask[:, :2, :4] = 0.0
    (pooled,), share = masked_pool((image,), mask, (3, 2))
    for b in range(2):
        for i in range(3):
            for j in range(2):
                m = mask[b, 2 * i : 2 * i + 2, 4 * j : 4 * j + 4]
                x = image[b, 2 * i : 2 * i + 2, 4 * j : 4 * j + 4]
                expected = (
                    (x * m[..., None]).sum((0, 1)) / m.sum() if m.sum() > 0 else torch.zeros(3).double()
                )
                assert_close(pooled[b, i, j], expected)
                assert_close(share[b, i, j], m.mean())


def test_masked_pool_names_sizes_that_do_not_divide():
    with pytest.raises(ValueError, match=r"size: expected divisors of \(6, 8\), got \(4, 2\)"):
        masked_pool((torch.zeros(1, 6, 8, 3),), torch.ones(1, 6, 8), (4, 2))


def test_background_does_not_leak_into_the_head():
    """Whatever stands outside the mask, the targets are the same."""
    pair = fabricate.pair(2, size=32)
    outside = (pair.mask == 0)[..., None]
    soiled = torch.where(outside, 100.0, pair.albedo_linear)
    prediction = fabricate.perfect(fabricate.pair(2, size=16))
    dirty = targets_for(dataclasses.replace(pair, albedo_linear=soiled), prediction)
    clean = targets_for(pair, prediction)
    assert_close(dirty.albedo_linear, clean.albedo_linear)


def test_normals_are_unit_on_the_head_and_zero_off_it():
    targets = targets_for(fabricate.pair(2, size=32), fabricate.perfect(fabricate.pair(2, size=16)))
    lengths = targets.normals.norm(dim=-1)
    assert_close(lengths, (targets.weight > 0).to(torch.float32))


def test_radiance_is_the_photograph_before_its_camera():
    """The fabricated photograph has no camera but the sRGB curve."""
    pair = fabricate.pair(3, size=32)
    targets = targets_for(pair, fabricate.perfect(pair))
    shown = color.srgb_from_linear(targets.radiance_linear).clamp(0.0, 1.0) * pair.mask[..., None]
    assert_close(shown, pair.photo_srgb * pair.mask[..., None], atol=1e-5, rtol=1e-5)


def test_masked_mean_counts_every_photograph_alike():
    """One whole photograph of 1, a quarter of one of 3, and one without a head: (1 + 3 + 0)/3."""
    values = torch.tensor([1.0, 3.0, 7.0])[:, None, None].expand(3, 2, 2)
    weight = torch.ones(3, 2, 2)
    weight[1] = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    weight[2] = 0.0
    assert_close(masked_mean(values, weight).item(), 4.0 / 3.0)
