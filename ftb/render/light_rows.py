"""What shading computes of light for sixteen pixels at once: points, reflectance, what they send out.

Warp functions; `ftb.render.light_functions` holds their twins for one pixel.
"""

from __future__ import annotations

from ftb.kernels.start import wp
from ftb.render.light_functions import INVERSE_PI, SEEN_FROM_BEHIND
from ftb.render.row_kernel import (
    Colours,
    Row,
    Vectors,
    at_least,
    at_most,
    clamped,
    dots,
    dots_with,
    lesser,
    roots,
    signs,
    times,
    units,
)
from ftb.render.shade_kernel import Key


@wp.struct
class Points:
    """As `Point` in `shade_kernel`, of sixteen pixels."""

    place: Vectors
    view: Vectors
    normal: Vectors
    facet: Vectors
    turn: Row


@wp.struct
class Reflection:
    """Unshadowed irradiance (luminance), irradiance that arrives, reflected (not diffuse) radiance."""

    unshadowed: Row
    arriving: Colours
    specular: Colours


@wp.func
def points_of(place: Vectors, smooth: Vectors, flat: Vectors, turn: Row):
    """Normals of the inside of an open mesh are turned towards the eye."""
    points = Points()
    points.place = place
    points.view = times(units(place), Row(-1.0))
    normal = units(smooth)
    points.normal = times(normal, signs(dots(normal, points.view), SEEN_FROM_BEHIND))
    points.facet = times(flat, signs(dots(flat, points.view), 0.0))
    points.turn = turn
    return points


@wp.func
def reflectance_of(f0: Row, roughness: Row, n_v: Row):
    """As `environment_reflectance` in `light_functions`; 2^x by a polynomial within 2e-7."""
    one = Row(1.0)
    r0 = one - roughness
    x = n_v * (-0.58 * 0.69314718056)  # a sixteenth of the exponent
    power = one + wp.cw_mul(x, one + wp.cw_mul(x, Row(0.5) + wp.cw_mul(x, Row(1.0 / 6.0) + x * (1.0 / 24.0))))
    power = power + wp.cw_mul(wp.cw_mul(wp.cw_mul(x, x), wp.cw_mul(x, x)), x) * (1.0 / 120.0)
    power = wp.cw_mul(power, power)
    power = wp.cw_mul(power, power)
    power = wp.cw_mul(power, power)
    power = wp.cw_mul(power, power)
    a004 = wp.cw_mul(lesser(wp.cw_mul(r0, r0), power), r0) + Row(0.0425) - 0.0275 * roughness
    scale = Row(1.04) - 0.572 * roughness - 1.04 * a004
    return at_least(wp.cw_mul(f0, scale) + 1.04 * a004 + 0.022 * roughness - Row(0.04), 0.0)


@wp.func
def ggx_reflections(points: Points, n_l: Row, towards: wp.vec3, alpha: Row, f0: Row):
    """As `ggx_reflection` in `light_functions`, times the cosine n_l, which is not negative."""
    one = Row(1.0)
    n_v = at_least(dots(points.normal, points.view), 1.0e-3)
    v_l = dots_with(points.view, towards)
    # n·h and v·h from h = (v + l) / |v + l|, where |v + l|² = 2 + 2 v·l
    inverse = wp.cw_div(one, roots(at_least(2.0 * (one + v_l), 1.0e-20)))
    n_h = clamped(wp.cw_mul(dots(points.normal, points.view) + n_l, inverse), 0.0, 1.0)
    v_h = clamped(wp.cw_mul(one + v_l, inverse), 0.0, 1.0)
    a2 = wp.cw_mul(alpha, alpha)
    rest2 = one - a2
    spread = one - wp.cw_mul(wp.cw_mul(n_h, n_h), rest2)
    masking = wp.cw_mul(n_l, roots(wp.cw_mul(wp.cw_mul(n_v, n_v), rest2) + a2))
    masking += wp.cw_mul(n_v, roots(wp.cw_mul(wp.cw_mul(n_l, n_l), rest2) + a2))
    rest = one - v_h
    fourth = wp.cw_mul(wp.cw_mul(rest, rest), wp.cw_mul(rest, rest))
    fresnel = f0 + wp.cw_mul(one - f0, wp.cw_mul(fourth, rest))
    above = 0.5 * INVERSE_PI * wp.cw_mul(wp.cw_mul(a2, fresnel), n_l)
    return wp.cw_div(above, at_least(wp.cw_mul(wp.cw_mul(spread, spread), masking), 1.0e-20))


@wp.func
def with_key(sum: Reflection, key: Key, points: Points, roughness: Row, f0: Row, cosines: Row, lit: Row):
    """Adds a key light of which the shares `lit` arrive."""
    if key[7] < 0.0 or wp.max(cosines) == 0.0:
        return sum
    arriving = wp.cw_mul(cosines, lit)
    sum.unshadowed += cosines * (0.2126 * key[3] + 0.7152 * key[4] + 0.0722 * key[5])
    sum.arriving.r += arriving * key[3]
    sum.arriving.g += arriving * key[4]
    sum.arriving.b += arriving * key[5]
    # A wide light widens the highlight (Karis 2013, representative sphere).
    wide = at_most(wp.cw_mul(roughness, roughness) + Row(0.5 * key[6]), 1.0)
    towards = wp.vec3(key[0], key[1], key[2])
    share = wp.cw_mul(lit, ggx_reflections(points, cosines, towards, wide, f0))
    sum.specular.r += share * key[3]
    sum.specular.g += share * key[4]
    sum.specular.b += share * key[5]
    return sum


@wp.func
def sent_out(albedo: Colours, f0: Row, sum: Reflection):
    """Radiance."""
    # F0 under 2 % is an occluded or absent surface (Karis 2014): no reflection at all for 0.
    fade = at_most(50.0 * f0, 1.0)
    c = Colours()
    c.r = wp.cw_mul(albedo.r, sum.arriving.r) * INVERSE_PI + wp.cw_mul(sum.specular.r, fade)
    c.g = wp.cw_mul(albedo.g, sum.arriving.g) * INVERSE_PI + wp.cw_mul(sum.specular.g, fade)
    c.b = wp.cw_mul(albedo.b, sum.arriving.b) * INVERSE_PI + wp.cw_mul(sum.specular.b, fade)
    return c
