"""Vertices placed in shadow maps sixteen at a time against the same one by one."""

from __future__ import annotations

import pytest
import torch

from ftb.kernels.starting import launch
from ftb.render import shadow
from ftb.render.shadow_place import LEAST_VERTICES

CPU = torch.device("cpu")


@pytest.mark.parametrize("count", [LEAST_VERTICES, 37, 160])
def test_rows_place_what_vertices_do(count: int):
    """Three lights of two pictures of two heads, and one that is no light; a picture that shows but one
    vertex."""
    generator = torch.Generator().manual_seed(count)
    vertices = torch.randn(2, count, 3, generator=generator) * 0.1
    used = (torch.rand(2, count, generator=generator) < 0.4).to(torch.uint8)
    used[1] = 0
    used[1, count - 3] = 1
    samples = torch.tensor([0, 1, 0, -1], dtype=torch.int32)
    frames = torch.linalg.qr(torch.randn(4, 3, 3, generator=generator)).Q.contiguous()
    window = torch.randn(4, 3, generator=generator)
    found = []
    for bound, project, threads in (shadow.ROWS, shadow.VERTICES):
        bounds, projected = torch.full((4, 4), shadow.NOTHING), torch.empty(4 * count, 4)
        shapes = [vertices, count, 1, samples, frames]
        launch(bound, 4 * threads(count), [used, *shapes, bounds], CPU)
        launch(project, 4 * threads(count), [*shapes, window, projected], CPU)
        found.append((bounds, projected))
    (bounds, projected), (bounds_by_vertices, projected_by_vertices) = found
    torch.testing.assert_close(bounds, bounds_by_vertices, atol=1e-7, rtol=1e-6)
    torch.testing.assert_close(projected, projected_by_vertices, atol=1e-6, rtol=1e-5)
    assert (bounds[3] == shadow.NOTHING).all()
    torch.testing.assert_close(bounds[1, 0], -bounds[1, 1])
