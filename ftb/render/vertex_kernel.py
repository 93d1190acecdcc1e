"""Light at the vertices of what is seen: what varies slowly is computed there and interpolated.

A picture of a face shows fewer vertices than pixels, and irradiance, occlusion and rough reflections
change little between two of them.
"""

from __future__ import annotations

from ftb.kernels.start import FORWARD, wp
from ftb.render.light_functions import (
    SEEN_FROM_BEHIND,
    glossy_lookup,
    luminance,
    map_lookup,
    quotient,
    sh2_irradiance,
)
from ftb.render.texture_kernel import texture_lookup, vec5

wp.set_module_options(FORWARD)

# normal (0:3, camera frame), uv (3:5), irradiance that arrives from the environment (5:8), luminance of
# the unshadowed one (8), luminance of sky visibility (9), rough reflection of the environment (10:13),
# order-2 irradiance of all light (13:16)
Record = wp.types.vector(length=16, dtype=float)


@wp.struct
class Maps:
    """Light by direction of S samples, as of `LightMaps`; heights: rows of mirror, and of the other two."""

    irradiance: wp.array(dtype=wp.vec3)
    mirror: wp.array(dtype=wp.vec3)
    glossy: wp.array(dtype=wp.vec3)
    heights: wp.vec2i


@wp.kernel
def mark_faces(
    pix_to_face: wp.array(dtype=wp.int64), pixels: int, faces: int, seen: wp.array(dtype=wp.uint8)
):
    """One pixel a thread: which faces (S · F,) a picture of `pixels` pixels shows."""
    n = wp.tid()
    face = int(pix_to_face[n])
    if face >= 0:
        seen[quotient(n, pixels) * faces + face] = wp.uint8(1)


@wp.kernel
def mark_vertices(
    seen: wp.array(dtype=wp.uint8),
    faces: wp.array(dtype=wp.vec3i),
    vertices: int,
    used: wp.array(dtype=wp.uint8),
):
    """One face of one picture a thread: the vertices (S · V,) of those seen."""
    n = wp.tid()
    if seen[n] == wp.uint8(0):
        return
    sample = quotient(n, faces.shape[0])
    corner = faces[n - sample * faces.shape[0]]
    first = sample * vertices
    used[first + corner[0]] = wp.uint8(1)
    used[first + corner[1]] = wp.uint8(1)
    used[first + corner[2]] = wp.uint8(1)


@wp.func
def roughness_of(texels: wp.array(dtype=vec5), start: int, size: int, uv: wp.vec2):
    texel = texture_lookup(texels, start, size, uv[0], uv[1])
    return wp.clamp(texel[3], 0.05, 1.0)


@wp.func
def gloss_of(maps: Maps, sample: int, facing: wp.vec3, view: wp.vec3, roughness: float):
    """Reflection of the environment, never sharper than its second map."""
    mirrored = facing * (2.0 * wp.dot(facing, view)) - view
    alpha = wp.max(roughness * roughness, 0.1)
    return glossy_lookup(maps.mirror, maps.glossy, maps.heights, sample, mirrored, alpha)


@wp.kernel
def light_vertices(
    used: wp.array(dtype=wp.uint8),
    heads: int,  # B
    vertices: wp.array(dtype=wp.vec3),  # (B · V,)
    normals: wp.array(dtype=wp.vec3),
    uvs: wp.array(dtype=wp.vec2),  # (V,)
    rotations: wp.array(dtype=wp.mat33),
    translations: wp.array(dtype=wp.vec3),
    sky: wp.array(dtype=wp.vec3),  # (S · V,)
    sh_irradiance: wp.array(dtype=wp.vec3),  # (S · 9,)
    maps: Maps,
    texels: wp.array(dtype=vec5),
    size: int,
    records: wp.array(dtype=Record),  # (S · V,)
):
    """One vertex of one picture a thread."""
    n = wp.tid()
    if used[n] == wp.uint8(0):
        return
    sample = quotient(n, uvs.shape[0])
    corner = n - sample * uvs.shape[0]
    head = quotient(sample * heads, rotations.shape[0])
    vertex = head * uvs.shape[0] + corner
    normal = rotations[sample] * normals[vertex]
    view = -wp.normalize(rotations[sample] * vertices[vertex] + translations[sample])
    facing = normal
    if wp.dot(normal, view) < SEEN_FROM_BEHIND:
        facing = -normal
    uv = uvs[corner]
    roughness = roughness_of(texels, head * quotient(texels.shape[0], heads), size, uv)
    unshadowed = map_lookup(maps.irradiance, sample, maps.heights[1], facing)
    arriving = wp.cw_mul(unshadowed, sky[n])
    gloss = gloss_of(maps, sample, facing, view, roughness)
    total = sh2_irradiance(sh_irradiance, sample * 9, facing)
    records[n] = Record(
        normal[0], normal[1], normal[2], uv[0], uv[1], arriving[0], arriving[1], arriving[2],
        luminance(unshadowed), luminance(sky[n]), gloss[0], gloss[1], gloss[2], total[0], total[1], total[2],
    )  # fmt: skip
