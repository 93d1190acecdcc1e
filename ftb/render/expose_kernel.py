"""The Warp kernel that exposes a picture and puts it before its backdrop.

`ftb.render.develop` and `ftb.render.pair` hold its readable twins.
"""

from __future__ import annotations

from ftb.kernels.start import FORWARD, wp
from ftb.render.light_functions import INVERSE_PI, quotient
from ftb.render.row_kernel import WIDTH, Colours, Row, greyed, load, shaded_by, store, tinted

wp.set_module_options(FORWARD)

BACKDROP_RAYS = wp.constant(16)  # a side


@wp.struct
class Backdrop:
    """Of S samples: kind (S,) of BACKDROPS; ends (S · 2,) colours of a plain or graded one; slope (S,): how
    far along the gradient one goes across and down the picture; seen (S · 16 · 16,) environment."""

    kind: wp.array(dtype=wp.int32)
    ends: wp.array(dtype=wp.vec3)
    slope: wp.array(dtype=wp.vec2)
    seen: wp.array(dtype=wp.vec3)


@wp.func
def seen_behind(seen: wp.array(dtype=wp.vec3), sample: int, x: float, y: float):
    """Bilinear in the coarse picture of the environment; x, y in [0, 1] over the photograph."""
    side = float(BACKDROP_RAYS)
    column = wp.clamp(x * side - 0.5, 0.0, side - 1.0)
    row = wp.clamp(y * side - 0.5, 0.0, side - 1.0)
    left = wp.min(int(column), BACKDROP_RAYS - 2)
    top = wp.min(int(row), BACKDROP_RAYS - 2)
    right_part = column - float(left)
    down_part = row - float(top)
    at = (sample * BACKDROP_RAYS + top) * BACKDROP_RAYS + left
    upper = seen[at] * (1.0 - right_part) + seen[at + 1] * right_part
    at += BACKDROP_RAYS
    lower = seen[at] * (1.0 - right_part) + seen[at + 1] * right_part
    return upper * (1.0 - down_part) + lower * down_part


@wp.func
def behind(b: Backdrop, sample: int, x: float, y: float):
    """What stands behind the head; x, y in [0, 1] over the photograph."""
    colour = b.ends[2 * sample]
    kind = b.kind[sample]
    if kind == 0:
        colour = seen_behind(b.seen, sample, x, y)
    elif kind == 2:
        slope = b.slope[sample]
        part = wp.clamp(0.5 + 0.5 * (slope[0] * (2.0 * x - 1.0) + slope[1] * (2.0 * y - 1.0)), 0.0, 1.0)
        colour = colour * (1.0 - part) + b.ends[2 * sample + 1] * part
    elif kind == 3:
        colour = wp.vec3(0.0, 0.0, 0.0)
    return colour


@wp.func
def before(c: Colours, covered: Row, backdrop: Backdrop, sample: int, place: wp.vec3i):
    """Put colours before the backdrop; place: first column, row, pixels along the picture."""
    r = wp.cw_mul(c.r, covered)
    g = wp.cw_mul(c.g, covered)
    b = wp.cw_mul(c.b, covered)
    if wp.min(covered) < 1.0:
        y = (float(place[1]) + 0.5) / float(place[2])
        for k in range(WIDTH):
            if covered[k] < 1.0:
                x = (float(place[0] + k) + 0.5) / float(place[2])
                colour = behind(backdrop, sample, x, y) * (1.0 - covered[k])
                r[k] += colour[0]
                g[k] += colour[1]
                b[k] += colour[2]
    whole = Colours()
    whole.r = r
    whole.g = g
    whole.b = b
    return whole


@wp.kernel
def expose(
    size: int,
    backdrop: Backdrop,
    gains: wp.array(dtype=wp.vec3),  # (S,)
    grey: wp.array(dtype=float),  # (S,)
    mask: wp.array(dtype=Row),  # (S, H, W), as all planes of one number
    visibility: wp.array(dtype=Row),
    irradiance: wp.array(dtype=Row),  # (S, 3, H, W), as all planes of colours
    albedo: wp.array(dtype=Row),  # in and out
    radiance: wp.array(dtype=Row),  # in: radiance, out: its residual at the photograph's exposure
    linear: wp.array(dtype=Row),
):
    """Sixteen pixels a thread: scale what a face sends out, put it before its backdrop, keep its residual."""
    n = wp.tid()
    across = quotient(size, WIDTH)
    line = quotient(n, across)
    sample = quotient(line, size)
    plane = across * size
    at = n + 2 * sample * plane
    amount = grey[sample]
    covered = mask[n]
    colours = Colours()
    if wp.max(covered) > 0.0:
        gain = gains[sample]
        colours = tinted(load(radiance, at, plane), gain)
        base = greyed(load(albedo, at, plane), amount)
        arriving = greyed(tinted(load(irradiance, at, plane), gain), amount)
        diffuse = shaded_by(arriving, visibility[n] * INVERSE_PI)
        rest = greyed(colours, amount)
        rest.r = wp.cw_mul(rest.r - wp.cw_mul(base.r, diffuse.r), covered)
        rest.g = wp.cw_mul(rest.g - wp.cw_mul(base.g, diffuse.g), covered)
        rest.b = wp.cw_mul(rest.b - wp.cw_mul(base.b, diffuse.b), covered)
        store(albedo, at, plane, base)
        store(radiance, at, plane, rest)
    place = wp.vec3i(WIDTH * (n - line * across), line - sample * size, size)
    store(linear, at, plane, greyed(before(colours, covered, backdrop, sample, place), amount))
