"""Edge functions for the Warp rasterizer, exact ones: what makes it watertight.

A pixel position is (x right, y down) in pixels from the image's upper left corner. A position in view
is (x right, y up, depth). A *placed* vertex is (x, y, kind), where kind is one of the three below.
"""

import math

from ftb.kernels.start import wp

HALF = wp.constant(wp.float64(0.5))
ZERO = wp.constant(wp.float64(0.0))
ONE = wp.constant(wp.float64(1.0))
INFINITY = wp.constant(wp.float64(math.inf))
# Less than any edge function that is not zero: "at least this" means "positive".
POSITIVE = wp.constant(wp.float64(1e-300))
# Directions towards a vertex off the grid are rounded to this many steps, so that they are exact too.
DIRECTION_STEPS = wp.constant(wp.float64(2.0**24))
# Far more than the rounding of where an edge crosses a row of an image, far less than a pixel.
SLACK = wp.constant(wp.float64(1e-6))

INVALID = wp.constant(wp.float64(0.0))  # not finite
FREE = wp.constant(wp.float64(1.0))  # behind the near plane, or far outside the image: homogeneous
ANCHORED = wp.constant(wp.float64(2.0))  # snapped to the sub-pixel grid


@wp.struct
class Frame:
    """What all images of a batch share."""

    height: int
    width: int
    half_height: wp.float64
    half_width: wp.float64
    orthographic: bool
    cull: bool
    grid: wp.float64  # steps a pixel
    guard: wp.float64  # pixels from the image's centre within which edge functions are exact


@wp.struct
class Triangle:
    """One triangle, ready to be drawn: inside where aᵢ·x + bᵢ·y + cᵢ ≥ floorᵢ for i = 0, 1, 2."""

    a: wp.vec3d
    b: wp.vec3d
    c: wp.vec3d
    floor: wp.vec3d
    plane: wp.vec3d  # nearness as a function of (x, y, 1): 1/depth for a pinhole, −depth if orthographic
    farthest: wp.float64  # bounds of nearness within the triangle
    nearest: wp.float64
    cut: wp.float64  # what is nearer than this is clipped


@wp.func
def project(s: Frame, v: wp.vec3d, scale: wp.float64) -> wp.vec2d:
    """Pixel position of a point in view, which has depth > 0 if the camera is a pinhole."""
    shrink = scale
    if not s.orthographic:
        shrink = scale / v[2]
    return wp.vec2d(s.half_width + shrink * v[0], s.half_height - shrink * v[1])


@wp.func
def place_vertex(s: Frame, v: wp.vec3d, scale: wp.float64, near: wp.float64) -> wp.vec3d:
    """A vertex in view as placed. FREE ones are (x·w, y·w), w being 1 if orthographic, else the depth."""
    x = s.half_width * v[2] + scale * v[0]
    y = s.half_height * v[2] - scale * v[1]
    kind = FREE
    if s.orthographic or v[2] >= near:
        p = project(s, v, scale)
        if wp.abs(p[0] - s.half_width) < s.guard and wp.abs(p[1] - s.half_height) < s.guard:
            x = wp.rint(p[0] * s.grid) / s.grid
            y = wp.rint(p[1] * s.grid) / s.grid
            kind = ANCHORED
        elif s.orthographic:
            x = p[0]
            y = p[1]
    if not wp.isfinite(x + y + v[0] + v[1] + v[2]):
        kind = INVALID
    return wp.vec3d(x, y, kind)


@wp.func
def towards(p: wp.vec3d, q: wp.vec3d, weight: wp.float64) -> wp.vec2d:
    """Direction from an anchored vertex to a free one of homogeneous weight, rounded."""
    x = q[0] - p[0] * weight
    y = q[1] - p[1] * weight
    longest = wp.max(wp.abs(x), wp.abs(y))
    if longest == ZERO:
        return wp.vec2d(ZERO, ZERO)
    step = DIRECTION_STEPS / longest
    return wp.vec2d(wp.rint(x * step), wp.rint(y * step))


@wp.func
def edge(p: wp.vec3d, q: wp.vec3d, weight_p: wp.float64, weight_q: wp.float64) -> wp.vec3d:
    """(a, b, c) of det(pixel, p, q) = a·x + b·y + c up to a positive factor; exactly −edge(q, p)."""
    if p[2] == FREE and q[2] == FREE:
        u = wp.vec3d(p[0], p[1], weight_p)
        v = wp.vec3d(q[0], q[1], weight_q)
        if p[0] < q[0] or (p[0] == q[0] and p[1] < q[1]):
            return wp.cross(u, v)
        return -wp.cross(v, u)
    anchor = p
    d = wp.vec2d(q[0] - p[0], q[1] - p[1])
    if p[2] == FREE:
        anchor = q
        d = -towards(q, p, weight_p)
    elif q[2] == FREE:
        d = towards(p, q, weight_q)
    return wp.vec3d(-d[1], d[0], anchor[0] * d[1] - anchor[1] * d[0])


@wp.func
def floor_of(e: wp.vec3d) -> wp.float64:
    """Least inside value of an edge: a centre upon it counts as if moved right and, far less, down."""
    return wp.where(e[0] > ZERO or (e[0] == ZERO and e[1] > ZERO), ZERO, POSITIVE)


@wp.func
def inverse(a: wp.float64) -> wp.float64:
    """1/a, 0 where a is."""
    if a == ZERO:
        return ZERO
    return ONE / a


@wp.func
def bounded(value: wp.float64, low: wp.float64, high: wp.float64) -> wp.float64:
    """As `wp.clamp` of numbers, without its care for what is none: the innermost loop asks it."""
    above = wp.where(value > low, value, low)
    return wp.where(above < high, above, high)


@wp.func
def covers(t: Triangle, row: wp.vec3d, x: wp.float64) -> bool:
    """The inside test, at a pixel centre of a row where row = b·y + c."""
    return (
        t.a[0] * x + row[0] >= t.floor[0]
        and t.a[1] * x + row[1] >= t.floor[1]
        and t.a[2] * x + row[2] >= t.floor[2]
    )


@wp.func
def begins(a: wp.float64, row: wp.float64, floor: wp.float64, crossing: wp.float64) -> wp.float64:
    """Where an edge begins to admit pixels of a row, −∞ if it does so from the left on, ∞ if never."""
    admits = wp.where(row >= floor, -INFINITY, INFINITY)
    return wp.where(a > ZERO, crossing, wp.where(a < ZERO, -INFINITY, admits))


@wp.func
def covered_span(t: Triangle, row: wp.vec3d, per_a: wp.vec3d, first: int, last: int) -> wp.vec2i:
    """First and last column of a row that the triangle covers, within [first, last].

    The crossings of its edges say so up to rounding, for which SLACK is generous; the inside test
    decides at both ends. Between them it need not be made: it is monotonic in x, even when rounded.
    """
    low = wp.float64(first)
    high = wp.float64(last)
    for k in range(3):
        crossing = -row[k] * per_a[k] - HALF
        start = begins(t.a[k], row[k], t.floor[k], crossing - SLACK)
        low = wp.where(start > low, start, low)
        stop = wp.where(t.a[k] < ZERO, crossing + SLACK, high)
        high = wp.where(stop < high, stop, high)
    low = wp.ceil(low)
    high = wp.floor(high)
    if low > high:
        return wp.vec2i(0, -1)
    if not covers(t, row, low + HALF):
        low += ONE
    if not covers(t, row, high + HALF):
        high -= ONE
    return wp.vec2i(int(low), int(high))
