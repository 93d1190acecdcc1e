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
