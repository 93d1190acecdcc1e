"""The reference ball against a path tracer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from ftb.maths import sphere
from ftb.render.ball import render_ball
from tests.render.test_ball import lighting, relative, with_key

GOLDEN = sorted((Path(__file__).parents[1] / "data" / "mitsuba").glob("ball_*.npz"))
# The goldens' `gray` is pure Lambert 0.18, which is `matte` here.
GOLDEN_MATERIAL = {"gray": "matte", "silver": "silver", "mirror": "mirror"}


def test_all_goldens_are_there() -> None:
    assert len(GOLDEN) == 11


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_agrees_with_a_path_tracer(path: Path) -> None:
    golden = np.load(path)
    material = GOLDEN_MATERIAL[path.stem.split("_")[1]]
    light = lighting(torch.zeros(32, 64, 3))
    if "constant" in golden:
        light = lighting(torch.ones(32, 64, 3) * torch.from_numpy(golden["constant"]))
    if "envmap" in golden:
        light = lighting(torch.from_numpy(golden["envmap"]))
    if "light_dir" in golden:
        light = with_key(
            light, *(torch.from_numpy(golden[name]).float() for name in ("light_dir", "irradiance"))
        )
    value = render_ball(light, material, 64)
    interior = torch.from_numpy(ndimage.binary_erosion(sphere.ball_normals(64)[1].numpy()))
    reference = torch.from_numpy(golden["radiance"])
    # The bar of the project: 1 %, for a mirror 2 %, beyond the file's own noise.
    bar = (0.02 if material == "mirror" else 0.01) + float(golden["noise"])
    assert relative(value[interior], reference[interior]) < bar
    # No bias: the ball's mean agrees more closely than its pixels.
    bias = abs(float(value[interior].mean() / reference[interior].mean()) - 1.0)
    assert bias < 0.002 + float(golden["noise"])
