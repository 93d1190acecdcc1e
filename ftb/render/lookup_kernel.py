"""Environment maps asked for a few thousand directions at once; CPU and CUDA, no gradients.

`envmap.sample` is the readable twin: fifty operations of torch, each on very little.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.kernels.start import FORWARD, wp
from ftb.kernels.starting import floats, launch
from ftb.maths.shapes import expect_shape
from ftb.render.light_functions import INVERSE_PI, arc_tangent, quotient

wp.set_module_options(FORWARD)


@wp.func
def texel(maps: wp.array(dtype=wp.vec3), first: int, height: int, row: int, column: int):
    """At a row from −1 to H and a column from −1 to 2H; over a pole it is the same row half a turn on."""
    width = 2 * height
    r = row
    c = column
    if row < 0:
        r = 0
        c += height
    if row >= height:
        r = height - 1
        c += height
    if c < 0:
        c += width
    if c >= width:
        c -= width
    return maps[first + r * width + c]


@wp.kernel
def look_up(
    height: int,
    count: int,
    maps: wp.array(dtype=wp.vec3),  # (S, H, 2H)
    directions: wp.array(dtype=wp.vec3),  # (S, M)
    radiance: wp.array(dtype=wp.vec3),  # (S, M)
):
    n = wp.tid()
    d = directions[n]
    flat = wp.sqrt(d[0] * d[0] + d[2] * d[2])
    row = arc_tangent(flat, d[1]) * INVERSE_PI * float(height) - 0.5
    column = (1.0 - arc_tangent(d[0], d[2]) * INVERSE_PI) * float(height) - 0.5
    top = wp.floor(row)
    left = wp.floor(column)
    down = row - top
    right = column - left
    first = quotient(n, count) * 2 * height * height
    r = int(top)
    c = int(left)
    upper = texel(maps, first, height, r, c) * (1.0 - right) + texel(maps, first, height, r, c + 1) * right
    r += 1
    lower = texel(maps, first, height, r, c) * (1.0 - right) + texel(maps, first, height, r, c + 1) * right
    radiance[n] = upper * (1.0 - down) + lower * down


def looked_up(environment: Tensor, directions: Tensor) -> Tensor:
    """As `envmap.sample`: radiance (S, M, 3) of maps (S, H, 2H, 3) along directions (S, M, 3)."""
    dims = expect_shape(environment, "S H 2H 3", name="environment")
    expect_shape(directions, "S M 3", name="directions", dims=dims)
    radiance = torch.empty(directions.shape, device=environment.device)
    inputs = [dims["H"], dims["M"], floats(environment), floats(directions), radiance]
    launch(look_up, dims["S"] * dims["M"], inputs, environment.device)
    return radiance
