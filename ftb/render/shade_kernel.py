"""The fused shading kernel: one pass from fragments to radiance and every by-product.

`ftb.render.shade` is its readable twin; tests hold the two together.
"""

from __future__ import annotations

from ftb.render.shadow import receiver_of, shadow_lookup
from ftb.render.warp_start import wp

INVERSE_PI = wp.constant(0.31830988618)


@wp.func
def map_lookup(light_map: wp.array(dtype=wp.vec3, ndim=3), index: int, direction: wp.vec3):
    """Bilinear in an equirect map; wraps in azimuth, clamps at the poles."""
    height = light_map.shape[1]
    width = light_map.shape[2]
    theta = wp.acos(wp.clamp(direction[1], -1.0, 1.0))
    phi = wp.atan2(direction[0], direction[2])
    row = theta * INVERSE_PI * float(height) - 0.5
    column = (0.5 - phi * INVERSE_PI * 0.5) * float(width) - 0.5
    row_floor = wp.floor(row)
    column_floor = wp.floor(column)
    row_part = row - row_floor
    column_part = column - column_floor
    r0 = wp.clamp(int(row_floor), 0, height - 1)
    r1 = wp.clamp(int(row_floor) + 1, 0, height - 1)
    c0 = (int(column_floor) + width) % width
    c1 = (int(column_floor) + 1 + width) % width
    upper = light_map[index, r0, c0] * (1.0 - column_part) + light_map[index, r0, c1] * column_part
    lower = light_map[index, r1, c0] * (1.0 - column_part) + light_map[index, r1, c1] * column_part
    return upper * (1.0 - row_part) + lower * row_part


@wp.func
def glossy_lookup(
    mirror: wp.array(dtype=wp.vec3, ndim=3),
    glossy: wp.array(dtype=wp.vec3, ndim=3),
    sample: int,
    direction: wp.vec3,
    alpha: float,
):
    """Between the levels of ftb.render.light_maps.GLOSS_ALPHAS (0, 0.1, 0.25, 0.5), linear in α."""
    result = wp.vec3(0.0, 0.0, 0.0)
    if alpha < 0.1:
        part = alpha * 10.0
        result = map_lookup(mirror, sample, direction) * (1.0 - part)
        result += map_lookup(glossy, sample * 3, direction) * part
    elif alpha < 0.25:
        part = (alpha - 0.1) / 0.15
        result = map_lookup(glossy, sample * 3, direction) * (1.0 - part)
        result += map_lookup(glossy, sample * 3 + 1, direction) * part
    else:
        part = wp.min((alpha - 0.25) * 4.0, 1.0)
        result = map_lookup(glossy, sample * 3 + 1, direction) * (1.0 - part)
        result += map_lookup(glossy, sample * 3 + 2, direction) * part
    return result


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
        distribution = a2 * INVERSE_PI / (spread * spread)
        masking = 0.5 / (
            n_l * wp.sqrt(n_v * n_v * (1.0 - a2) + a2) + n_v * wp.sqrt(n_l * n_l * (1.0 - a2) + a2)
        )
        fresnel = f0 + (1.0 - f0) * wp.pow(1.0 - v_h, 5.0)
        result = distribution * masking * fresnel * n_l
    return result


@wp.func
def environment_reflectance(f0: float, roughness: float, n_v: float):
    """Directional albedo of the GGX lobe; the analytic fit of Karis (2014) after Lazarov (2013)."""
    r0 = 1.0 - roughness
    r1 = 0.0425 - 0.0275 * roughness
    r2 = 1.04 - 0.572 * roughness
    r3 = 0.022 * roughness - 0.04
    a004 = wp.min(r0 * r0, wp.pow(2.0, -9.28 * n_v)) * r0 + r1
    return wp.max(f0 * (-1.04 * a004 + r2) + 1.04 * a004 + r3, 0.0)


@wp.func
def luminance(colour: wp.vec3):
    return 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]


@wp.func
def sh2_irradiance(coeffs: wp.array(dtype=wp.vec3, ndim=2), sample: int, n: wp.vec3):
    """Coefficients already multiplied by π, 2π/3 and π/4 (`sh.irradiance_coeffs`)."""
    result = coeffs[sample, 0] * 0.28209479
    result += (coeffs[sample, 1] * n[1] + coeffs[sample, 2] * n[2] + coeffs[sample, 3] * n[0]) * 0.48860251
    result += (coeffs[sample, 4] * (n[0] * n[1]) + coeffs[sample, 5] * (n[1] * n[2])) * 1.09254843
    result += coeffs[sample, 6] * (0.31539157 * (3.0 * n[2] * n[2] - 1.0))
    result += coeffs[sample, 7] * (1.09254843 * n[0] * n[2])
    result += coeffs[sample, 8] * (0.54627422 * (n[0] * n[0] - n[1] * n[1]))
    return result


@wp.struct
class Geometry:
    """One head: vertices, normals (V,), uvs (V,), faces (F, 3), textures (T, T)."""

    vertices: wp.array(dtype=wp.vec3)
    normals: wp.array(dtype=wp.vec3)
    uvs: wp.array(dtype=wp.vec2)
    faces: wp.array(dtype=wp.int32, ndim=2)
    albedo: wp.array(dtype=wp.vec3, ndim=2)
    material: wp.array(dtype=wp.vec2, ndim=2)


@wp.struct
class Light:
    """Lights of S samples: maps, order-2 irradiance coefficients (S, 9), N keys and their shadows."""

    irradiance: wp.array(dtype=wp.vec3, ndim=3)
    mirror: wp.array(dtype=wp.vec3, ndim=3)
    glossy: wp.array(dtype=wp.vec3, ndim=3)
    sh_irradiance: wp.array(dtype=wp.vec3, ndim=2)
    sky_visibility: wp.array(dtype=wp.vec3, ndim=2)
    key_dirs: wp.array(dtype=wp.vec3, ndim=2)
    key_irradiance: wp.array(dtype=wp.vec3, ndim=2)
    key_radius: wp.array(dtype=float, ndim=2)
    shadow_index: wp.array(dtype=wp.int32, ndim=2)
    shadow_depth: wp.array(dtype=float, ndim=3)
    shadow_frames: wp.array(dtype=wp.mat33)
    shadow_centre: wp.vec3
    shadow_scale: float


@wp.struct
class Layers:
    """What is written, each (S, H, W)."""

    radiance: wp.array(dtype=wp.vec3, ndim=3)
    normals: wp.array(dtype=wp.vec3, ndim=3)
    albedo: wp.array(dtype=wp.vec3, ndim=3)
    irradiance: wp.array(dtype=wp.vec3, ndim=3)
    visibility: wp.array(dtype=float, ndim=3)
    light_visibility: wp.array(dtype=float, ndim=4)


@wp.struct
class Point:
    """What one pixel sees: place, normal and direction to the eye (head's frame, then camera's), skin."""

    place: wp.vec3
    normal_head: wp.vec3
    normal: wp.vec3
    view: wp.vec3
    sky: wp.vec3
    albedo: wp.vec3
    roughness: float
    f0: float


@wp.func
def mix3(a: wp.vec3, b: wp.vec3, c: wp.vec3, bary: wp.vec3):
    return a * bary[0] + b * bary[1] + c * bary[2]


@wp.func
def point_at(geometry: Geometry, sky: wp.array(dtype=wp.vec3, ndim=2), sample: int, face: int, bary: wp.vec3):
    """Interpolated over the face; view and camera-frame normal are filled in later."""
    a = geometry.faces[face, 0]
    b = geometry.faces[face, 1]
    c = geometry.faces[face, 2]
    point = Point()
    point.place = mix3(geometry.vertices[a], geometry.vertices[b], geometry.vertices[c], bary)
    normal = mix3(geometry.normals[a], geometry.normals[b], geometry.normals[c], bary)
    point.normal_head = wp.normalize(normal)
    point.sky = mix3(sky[sample, a], sky[sample, b], sky[sample, c], bary)
    uv = geometry.uvs[a] * bary[0] + geometry.uvs[b] * bary[1] + geometry.uvs[c] * bary[2]
    size = geometry.albedo.shape[0]
    x = wp.clamp(uv[0] * float(size) - 0.5, 0.0, float(size) - 1.001)
    y = wp.clamp((1.0 - uv[1]) * float(size) - 0.5, 0.0, float(size) - 1.001)
    column = int(x)
    row = int(y)
    x_part = x - float(column)
    y_part = y - float(row)
    w00 = (1.0 - x_part) * (1.0 - y_part)
    w10 = x_part * (1.0 - y_part)
    w01 = (1.0 - x_part) * y_part
    w11 = x_part * y_part
    albedo = geometry.albedo[row, column] * w00 + geometry.albedo[row, column + 1] * w10
    point.albedo = (
        albedo + geometry.albedo[row + 1, column] * w01 + geometry.albedo[row + 1, column + 1] * w11
    )
    material = geometry.material[row, column] * w00 + geometry.material[row, column + 1] * w10
    material += geometry.material[row + 1, column] * w01 + geometry.material[row + 1, column + 1] * w11
    point.roughness = wp.clamp(material[0], 0.05, 1.0)
    point.f0 = material[1]
    return point


@wp.struct
class Received:
    """Irradiance with and without occlusion, and reflected (not diffuse) radiance."""

    unshadowed: wp.vec3
    arriving: wp.vec3
    specular: wp.vec3


@wp.func
def from_sky(light: Light, sample: int, point: Point):
    alpha = point.roughness * point.roughness
    n_v = wp.dot(point.normal, point.view)
    mirrored = point.normal * (2.0 * n_v) - point.view
    reflectance = environment_reflectance(point.f0, point.roughness, wp.clamp(n_v, 1.0e-3, 1.0))
    received = Received()
    received.unshadowed = map_lookup(light.irradiance, sample, point.normal)
    received.arriving = wp.cw_mul(received.unshadowed, point.sky)
    gloss = glossy_lookup(light.mirror, light.glossy, sample, mirrored, alpha)
    received.specular = gloss * (reflectance * luminance(point.sky))
    return received


@wp.func
def from_key(light: Light, sample: int, key: int, point: Point, tan_radius: float):
    """Without its shadow."""
    towards = light.key_dirs[sample, key]
    strength = light.key_irradiance[sample, key]
    # A wide light widens the highlight (Karis 2013, representative sphere).
    wide = wp.min(point.roughness * point.roughness + 0.5 * tan_radius, 1.0)
    received = Received()
    received.unshadowed = strength * wp.max(wp.dot(point.normal, towards), 0.0)
    received.specular = strength * ggx_reflection(point.normal, point.view, towards, wide, point.f0)
    return received


@wp.func
def key_shadow(light: Light, slot: int, point: Point, tan_radius: float, turn: float):
    receiver = receiver_of(
        light.shadow_frames[slot],
        point.place - light.shadow_centre,
        point.normal_head,
        light.shadow_scale,
        turn,
    )
    return shadow_lookup(light.shadow_depth, slot, receiver, light.shadow_scale, tan_radius)


@wp.kernel(enable_backward=False)
def shade_kernel(
    pix_to_face: wp.array(dtype=wp.int64, ndim=3),
    bary_coords: wp.array(dtype=wp.vec3, ndim=3),
    rotations: wp.array(dtype=wp.mat33),
    eyes: wp.array(dtype=wp.vec3),
    geometry: Geometry,
    light: Light,
    layers: Layers,
):
    sample, row, column = wp.tid()
    face = int(pix_to_face[sample, row, column])
    if face < 0:
        return
    point = point_at(geometry, light.sky_visibility, sample, face, bary_coords[sample, row, column])
    view_head = wp.normalize(eyes[sample] - point.place)
    if wp.dot(point.normal_head, view_head) < -0.2:
        point.normal_head = -point.normal_head  # the inside of an open mesh
    point.normal = rotations[sample] * point.normal_head
    point.view = rotations[sample] * view_head
    received = from_sky(light, sample, point)
    turn = 6.2831853 * wp.frac(52.9829189 * wp.frac(0.06711056 * float(column) + 0.00583715 * float(row)))
    for key in range(light.key_dirs.shape[1]):
        facing = wp.dot(point.normal, light.key_dirs[sample, key])
        if light.shadow_index[sample, key] >= 0 and facing > 0.0:
            tan_radius = wp.tan(light.key_radius[sample, key])
            lit = key_shadow(light, light.shadow_index[sample, key], point, tan_radius, turn)
            direct = from_key(light, sample, key, point, tan_radius)
            received.unshadowed += direct.unshadowed
            received.arriving += direct.unshadowed * lit
            received.specular += direct.specular * lit
            layers.light_visibility[sample, row, column, key] = lit
    # F0 under 2 % is an occluded or absent surface (Karis 2014): no reflection at all for 0.
    specular = received.specular * wp.min(50.0 * point.f0, 1.0)
    layers.radiance[sample, row, column] = wp.cw_mul(point.albedo, received.arriving) * INVERSE_PI + specular
    layers.normals[sample, row, column] = point.normal
    layers.albedo[sample, row, column] = point.albedo
    layers.irradiance[sample, row, column] = sh2_irradiance(light.sh_irradiance, sample, point.normal)
    share = luminance(received.arriving) / wp.max(luminance(received.unshadowed), 1.0e-8)
    layers.visibility[sample, row, column] = wp.clamp(share, 0.0, 1.0)
