"""What shading kernels compute of light: lookups by direction, reflectance, irradiance of harmonics.

Warp functions for CPU and CUDA; `ftb.render.shade` and `ftb.maths` hold their readable twins. Arrays are
flat, and handed on as they are: within a struct each call would copy their descriptions.
"""

from __future__ import annotations

from ftb.kernels.start import wp

INVERSE_PI = wp.constant(0.31830988618)
# Of the normal and the eye: what is seen from behind by more than interpolation explains.
SEEN_FROM_BEHIND = wp.constant(-0.2)
# Below this α reflections are looked up at each pixel, above it at vertices.
SHARP_ALPHA = wp.constant(0.09)


@wp.func
def quotient(a: int, b: int) -> int:
    """Of numbers that are not negative, which spares the rounding towards −∞ of `//`."""
    return int(wp.uint32(a) // wp.uint32(b))


@wp.func
def luminance(colour: wp.vec3):
    return 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]


@wp.func
def arc_tangent(y: float, x: float):
    """atan2(y, x) within 3e-7 (Abramowitz and Stegun 1964, 4.4.49), in a fraction of the library's time."""
    across = wp.abs(x)
    along = wp.abs(y)
    ratio = wp.min(across, along) / wp.max(wp.max(across, along), 1.0e-30)
    s = ratio * ratio
    series = -0.0752896400 + s * (0.0429096138 + s * (-0.0161657367 + s * 0.0028662257))
    series = 1.0 + s * (
        -0.3333314528 + s * (0.1999355085 + s * (-0.1420889944 + s * (0.1065626393 + s * series)))
    )
    angle = ratio * series
    if along > across:
        angle = 1.5707963268 - angle
    if x < 0.0:
        angle = 3.1415926536 - angle
    if y < 0.0:
        angle = -angle
    return angle


@wp.func
def map_lookup(light_map: wp.array(dtype=wp.vec3), index: int, height: int, direction: wp.vec3):
    """Bilinear in one of several equirect maps; wraps in azimuth, clamps at the poles."""
    flat = wp.sqrt(direction[0] * direction[0] + direction[2] * direction[2])
    row = arc_tangent(flat, direction[1]) * INVERSE_PI * float(height) - 0.5
    column = (1.0 - arc_tangent(direction[0], direction[2]) * INVERSE_PI) * float(height) - 0.5
    width = 2 * height
    row_floor = wp.floor(row)
    column_floor = wp.floor(column)
    row_part = row - row_floor
    column_part = column - column_floor
    first = index * height * width
    r0 = first + wp.max(int(row_floor), 0) * width
    r1 = first + wp.min(int(row_floor) + 1, height - 1) * width
    c0 = int(column_floor)
    if c0 < 0:
        c0 += width
    c1 = c0 + 1
    if c1 == width:
        c1 = 0
    upper = light_map[r0 + c0] * (1.0 - column_part) + light_map[r0 + c1] * column_part
    lower = light_map[r1 + c0] * (1.0 - column_part) + light_map[r1 + c1] * column_part
    return upper * (1.0 - row_part) + lower * row_part


@wp.func
def glossy_lookup(
    mirror: wp.array(dtype=wp.vec3),
    glossy: wp.array(dtype=wp.vec3),
    heights: wp.vec2i,
    sample: int,
    direction: wp.vec3,
    alpha: float,
):
    """Between the environments themselves and their filtered copies, three a sample, of
    ftb.render.light_maps.GLOSS_ALPHAS (0.1, 0.25, 0.5), linear in α; heights: rows of either."""
    level = int(0)  # noqa: RUF046
    part = (alpha - 0.1) / 0.15
    if alpha < 0.1:
        part = alpha * 10.0
        sharp = map_lookup(mirror, sample, heights[0], direction)
        return sharp * (1.0 - part) + map_lookup(glossy, sample * 3, heights[1], direction) * part
    if alpha > 0.25:
        level = 1
        part = wp.min((alpha - 0.25) * 4.0, 1.0)
    first = sample * 3 + level
    result = map_lookup(glossy, first, heights[1], direction) * (1.0 - part)
    return result + map_lookup(glossy, first + 1, heights[1], direction) * part


@wp.func
def ggx_reflection(normal: wp.vec3, view: wp.vec3, light: wp.vec3, alpha: float, f0: float):
    """GGX · height-correlated Smith · Schlick, times the cosine at the light; glTF 2.0 appendix B."""
    n_l = wp.dot(normal, light)
    result = float(0.0)
    if n_l > 0.0:
        n_v = wp.max(wp.dot(normal, view), 1.0e-3)
        half_vector = wp.normalize(view + light)
        n_h = wp.clamp(wp.dot(normal, half_vector), 0.0, 1.0)
        v_h = wp.clamp(wp.dot(view, half_vector), 0.0, 1.0)
        a2 = alpha * alpha
        spread = n_h * n_h * (a2 - 1.0) + 1.0
        masking = n_l * wp.sqrt(n_v * n_v * (1.0 - a2) + a2) + n_v * wp.sqrt(n_l * n_l * (1.0 - a2) + a2)
        rest = 1.0 - v_h
        fresnel = f0 + (1.0 - f0) * rest * rest * rest * rest * rest
        result = 0.5 * a2 * INVERSE_PI * fresnel * n_l / (spread * spread * masking)
    return result


@wp.func
def environment_reflectance(f0: float, roughness: float, n_v: float):
    """Directional albedo of the GGX lobe; the analytic fit of Karis (2014) after Lazarov (2013)."""
    r0 = 1.0 - roughness
    r1 = 0.0425 - 0.0275 * roughness
    r2 = 1.04 - 0.572 * roughness
    r3 = 0.022 * roughness - 0.04
    a004 = wp.min(r0 * r0, wp.exp(-6.432405875 * n_v)) * r0 + r1
    return wp.max(f0 * (-1.04 * a004 + r2) + 1.04 * a004 + r3, 0.0)


@wp.func
def sh2_irradiance(coeffs: wp.array(dtype=wp.vec3), first: int, n: wp.vec3):
    """Coefficients already multiplied by π, 2π/3 and π/4 (`sh.irradiance_coeffs`)."""
    result = coeffs[first] * 0.28209479
    result += (coeffs[first + 1] * n[1] + coeffs[first + 2] * n[2] + coeffs[first + 3] * n[0]) * 0.48860251
    result += (coeffs[first + 4] * (n[0] * n[1]) + coeffs[first + 5] * (n[1] * n[2])) * 1.09254843
    result += coeffs[first + 6] * (0.31539157 * (3.0 * n[2] * n[2] - 1.0))
    result += coeffs[first + 7] * (1.09254843 * n[0] * n[2])
    result += coeffs[first + 8] * (0.54627422 * (n[0] * n[0] - n[1] * n[1]))
    return result
