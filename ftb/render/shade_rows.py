"""The fused shading kernel for the CPU: sixteen neighbouring pixels a thread, which fill its registers.

`ftb.render.shade_kernel` does the same pixel by pixel, as a GPU wants it; tests hold the two together.
What is looked up is read pixel by pixel here, too; all arithmetic is done for sixteen at once.
"""

from __future__ import annotations

from ftb.kernels.start import FORWARD, wp
from ftb.render.light_functions import SHARP_ALPHA, glossy_lookup, quotient
from ftb.render.light_rows import (
    Points,
    Reflection,
    points_of,
    reflectance_of,
    sent_out,
    with_key,
)
from ftb.render.row_kernel import (
    WIDTH,
    Colours,
    Row,
    Vectors,
    at_least,
    at_most,
    clamped,
    colours,
    dots,
    dots_with,
    luminance_of,
    shaded_by,
    store,
    times,
    turned_by,
    vectors,
)
from ftb.render.shade_kernel import Key, Light, Surface, View
from ftb.render.shadow_lookup import DEPTH_BIAS, LEAST_FACING, NORMAL_BIAS
from ftb.render.shadow_rows import lit_row
from ftb.render.skin_rows import Records, Skins, records_of, skins_of

wp.set_module_options(FORWARD)


@wp.struct
class Layers:
    """Planes of colours (S, 3, H, W); visibility (S, H, W); light_visibility (S, N, H, W)."""

    radiance: wp.array(dtype=Row)
    normals: wp.array(dtype=Row)
    albedos: wp.array(dtype=Row)
    irradiance: wp.array(dtype=Row)
    visibility: wp.array(dtype=Row)
    light_visibility: wp.array(dtype=Row)


@wp.func
def records_at(view: View, surface: Surface, sample: int, first: int):
    """Interpolated at pixels first, first + 1, ..."""
    base = sample * surface.vertices
    return records_of(
        view.pix_to_face, view.bary_coords, first, surface.faces, surface.facets, surface.records, base
    )


@wp.func
def skins_at(view: View, surface: Surface, sample: int, first: int, records: Records, depth: Row):
    """Apart from the records, so that more of the memory's answers are under way at a time."""
    widths = Row(2.0 * view.half_width[sample] / float(view.size))
    if not view.orthographic:
        widths = wp.cw_mul(widths, depth)
    return skins_of(
        view.pix_to_face,
        first,
        surface.facets,
        surface.texels,
        surface.starts,
        surface.width,
        surface.levels,
        records[3],
        records[4],
        widths,
    )


@wp.func
def covered_by(view: View, first: int):
    covered = Row()
    for k in range(WIDTH):
        covered[k] = wp.where(view.pix_to_face[first + k] >= wp.int64(0), 1.0, 0.0)
    return covered


@wp.func
def places_of(view: View, sample: int, number: int, depth: Row):
    """Camera-frame positions of the sixteen pixels of that number in their picture."""
    row = quotient(number * WIDTH, view.size)
    column = number * WIDTH - row * view.size
    reach = view.half_width[sample]
    step = 2.0 * reach / float(view.size)
    x = Row()
    for k in range(WIDTH):
        x[k] = (float(column + k) + 0.5) * step - reach
    y = Row(reach - (float(row) + 0.5) * step)
    if not view.orthographic:
        x = wp.cw_mul(x, depth)
        y = wp.cw_mul(y, depth)
    return vectors(x, y, -depth)


@wp.func
def turns_of(size: int, number: int):
    """As `turn_of` in `shade_kernel`."""
    row = quotient(number * WIDTH, size)
    column = number * WIDTH - row * size
    down = 0.00583715 * float(row)
    result = Row()
    for k in range(WIDTH):
        part = 0.06711056 * float(column + k) + down
        part = 52.9829189 * (part - wp.floor(part))
        result[k] = part - wp.floor(part)
    return result


@wp.func
def points_at(view: View, sample: int, number: int, depth: Row, records: Records, skins: Skins):
    smooth = vectors(records[0], records[1], records[2])
    flat = turned_by(view.rotations[sample], vectors(skins[5], skins[6], skins[7]))
    return points_of(places_of(view, sample, number, depth), smooth, flat, turns_of(view.size, number))


@wp.func
def sharp_gloss(light: Light, sample: int, points: Points, roughness: Row, rough: Colours, lanes: int):
    """Reflections of the environment, looked up anew where they are sharp; roughness: 1 where nothing is."""
    alpha = wp.cw_mul(roughness, roughness)
    r = rough.r
    g = rough.g
    b = rough.b
    if wp.min(alpha) < SHARP_ALPHA:
        mirrored = times(points.normal, 2.0 * dots(points.normal, points.view))
        x = mirrored.x - points.view.x
        y = mirrored.y - points.view.y
        z = mirrored.z - points.view.z
        for k in range(lanes):
            if alpha[k] < SHARP_ALPHA:
                towards = wp.vec3(x[k], y[k], z[k])
                gloss = glossy_lookup(light.mirror, light.glossy, light.heights, sample, towards, alpha[k])
                r[k] = gloss[0]
                g[k] = gloss[1]
                b[k] = gloss[2]
    return colours(r, g, b)


@wp.struct
class Receivers:
    """As `Receiver` in `shadow_lookup`, of sixteen pixels."""

    at: Vectors
    smooth: Vectors
    facet: Vectors


@wp.func
def slopes(normal: Vectors, texel: float):
    """As `slopes_of` in `shadow_lookup`, in x and y."""
    scale = wp.cw_div(Row(texel), at_least(-normal.z, LEAST_FACING))
    return times(normal, scale)


@wp.func
def receivers_of(light: Light, slot: int, points: Points):
    """The points as a shadow map sees them."""
    corner = light.corners[slot]
    texel = 1.0 / corner[3]
    at = turned_by(light.axes[slot], points.place)
    normal = turned_by(light.frames[slot], points.normal)
    receivers = Receivers()
    receivers.at = vectors(
        at.x + normal.x * NORMAL_BIAS + Row(corner[0]),
        at.y + normal.y * NORMAL_BIAS + Row(corner[1]),
        at.z + normal.z * (texel * NORMAL_BIAS) + Row(corner[2] - texel * DEPTH_BIAS),
    )
    receivers.smooth = slopes(normal, texel)
    receivers.facet = slopes(turned_by(light.frames[slot], points.facet), texel)
    return receivers


@wp.func
def lit_shares(light: Light, key: Key, points: Points, cosines: Row):
    """Of a key light, what reaches the points that face it, [0, 1]; 0 for others."""
    slot = int(key[7])
    r = receivers_of(light, slot, points)
    return lit_row(
        light.shadow,
        light.texels,
        slot * light.texels * light.texels,
        cosines,
        r.at.x,
        r.at.y,
        r.at.z,
        r.smooth.x,
        r.smooth.y,
        r.facet.x,
        r.facet.y,
        points.turn,
        light.corners[slot][3],
        key[6],
    )


@wp.func
def rows_of(table: Records, first: int):
    return colours(table[first], table[first + 1], table[first + 2])


@wp.func
def from_environment(n_v: Row, records: Records, gloss: Colours, roughness: Row, f0: Row):
    share = reflectance_of(f0, roughness, clamped(n_v, 1.0e-3, 1.0))
    sum = Reflection()
    sum.unshadowed = records[8]
    sum.arriving = rows_of(records, 5)
    sum.specular = shaded_by(gloss, wp.cw_mul(share, records[9]))
    return sum


@wp.func
def store_nothing(layers: Layers, sample: int, n: int, plane: int, keys: int):
    nothing = Colours()
    at = n + 2 * sample * plane
    store(layers.radiance, at, plane, nothing)
    store(layers.normals, at, plane, nothing)
    store(layers.albedos, at, plane, nothing)
    store(layers.irradiance, at, plane, nothing)
    layers.visibility[n] = Row(1.0)
    for k in range(keys):
        layers.light_visibility[n + (sample * (keys - 1) + k) * plane] = Row()


@wp.kernel
def shade_rows(
    view: View,
    surface: Surface,
    light: Light,
    lanes: int,  # 16: as an argument, so that loops over lookups stay loops
    depth: wp.array(dtype=Row),
    mask: wp.array(dtype=Row),  # (S, H, W)
    layers: Layers,
):
    """Sixteen pixels of a row a thread; where no face is, 0 and a visibility of 1."""
    n = wp.tid()
    plane = quotient(view.size * view.size, WIDTH)
    sample = quotient(n, plane)
    at = n + 2 * sample * plane
    covered = covered_by(view, n * WIDTH)
    mask[n] = covered
    if wp.max(covered) == 0.0:
        store_nothing(layers, sample, n, plane, light.count)
        return
    records = records_at(view, surface, sample, n * WIDTH)
    skins = skins_at(view, surface, sample, n * WIDTH, records, depth[n])
    roughness = clamped(skins[3], 0.05, 1.0)
    points = points_at(view, sample, n - sample * plane, depth[n], records, skins)
    gloss = sharp_gloss(light, sample, points, roughness + Row(1.0) - covered, rows_of(records, 10), lanes)
    sum = from_environment(dots(points.normal, points.view), records, gloss, roughness, skins[4])
    for k in range(light.count):
        key = light.keys[sample * light.count + k]
        cosines = at_least(dots_with(points.normal, wp.vec3(key[0], key[1], key[2])), 0.0)
        lit = Row()
        if key[7] >= 0.0 and wp.max(cosines) > 0.0:
            lit = lit_shares(light, key, points, cosines)
            sum = with_key(sum, key, points, roughness, skins[4], cosines, lit)
        layers.light_visibility[n + (sample * (light.count - 1) + k) * plane] = lit
    store(layers.radiance, at, plane, sent_out(colours(skins[0], skins[1], skins[2]), skins[4], sum))
    store(layers.normals, at, plane, colours(points.normal.x, points.normal.y, points.normal.z))
    store(layers.albedos, at, plane, colours(skins[0], skins[1], skins[2]))
    store(layers.irradiance, at, plane, rows_of(records, 13))
    arrived = luminance_of(sum.arriving) + (Row(1.0) - covered)
    layers.visibility[n] = at_most(wp.cw_div(arrived, at_least(sum.unshadowed, 1.0e-8)), 1.0)
