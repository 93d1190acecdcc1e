"""Lookups in environment maps against their readable twin."""

from __future__ import annotations

import pytest
import torch

from ftb.maths import envmap
from ftb.render.lookup_kernel import looked_up

# Poles, the seam at −Z, the axes, and what lies between the topmost centres and the pole.
PLACES = torch.tensor(
    [
        *([0.0, 1, 0], [0.0, -1, 0], [0.0, 0, -1], [1e-7, 0, -1], [-1e-7, 0, -1], [1.0, 0, 0], [0.0, 0, 1]),
        *([0.01, 1, 0.02], [-0.03, 1, 0.01], [0.02, -1, -0.02], [-0.01, -1, 0.03], [-1.0, 0, 0]),
    ]
)


@pytest.mark.parametrize("height", [1, 2, 16, 32])
def test_lookups_are_those_of_their_twin(height: int) -> None:
    draw = torch.Generator().manual_seed(height)
    maps = torch.rand(3, height, 2 * height, 3, generator=draw)
    directions = torch.cat([PLACES.expand(3, -1, -1), torch.randn(3, 500, 3, generator=draw)], dim=1)
    expected = envmap.sample(maps.double(), directions.double()).float()
    # Angles are within 3e-7 and single precision, which is 1e-5 of a texel of 32 rows.
    torch.testing.assert_close(looked_up(maps, directions), expected, atol=2e-5, rtol=0)


def test_maps_of_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="environment"):
        looked_up(torch.zeros(2, 4, 4, 3), torch.zeros(2, 5, 3))
    with pytest.raises(ValueError, match="directions"):
        looked_up(torch.zeros(2, 4, 8, 3), torch.zeros(3, 5, 3))
