"""Pooling against torch's own, group independence, initialisation."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.testing import assert_close

from ftb.nets import blocks


@pytest.mark.parametrize("size", [(4, 4), (8, 12), (16, 4)])
def test_pool_to_grid_is_the_average_of_whole_cells(size: tuple[int, int]):
    features = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert_close(blocks.pool_to_grid(features, 4), functional.adaptive_avg_pool2d(features, 4))


def test_pool_to_grid_shares_pixels_between_cells():
    """Three pixels in two cells: the middle one is halved."""
    row = torch.tensor([[[[1.0, 2.0, 6.0]] * 3]], dtype=torch.float64)
    expected = torch.tensor([(1.0 + 0.5 * 2.0) / 1.5, (0.5 * 2.0 + 6.0) / 1.5], dtype=torch.float64)
    assert_close(blocks.pool_to_grid(row, 2)[0, 0], expected.expand(2, 2))


@pytest.mark.parametrize("size", [(5, 7), (9, 13), (3, 3)])
def test_pool_to_grid_keeps_the_mean(size: tuple[int, int]):
    features = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert_close(blocks.pool_to_grid(features, 4).mean(dim=(2, 3)), features.mean(dim=(2, 3)))


def test_residual_block_starts_as_its_shortcut():
    block = blocks.ResidualBlock(8, 8, 8)
    blocks.initialise(block, torch.Generator().manual_seed(0))
    features = torch.rand(1, 8, 6, 6, generator=torch.Generator().manual_seed(1))
    assert_close(block(features), features)


def test_initialise_depends_on_the_generator_alone():
    def weights(seed: int) -> torch.Tensor:
        layer = nn.Sequential(nn.Conv2d(8, 16, 3), nn.Linear(4, 4))
        blocks.initialise(layer, torch.Generator().manual_seed(seed))
        return torch.cat([p.flatten() for p in layer.parameters()])

    assert torch.equal(weights(3), weights(3))
    assert not torch.equal(weights(3), weights(4))


def test_initialise_keeps_the_power_of_features():
    """He et al. 2015: variance 2 / fan in."""
    layer = nn.Conv2d(64, 64, 3)
    blocks.initialise(layer, torch.Generator().manual_seed(0))
    # 36,864 draws: a standard deviation known to 0.4 %
    assert_close(layer.weight.std().item(), (2.0 / (64 * 9)) ** 0.5, rtol=0.02, atol=0.0)
