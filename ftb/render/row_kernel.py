"""Sixteen neighbouring pixels as one vector: on a CPU that is one register, where pixels one by one would use
a sixteenth of it. Pictures are planar, their rows multiples of sixteen pixels.
"""

from __future__ import annotations

from ftb.kernels.start import wp

WIDTH = wp.constant(16)  # pixels of a vector
HALF_WIDTH = wp.constant(8)

Row = wp.types.vector(length=16, dtype=float)


@wp.struct
class Colours:
    """Sixteen colours."""

    r: Row
    g: Row
    b: Row


@wp.func
def colours(r: Row, g: Row, b: Row):
    c = Colours()
    c.r = r
    c.g = g
    c.b = b
    return c


@wp.func
def luminance_of(c: Colours):
    return 0.2126 * c.r + 0.7152 * c.g + 0.0722 * c.b


@wp.func
def greyed(c: Colours, grey: float):
    level = luminance_of(c)
    mixed = Colours()
    mixed.r = c.r + (level - c.r) * grey
    mixed.g = c.g + (level - c.g) * grey
    mixed.b = c.b + (level - c.b) * grey
    return mixed


@wp.func
def load(planes: wp.array(dtype=Row), at: int, plane: int):
    """at: of the red plane; plane: vectors a plane."""
    c = Colours()
    c.r = planes[at]
    c.g = planes[at + plane]
    c.b = planes[at + 2 * plane]
    return c


@wp.func
def store(planes: wp.array(dtype=Row), at: int, plane: int, c: Colours):
    planes[at] = c.r
    planes[at + plane] = c.g
    planes[at + 2 * plane] = c.b


@wp.func
def tinted(c: Colours, gain: wp.vec3):
    scaled = Colours()
    scaled.r = c.r * gain[0]
    scaled.g = c.g * gain[1]
    scaled.b = c.b * gain[2]
    return scaled


@wp.func
def shaded_by(c: Colours, factor: Row):
    dimmed = Colours()
    dimmed.r = wp.cw_mul(c.r, factor)
    dimmed.g = wp.cw_mul(c.g, factor)
    dimmed.b = wp.cw_mul(c.b, factor)
    return dimmed


@wp.struct
class Vectors:
    """Sixteen vectors."""

    x: Row
    y: Row
    z: Row


@wp.func
def vectors(x: Row, y: Row, z: Row):
    v = Vectors()
    v.x = x
    v.y = y
    v.z = z
    return v


@wp.func
def dots(a: Vectors, b: Vectors):
    return wp.cw_mul(a.x, b.x) + wp.cw_mul(a.y, b.y) + wp.cw_mul(a.z, b.z)


@wp.func
def dots_with(a: Vectors, b: wp.vec3):
    return a.x * b[0] + a.y * b[1] + a.z * b[2]


@wp.func
def times(v: Vectors, factor: Row):
    return vectors(wp.cw_mul(v.x, factor), wp.cw_mul(v.y, factor), wp.cw_mul(v.z, factor))


@wp.func
def turned_by(m: wp.mat33, v: Vectors):
    """m · v for each."""
    return vectors(dots_with(v, m[0]), dots_with(v, m[1]), dots_with(v, m[2]))


@wp.func
def roots(v: Row):
    """Square roots."""
    result = Row()
    for k in range(WIDTH):
        result[k] = wp.sqrt(v[k])
    return result


@wp.func
def units(v: Vectors):
    """Of length 1; the zero vector stays."""
    return times(v, wp.cw_div(Row(1.0), roots(at_least(dots(v, v), 1.0e-30))))


@wp.func
def signs(v: Row, least: float):
    """−1 where less than `least`, else 1."""
    result = Row()
    for k in range(WIDTH):
        result[k] = wp.where(v[k] < least, -1.0, 1.0)
    return result


@wp.func
def at_least(v: Row, low: float):
    """As `wp.max`, which minds what is not a number and takes no whole register."""
    result = Row()
    for k in range(WIDTH):
        result[k] = wp.where(v[k] > low, v[k], low)
    return result


@wp.func
def at_most(v: Row, high: float):
    result = Row()
    for k in range(WIDTH):
        result[k] = wp.where(v[k] < high, v[k], high)
    return result


@wp.func
def clamped(v: Row, low: float, high: float):
    return at_most(at_least(v, low), high)


@wp.func
def lesser(a: Row, b: Row):
    result = Row()
    for k in range(WIDTH):
        result[k] = wp.where(a[k] < b[k], a[k], b[k])
    return result
