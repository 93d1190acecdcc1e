"""Lookups in shadow maps: how much of a key light reaches a point, with soft edges and without acne.

Positions in a map are in texels across it and in metres along the light's own way, away from the light.
"""

from __future__ import annotations

from ftb.kernels.start import wp

BLOCKER_TAPS = wp.constant(5)
FILTER_TAPS = wp.constant(12)
# What shadows a face stands within 15 cm of it; a wider search than 24 texels finds too few blockers.
SEARCH_DEPTH_M = wp.constant(0.15)
MAX_SEARCH = wp.constant(24.0)
# Facets that face the light less are lit so weakly that a larger bias is not seen.
LEAST_FACING = wp.constant(0.15)
# In texels; the last one for each texel that the receiver's plane rises a texel.
DEPTH_BIAS = wp.constant(0.5)
NORMAL_BIAS = wp.constant(0.25)
SLOPE_BIAS = wp.constant(0.5)


@wp.struct
class Receiver:
    """A point in one map: texels; depth along the light; slopes in metres a texel of the surface around
    (smooth) and of the facet itself; the turn of its tap pattern, [0, 1)."""

    x: float
    y: float
    depth: float
    smooth: wp.vec2
    facet: wp.vec2
    turn: float


@wp.func
def slopes_of(normal: wp.vec3, texel: float, least_facing: float):
    """How a plane's depth rises a texel along x and y, metres: n_x / facing a metre of x."""
    scale = texel / wp.max(-normal[2], least_facing)
    return wp.vec2(normal[0] * scale, normal[1] * scale)


@wp.func
def receiver_of(at: wp.vec3, normal: wp.vec3, facet: wp.vec3, texel: float, turn: float):
    """at: place in the map; texel: its width in metres; the smooth normal and that of the facet itself, in
    the light's frame: z travels away from the light."""
    receiver = Receiver()
    # Lifted along the normal: hides the map's steps without moving contact shadows much.
    receiver.x = at[0] + normal[0] * NORMAL_BIAS
    receiver.y = at[1] + normal[1] * NORMAL_BIAS
    receiver.depth = at[2] + texel * (normal[2] * NORMAL_BIAS - DEPTH_BIAS)
    receiver.smooth = slopes_of(normal, texel, LEAST_FACING)
    receiver.facet = slopes_of(facet, texel, LEAST_FACING)
    receiver.turn = turn
    return receiver


@wp.func
def steepness(slopes: wp.vec2):
    return wp.abs(slopes[0]) + wp.abs(slopes[1])


@wp.func
def gap(depth: wp.array(dtype=float), size: int, first: int, column: int, row: int, plane: float):
    """How far a depth lies behind what the light sees in a texel, metres; negative where nothing is.

    The map reaches beyond all that is looked up; what still lies outside is read from its rim.
    """
    last = size - 1
    at = first + wp.clamp(row, 0, last) * size + wp.clamp(column, 0, last)
    return plane - depth[at]


@wp.func
def bilinear_lit(depth: wp.array(dtype=float), size: int, first: int, at: Receiver):
    """Share of the light by the four texels around, each compared at its own centre (Reeves et al. 1987)."""
    column = wp.floor(at.x - 0.5)
    row = wp.floor(at.y - 0.5)
    right = at.x - 0.5 - column
    down = at.y - 0.5 - row
    start = at.depth - SLOPE_BIAS * steepness(at.facet)
    plane = start - at.facet[0] * right - at.facet[1] * down
    lit = float(1.0)
    i = int(column)
    j = int(row)
    if gap(depth, size, first, i, j, plane) > 0.0:
        lit -= (1.0 - right) * (1.0 - down)
    if gap(depth, size, first, i + 1, j, plane + at.facet[0]) > 0.0:
        lit -= right * (1.0 - down)
    if gap(depth, size, first, i, j + 1, plane + at.facet[1]) > 0.0:
        lit -= (1.0 - right) * down
    if gap(depth, size, first, i + 1, j + 1, plane + at.facet[0] + at.facet[1]) > 0.0:
        lit -= right * down
    return wp.max(lit, 0.0)


@wp.func
def direction_of(turn: float):
    """Unit direction for a turn in [0, 1): along a diamond, which is nearly even and needs no sine."""
    x = wp.abs(4.0 * turn - 2.0) - 1.0
    y = 1.0 - wp.abs(x)
    if turn > 0.5:
        y = -y
    return wp.normalize(wp.vec2(x, y))


@wp.func
def tap_gap(depth: wp.array(dtype=float), size: int, first: int, at: Receiver, start: float, offset: wp.vec2):
    """As `gap`, at a few texels from the receiver, on the plane of the surface around it."""
    plane = start + at.smooth[0] * offset[0] + at.smooth[1] * offset[1]
    return gap(depth, size, first, int(at.x + offset[0]), int(at.y + offset[1]), plane)


@wp.func
def turned(direction: wp.vec2):
    """By the golden angle."""
    return wp.vec2(
        -0.73736888 * direction[0] - 0.67549030 * direction[1],
        0.67549030 * direction[0] - 0.73736888 * direction[1],
    )


@wp.func
def blockers(
    depth: wp.array(dtype=float),
    size: int,
    first: int,
    at: Receiver,
    start: float,
    towards: wp.vec2,
    radius: float,
):
    """Over a Vogel disc of `radius` texels, turned `towards` a direction: how many taps are blocked, and
    the sum of their gaps."""
    blocked = float(0.0)
    height = float(0.0)
    for tap in range(BLOCKER_TAPS):
        behind = tap_gap(
            depth,
            size,
            first,
            at,
            start,
            towards * (radius * wp.sqrt((float(tap) + 0.5) / float(BLOCKER_TAPS))),
        )
        if behind > 0.0:
            blocked += 1.0
            height += behind
        towards = turned(towards)
    return wp.vec2(blocked, height)


@wp.func
def lit_share(
    depth: wp.array(dtype=float),
    size: int,
    first: int,
    at: Receiver,
    start: float,
    towards: wp.vec2,
    radius: float,
):
    """Over a disc as of `blockers`, with more taps: the share that is not blocked."""
    blocked = float(0.0)
    for tap in range(FILTER_TAPS):
        if (
            tap_gap(
                depth,
                size,
                first,
                at,
                start,
                towards * (radius * wp.sqrt((float(tap) + 0.5) / float(FILTER_TAPS))),
            )
            > 0.0
        ):
            blocked += 1.0
        towards = turned(towards)
    return 1.0 - blocked / float(FILTER_TAPS)


@wp.func
def shadow_lookup(
    depth: wp.array(dtype=float),
    size: int,
    first: int,
    at: Receiver,
    texels_a_metre: float,
    tan_radius: float,
):
    """Share of the light that reaches a receiver, [0, 1]: percentage-closer soft shadows, whose penumbra
    follows the light's angular radius (Fernando 2005)."""
    search = wp.min(tan_radius * SEARCH_DEPTH_M * texels_a_metre, MAX_SEARCH)
    if search <= 1.0:
        return bilinear_lit(depth, size, first, at)
    towards = direction_of(at.turn)
    start = at.depth - SLOPE_BIAS * steepness(at.smooth)
    found = blockers(depth, size, first, at, start, towards, search)
    if found[0] == 0.0:
        return float(1.0)
    radius = found[1] / found[0] * tan_radius * texels_a_metre
    if radius <= 1.0:
        return bilinear_lit(depth, size, first, at)
    return lit_share(depth, size, first, at, start, towards, wp.min(radius, search))
