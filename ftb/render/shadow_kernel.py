"""Warp kernels and functions of shadow maps: which part of a head a light sees, and how deep.

Positions in a map are in texels across it and in metres along the light's own way, away from the light.
"""

from __future__ import annotations

from ftb.kernels.start import FORWARD, wp
from ftb.render.light_functions import quotient

wp.set_module_options(FORWARD)

EMPTY = wp.constant(1.0e6)
CRACK = wp.constant(1.0e-3)  # texels


@wp.kernel
def bound(
    used: wp.array(dtype=wp.uint8),  # (S · V,)
    vertices: wp.array(dtype=wp.vec3),  # (B · V,)
    count: int,  # V
    pictures: int,  # in a row of each head
    samples: wp.array(dtype=wp.int32),  # (L,) which picture a light belongs to, −1 none
    frames: wp.array(dtype=wp.mat33),  # (L,)
    bounds: wp.array(dtype=float),  # (L · 4,) −least x, greatest x, −least y, greatest y
):
    """One vertex a thread for each light: what the picture shows lies within these bounds, metres."""
    n = wp.tid()
    light = quotient(n, count)
    vertex = n - light * count
    sample = samples[light]
    if sample >= 0 and used[sample * count + vertex] != wp.uint8(0):
        at = frames[light] * vertices[quotient(sample, pictures) * count + vertex]
        wp.atomic_max(bounds, 4 * light, -at[0])
        wp.atomic_max(bounds, 4 * light + 1, at[0])
        wp.atomic_max(bounds, 4 * light + 2, -at[1])
        wp.atomic_max(bounds, 4 * light + 3, at[1])


@wp.kernel
def project(
    vertices: wp.array(dtype=wp.vec3),  # as of `bound`
    count: int,
    pictures: int,
    samples: wp.array(dtype=wp.int32),
    frames: wp.array(dtype=wp.mat33),
    window: wp.array(dtype=wp.vec3),  # (L,) x and y of the map's corner, texels a metre
    projected: wp.array(dtype=wp.vec4),  # (L · V,) the fourth number is for nothing but whole reads
):
    """One vertex a thread for each light: its place in the map."""
    n = wp.tid()
    light = quotient(n, count)
    first = quotient(wp.max(samples[light], 0), pictures) * count
    at = frames[light] * vertices[first + n - light * count]
    view = window[light]
    projected[n] = wp.vec4((at[0] - view[0]) * view[2], (at[1] - view[1]) * view[2], at[2], 0.0)


@wp.func
def narrowed(span: wp.vec2, value: float, slope: float, inverse: float):
    """The part of a row where value + slope · x ≥ 0, a hair wider so that neighbours leave no crack."""
    crossing = -value * inverse
    low = span[0]
    high = span[1]
    # Comparisons, where `wp.min` and `wp.max` would mind what is not a number.
    if slope > 0.0:
        low = wp.where(crossing - CRACK > low, crossing - CRACK, low)
    elif slope < 0.0:
        high = wp.where(crossing + CRACK < high, crossing + CRACK, high)
    elif value < 0.0:
        high = low - 1.0
    return wp.vec2(low, high)


@wp.func
def inverse_of(slope: float):
    result = float(0.0)
    if slope != 0.0:
        result = 1.0 / slope
    return result


@wp.func
def fill(
    depth: wp.array(dtype=float), first: int, size: int, a: wp.vec3, b: wp.vec3, c: wp.vec3, scale: float
):
    """Enter a triangle's depth at the texel centres it covers; scale: 1 over its doubled area."""
    x_low = wp.max(wp.ceil(wp.min(a[0], wp.min(b[0], c[0])) - 0.5), 0.0)
    x_high = wp.min(wp.floor(wp.max(a[0], wp.max(b[0], c[0])) - 0.5), float(size - 1))
    y_low = wp.max(int(wp.ceil(wp.min(a[1], wp.min(b[1], c[1])) - 0.5)), 0)
    y_high = wp.min(int(wp.floor(wp.max(a[1], wp.max(b[1], c[1])) - 0.5)), size - 1)
    if x_low > x_high or y_low > y_high:
        return
    # Shares u of a and v of b, and w = 1 − u − v of c, as functions of the texel's number.
    u_x = (b[1] - c[1]) * scale
    v_x = (c[1] - a[1]) * scale
    w_x = -u_x - v_x
    per_u = inverse_of(u_x)
    per_v = inverse_of(v_x)
    per_w = inverse_of(w_x)
    z_x = u_x * (a[2] - c[2]) + v_x * (b[2] - c[2])
    # The plane of a sliver, a hair wider than it, may rise anywhere.
    z_low = wp.min(a[2], wp.min(b[2], c[2]))
    z_high = wp.max(a[2], wp.max(b[2], c[2]))
    start = 0.5 - c[0]
    for y in range(y_low, y_high + 1):
        down = float(y) + 0.5 - c[1]
        u = u_x * start + (c[0] - b[0]) * scale * down
        v = v_x * start + (a[0] - c[0]) * scale * down
        span = narrowed(wp.vec2(x_low, x_high), u, u_x, per_u)
        span = narrowed(span, v, v_x, per_v)
        span = narrowed(span, 1.0 - u - v, w_x, per_w)
        left = wp.ceil(span[0])
        z = c[2] + u * (a[2] - c[2]) + v * (b[2] - c[2]) + z_x * left
        at = first + y * size + int(left)
        end = first + y * size + int(wp.floor(span[1]))
        while at <= end:
            wp.atomic_min(depth, at, wp.clamp(z, z_low, z_high))
            z += z_x
            at += 1


@wp.func
def place_of(corner: wp.vec4):
    return wp.vec3(corner[0], corner[1], corner[2])


@wp.kernel
def draw_depth(
    projected: wp.array(dtype=wp.vec4),  # (L · V,)
    faces: wp.array(dtype=wp.vec3i),
    vertices: int,
    size: int,
    samples: wp.array(dtype=wp.int32),
    depth: wp.array(dtype=float),  # (L · size · size,)
):
    """One face a thread for each light."""
    n = wp.tid()
    light = quotient(n, faces.shape[0])
    corner = faces[n - light * faces.shape[0]]
    first = light * vertices
    a = place_of(projected[first + corner[0]])
    b = place_of(projected[first + corner[1]])
    c = place_of(projected[first + corner[2]])
    if wp.min(a[0], wp.min(b[0], c[0])) > float(size) or wp.max(a[0], wp.max(b[0], c[0])) < 0.0:
        return
    if wp.min(a[1], wp.min(b[1], c[1])) > float(size) or wp.max(a[1], wp.max(b[1], c[1])) < 0.0:
        return
    area = (a[0] - c[0]) * (b[1] - c[1]) - (b[0] - c[0]) * (a[1] - c[1])
    if wp.abs(area) > 1.0e-9 and samples[light] >= 0:
        fill(depth, light * size * size, size, a, b, c, 1.0 / area)
