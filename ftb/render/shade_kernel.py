"""The fused shading kernel: one pass over pixels, from vertex records to radiance and every by-product.

A pixel a thread, as a GPU wants it; `ftb.render.shade_rows` does the same for the CPU. `ftb.render.shade` is
the readable twin of both; tests hold the three together.
"""

from __future__ import annotations

from ftb.kernels.start import FORWARD, wp
from ftb.render.light_functions import (
    INVERSE_PI,
    SEEN_FROM_BEHIND,
    SHARP_ALPHA,
    environment_reflectance,
    ggx_reflection,
    glossy_lookup,
    luminance,
    quotient,
)
from ftb.render.shadow_lookup import receiver_of, shadow_lookup
from ftb.render.texture_kernel import level_of, texture_lookup, vec5
from ftb.render.vertex_kernel import Record

wp.set_module_options(FORWARD)

# A key light: direction (0:3), irradiance (3:6), tangent of its angular radius, number of its shadow map
# (−1: it does not shine).
Key = wp.types.vector(length=8, dtype=float)


@wp.struct
class View:
    """S square pictures of size × size pixels: half widths and rotations from the head's frame (S,) of their
    cameras, and what the rasterizer saw (S · H · W,)."""

    size: int
    orthographic: bool
    half_width: wp.array(dtype=float)
    rotations: wp.array(dtype=wp.mat33)
    pix_to_face: wp.array(dtype=wp.int64)
    bary_coords: wp.array(dtype=wp.vec3)
    depth: wp.array(dtype=float)


@wp.struct
class Surface:
    """Of B heads: vertex records (S · V,); faces (F,), their normals and texels a metre (B · F,); the skins'
    textures, `width` texels wide, as in `texture.Pyramid`."""

    heads: int
    vertices: int
    records: wp.array(dtype=Record)
    faces: wp.array(dtype=wp.vec3i)
    facets: wp.array(dtype=wp.vec4)
    width: int
    levels: int
    made: int
    finest: wp.array(dtype=vec5)
    coarser: wp.array(dtype=vec5)
    starts: wp.array(dtype=wp.int32)


@wp.struct
class Light:
    """Maps of the environment, with their rows; `count` keys of each sample (S · N,); of each shadow map
    (L,) the axes, frame and corner of `receiver_in`; the maps themselves, `texels` wide."""

    mirror: wp.array(dtype=wp.vec3)
    glossy: wp.array(dtype=wp.vec3)
    heights: wp.vec2i
    count: int
    keys: wp.array(dtype=Key)
    axes: wp.array(dtype=wp.mat33)
    frames: wp.array(dtype=wp.mat33)
    corners: wp.array(dtype=wp.vec4)
    texels: int
    shadow: wp.array(dtype=float)


@wp.struct
class Point:
    """What one pixel sees, camera frame: the smooth normal and the facet's own; `turn` rotates its pattern of
    shadow taps."""

    place: wp.vec3
    view: wp.vec3
    normal: wp.vec3
    facet: wp.vec3
    turn: float


@wp.struct
class Received:
    """Unshadowed irradiance (luminance), irradiance that arrives, reflected (not diffuse) radiance."""

    unshadowed: float
    arriving: wp.vec3
    specular: wp.vec3


@wp.func
def place_of(view: View, sample: int, n: int):
    """Camera-frame position of what pixel n sees."""
    row = quotient(n, view.size)
    reach = view.half_width[sample]
    step = 2.0 * reach / float(view.size)
    x = (float(n - row * view.size) + 0.5) * step - reach
    y = reach - (float(row - sample * view.size) + 0.5) * step
    depth = view.depth[n]
    if not view.orthographic:
        x *= depth
        y *= depth
    return wp.vec3(x, y, -depth)


@wp.func
def pixel_width(view: View, sample: int, depth: float):
    """Metres at the depth of what is seen."""
    width = 2.0 * view.half_width[sample] / float(view.size)
    if not view.orthographic:
        width *= depth
    return width


@wp.func
def turn_of(size: int, n: int):
    """[0, 1), for each pixel another one than its neighbours' (Jimenez 2014, interleaved gradient noise)."""
    row = quotient(n, size)
    across = 0.06711056 * float(n - row * size)
    return wp.frac(52.9829189 * wp.frac(across + 0.00583715 * float(row % size)))


@wp.func
def receiver_in(axes: wp.mat33, frame: wp.mat33, corner: wp.vec4, point: Point):
    """A point as a shadow map sees it: axes scaled to texels, the light's frame, the map's corner and how
    many texels it has a metre."""
    at = axes * point.place + wp.vec3(corner[0], corner[1], corner[2])
    return receiver_of(at, frame * point.normal, frame * point.facet, 1.0 / corner[3], point.turn)


@wp.func
def point_at(view: View, sample: int, n: int, normal: wp.vec3, facet: wp.vec4):
    """Normals of the inside of an open mesh are turned towards the eye."""
    point = Point()
    point.place = place_of(view, sample, n)
    point.view = -wp.normalize(point.place)
    point.turn = turn_of(view.size, n)
    point.normal = wp.normalize(normal)
    if wp.dot(point.normal, point.view) < SEEN_FROM_BEHIND:
        point.normal = -point.normal
    point.facet = view.rotations[sample] * wp.vec3(facet[0], facet[1], facet[2])
    if wp.dot(point.facet, point.view) < 0.0:
        point.facet = -point.facet
    return point


@wp.func
def record_at(surface: Surface, sample: int, face: int, bary: wp.vec3):
    corner = surface.faces[face]
    first = sample * surface.vertices
    r = surface.records[first + corner[0]] * bary[0] + surface.records[first + corner[1]] * bary[1]
    return r + surface.records[first + corner[2]] * bary[2]


@wp.func
def head_of(view: View, surface: Surface, sample: int):
    return quotient(sample * surface.heads, view.half_width.shape[0])


@wp.func
def skin_at(view: View, surface: Surface, sample: int, u: float, v: float, texels_a_pixel: float):
    """Albedo, roughness and F0."""
    level = level_of(texels_a_pixel, surface.made)
    head = head_of(view, surface, sample)
    if level == 0:
        return texture_lookup(surface.finest, head * surface.width * surface.width, surface.width, u, v)
    start = head * quotient(surface.coarser.shape[0], surface.heads) + surface.starts[level]
    return texture_lookup(surface.coarser, start, surface.width >> level, u, v)


@wp.func
def from_environment(light: Light, sample: int, point: Point, r: Record, texel: vec5):
    roughness = wp.clamp(texel[3], 0.05, 1.0)
    alpha = roughness * roughness
    n_v = wp.dot(point.normal, point.view)
    gloss = wp.vec3(r[10], r[11], r[12])
    if alpha < SHARP_ALPHA:
        mirrored = point.normal * (2.0 * n_v) - point.view
        gloss = glossy_lookup(light.mirror, light.glossy, light.heights, sample, mirrored, alpha)
    received = Received()
    received.unshadowed = r[8]
    received.arriving = wp.vec3(r[5], r[6], r[7])
    received.specular = gloss * (
        r[9] * environment_reflectance(texel[4], roughness, wp.clamp(n_v, 1.0e-3, 1.0))
    )
    return received


@wp.func
def lit_share(light: Light, key: Key, point: Point):
    """Of a key light, what reaches a point that faces it, [0, 1]."""
    slot = int(key[7])
    corner = light.corners[slot]
    receiver = receiver_in(light.axes[slot], light.frames[slot], corner, point)
    first = slot * light.texels * light.texels
    return shadow_lookup(light.shadow, light.texels, first, receiver, corner[3], key[6])


@wp.func
def with_key(received: Received, key: Key, point: Point, texel: vec5, cosine: float, lit: float):
    """Adds a key light of which the share `lit` arrives."""
    strength = wp.vec3(key[3], key[4], key[5])
    received.unshadowed += luminance(strength) * cosine
    received.arriving += strength * (cosine * lit)
    roughness = wp.clamp(texel[3], 0.05, 1.0)
    # A wide light widens the highlight (Karis 2013, representative sphere).
    wide = wp.min(roughness * roughness + 0.5 * key[6], 1.0)
    towards = wp.vec3(key[0], key[1], key[2])
    received.specular += strength * (lit * ggx_reflection(point.normal, point.view, towards, wide, texel[4]))
    return received


@wp.func
def sent_out(albedo: wp.vec3, f0: float, received: Received):
    """Radiance."""
    # F0 under 2 % is an occluded or absent surface (Karis 2014): no reflection at all for 0.
    return wp.cw_mul(albedo, received.arriving) * INVERSE_PI + received.specular * wp.min(50.0 * f0, 1.0)


@wp.func
def store3(planes: wp.array(dtype=float), at: int, plane: int, value: wp.vec3):
    planes[at] = value[0]
    planes[at + plane] = value[1]
    planes[at + 2 * plane] = value[2]


@wp.kernel
def shade_pixels(
    view: View,
    surface: Surface,
    light: Light,
    mask: wp.array(dtype=float),  # (S, H, W)
    radiance: wp.array(dtype=float),  # planes of colours (S, 3, H, W)
    normals: wp.array(dtype=float),
    albedos: wp.array(dtype=float),
    irradiance: wp.array(dtype=float),
    visibility: wp.array(dtype=float),
    light_visibility: wp.array(dtype=float),  # planes (S, N, H, W)
):
    """Where a face is; elsewhere layers keep what they hold."""
    n = wp.tid()
    face = int(view.pix_to_face[n])
    if face < 0:
        return
    plane = view.size * view.size
    sample = quotient(n, plane)
    r = record_at(surface, sample, face, view.bary_coords[n])
    facet = surface.facets[head_of(view, surface, sample) * surface.faces.shape[0] + face]
    point = point_at(view, sample, n, wp.vec3(r[0], r[1], r[2]), facet)
    texel = skin_at(view, surface, sample, r[3], r[4], facet[3] * pixel_width(view, sample, view.depth[n]))
    received = from_environment(light, sample, point, r, texel)
    for k in range(light.count):
        key = light.keys[sample * light.count + k]
        cosine = wp.dot(point.normal, wp.vec3(key[0], key[1], key[2]))
        if key[7] >= 0.0 and cosine > 0.0:
            lit = lit_share(light, key, point)
            received = with_key(received, key, point, texel, cosine, lit)
            light_visibility[n + (sample * (light.count - 1) + k) * plane] = lit
    albedo = wp.vec3(texel[0], texel[1], texel[2])
    at = n + 2 * sample * plane
    mask[n] = 1.0
    store3(radiance, at, plane, sent_out(albedo, texel[4], received))
    store3(normals, at, plane, point.normal)
    store3(albedos, at, plane, albedo)
    store3(irradiance, at, plane, wp.vec3(r[13], r[14], r[15]))
    visibility[n] = wp.min(luminance(received.arriving) / wp.max(received.unshadowed, 1.0e-8), 1.0)
