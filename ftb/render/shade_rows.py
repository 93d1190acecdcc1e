"""The fused shading kernel for the CPU: a row of a picture a thread, sixteen neighbouring pixels at a time.

`ftb.render.shade_kernel` does the same pixel by pixel, as a GPU wants it; tests hold the two together. In
C++, since Warp's own language passes sixteen numbers through memory where a register would hold them, and
copies all of a kernel's arguments for each thread.
"""

from __future__ import annotations

from ftb.kernels.lanes import LANES
from ftb.kernels.start import FORWARD, wp
from ftb.render.light_functions import INVERSE_PI, SEEN_FROM_BEHIND, SHARP_ALPHA
from ftb.render.light_rows import LOOKUPS, REFLECTIONS
from ftb.render.shade_kernel import Light, Surface, View
from ftb.render.shadow_lookup import DEPTH_BIAS, LEAST_FACING, NORMAL_BIAS
from ftb.render.shadow_rows import LIT
from ftb.render.skin_rows import RECORDS, SKINS

wp.set_module_options(FORWARD)


@wp.struct
class Layers:
    """Coverage and visibility (S, H, W); planes of colours (S, 3, H, W); light_visibility (S, N, H, W); what
    is metered (S, H, 10)."""

    mask: wp.array(dtype=float)
    radiance: wp.array(dtype=float)
    normals: wp.array(dtype=float)
    albedos: wp.array(dtype=float)
    irradiance: wp.array(dtype=float)
    visibility: wp.array(dtype=float)
    light_visibility: wp.array(dtype=float)
    metered: wp.array(dtype=float)


# The row, its picture, and what of the arguments is theirs.
_ROW = """
const int size = view.size, sample = line / size;
const long long pixels = (long long)size * size, first = (long long)line * size;
const float reach = view.half_width.data[sample], step = 2.0f * reach / size;
const float up = reach - (line - sample * size + 0.5f) * step;
const float* turn_by = (const float*)(view.rotations.data + sample);
const long long* shown = (const long long*)view.pix_to_face.data + first;
const float* shares = (const float*)view.bary_coords.data + 3 * first;
const float* depths = view.depth.data + first;
const float* records = (const float*)surface.records.data + 16ll * sample * surface.vertices;
const int* corners = (const int*)surface.faces.data;
const int head = sample / (int)(view.half_width.shape[0] / surface.heads);
const float* facets = (const float*)(surface.facets.data + (long long)head * surface.faces.shape[0]);
Pyramid pyramid = {.width = surface.width, .levels = surface.levels, .made = surface.made};
pyramid.of_level[0] = (const float*)(surface.finest.data + (long long)head * surface.width * surface.width);
const auto* coarser = surface.coarser.data + (long long)head * (surface.coarser.shape[0] / surface.heads);
for (int level = 1; level < surface.levels; ++level)
    pyramid.of_level[level] = level < surface.made
        ? (const float*)(coarser + surface.starts.data[level]) : pyramid.of_level[0];
const Maps maps = {(const float*)light.mirror.data, (const float*)light.glossy.data, light.heights[0],
                   light.heights[1], sample};
const auto store = [&](const auto& planes, int column, lanes r, lanes g, lanes b) INLINE {
    float* at = planes.data + first + 2 * sample * pixels + column;
    *(lanes*)at = r;
    *(lanes*)(at + pixels) = g;
    *(lanes*)(at + 2 * pixels) = b;
};
const auto store_lit = [&](int number, int column, lanes lit) INLINE {
    const long long plane = sample * (light.count - 1ll) + number;
    if (layers.light_visibility.data)  // somebody asks
        *(lanes*)(layers.light_visibility.data + first + plane * pixels + column) = lit;
};
// Past the cache, which the next steps want for what they read.
const auto store_away = [&](const auto& planes, int column, lanes r, lanes g, lanes b) INLINE {
    typedef float whole __attribute__((ext_vector_type(16)));
    float* at = planes.data + first + 2 * sample * pixels + column;
    __builtin_nontemporal_store((whole)r, (whole*)at);
    __builtin_nontemporal_store((whole)g, (whole*)(at + pixels));
    __builtin_nontemporal_store((whole)b, (whole*)(at + 2 * pixels));
};
const auto rotated = [&](const float* m, lanes x, lanes y, lanes z) INLINE {
    return x * m[0] + y * m[1] + z * m[2];
};
"""

# Where nothing is: 0, and a visibility of 1. Where something is: which faces, and vertices' numbers there.
_SEEN = """
typedef long long longs __attribute__((ext_vector_type(16), aligned(8), may_alias));
const counts face = __builtin_convertvector(*(const longs*)(shown + column), counts);
const counts covered = face >= 0;
*(lanes*)(layers.mask.data + first + column) = covered ? (lanes)1.0f : (lanes)0.0f;
if (first + column + 16 < (sample + 1) * pixels && surface.faces.shape[0] > 0)
    send_for(shown + column + 16, corners, records, facets);
if (!__builtin_reduce_or(covered)) {
    store(layers.radiance, column, 0.0f, 0.0f, 0.0f);
    store_away(layers.normals, column, 0.0f, 0.0f, 0.0f);
    store(layers.albedos, column, 0.0f, 0.0f, 0.0f);
    store(layers.irradiance, column, 0.0f, 0.0f, 0.0f);
    *(lanes*)(layers.visibility.data + first + column) = 1.0f;
    for (int number = 0; number < light.count; ++number)
        store_lit(number, column, 0.0f);
    continue;
}
// Where no face is, any face's numbers will do: what comes of them is not kept.
alignas(64) int asked[16];
*(counts*)asked = covered ? face : __builtin_reduce_max(face);
IN_MEMORY(asked);
lanes record[16], facet[4], skin[8];
interpolated(record, asked, corners, records, shares + 3 * column);
rows_of(facet, asked, facets);  // a face's normal, and how many texels it has a metre
const lanes depth = *(const lanes*)(depths + column), widen = view.orthographic ? (lanes)1.0f : depth;
skins_of(skin, pyramid, record[3], record[4], facet[3] * (step * widen));
const lanes albedo_r = skin[0], albedo_g = skin[1], albedo_b = skin[2], f0 = skin[4];
const lanes roughness = within(skin[3], 0.05f, 1.0f), alpha = roughness * roughness;
"""

# Camera-frame positions and normals; those of the inside of an open mesh are turned towards the eye.
_POINTS = f"""
const lanes place_x = ((steps + (column + 0.5f)) * step - reach) * widen, place_y = up * widen;
const lanes place_z = -depth;
const lanes away = most(place_x * place_x + place_y * place_y + place_z * place_z, 1.0e-30f);
const lanes towards_eye = -1.0f / root(away);
const lanes eye_x = place_x * towards_eye, eye_y = place_y * towards_eye, eye_z = place_z * towards_eye;
const lanes smooth2 = record[0] * record[0] + record[1] * record[1] + record[2] * record[2];
const lanes unit = 1.0f / root(most(smooth2, 1.0e-30f));
const lanes facing = (record[0] * eye_x + record[1] * eye_y + record[2] * eye_z) * unit;
const lanes signed_unit = facing < {SEEN_FROM_BEHIND}f ? -unit : unit;
const lanes normal_x = record[0] * signed_unit, normal_y = record[1] * signed_unit;
const lanes normal_z = record[2] * signed_unit;
const lanes n_v = normal_x * eye_x + normal_y * eye_y + normal_z * eye_z;
"""

_ENVIRONMENT = f"""
lanes gloss_r = record[10], gloss_g = record[11], gloss_b = record[12];
const counts smooth = covered & (alpha < {SHARP_ALPHA}f);
if (__builtin_reduce_or(smooth)) {{
    const lanes to_x = 2.0f * n_v * normal_x - eye_x, to_y = 2.0f * n_v * normal_y - eye_y;
    const lanes to_z = 2.0f * n_v * normal_z - eye_z;
    // in arrays: of a register, which number is asked must not come from a variable
    alignas(64) int wanted[16];
    alignas(64) float numbers[7][16];
    *(counts*)wanted = smooth;
    const lanes kept_there[7] = {{to_x, to_y, to_z, alpha, gloss_r, gloss_g, gloss_b}};
    EACH for (int j = 0; j < 7; ++j)
        *(lanes*)numbers[j] = kept_there[j];
    for (int k = 0; k < 16; ++k) {{
        if (wanted[k]) {{
            const float to[3] = {{numbers[0][k], numbers[1][k], numbers[2][k]}};
            float colour[3];
            gloss_of(colour, maps, to, numbers[3][k]);
            EACH for (int j = 0; j < 3; ++j)
                numbers[4 + j][k] = colour[j];
        }}
    }}
    gloss_r = *(const lanes*)numbers[4];
    gloss_g = *(const lanes*)numbers[5];
    gloss_b = *(const lanes*)numbers[6];
}}
const lanes reflected = record[9] * reflectance(f0, roughness, within(n_v, 1.0e-3f, 1.0f));
lanes arriving_r = record[5], arriving_g = record[6], arriving_b = record[7], unshadowed = record[8];
lanes shine_r = gloss_r * reflected, shine_g = gloss_g * reflected, shine_b = gloss_b * reflected;
"""

# The points as a shadow map sees them: lifted along the normal, which hides the map's steps without moving
# contact shadows much.
_RECEIVERS = f"""
const auto receivers_in = [&](int slot, float texels_a_metre) INLINE {{
    const float* frame = (const float*)(light.frames.data + slot);
    const float* axes = (const float*)(light.axes.data + slot);
    const float* corner = (const float*)(light.corners.data + slot);
    const float texel = 1.0f / texels_a_metre;
    const lanes x = rotated(frame, normal_x, normal_y, normal_z);
    const lanes y = rotated(frame + 3, normal_x, normal_y, normal_z);
    const lanes z = rotated(frame + 6, normal_x, normal_y, normal_z);
    // the facet's own normal, in the camera's frame and towards the eye
    const lanes facet_x = rotated(turn_by, facet[0], facet[1], facet[2]);
    const lanes facet_y = rotated(turn_by + 3, facet[0], facet[1], facet[2]);
    const lanes facet_z = rotated(turn_by + 6, facet[0], facet[1], facet[2]);
    const lanes side = facet_x * eye_x + facet_y * eye_y + facet_z * eye_z;
    const lanes sign = side < 0.0f ? (lanes)-1.0f : (lanes)1.0f;
    const lanes flat_x = sign * rotated(frame, facet_x, facet_y, facet_z);
    const lanes flat_y = sign * rotated(frame + 3, facet_x, facet_y, facet_z);
    const lanes flat_z = sign * rotated(frame + 6, facet_x, facet_y, facet_z);
    const lanes slope = texel / most(-z, {LEAST_FACING}f);
    const lanes flat_slope = texel / most(-flat_z, {LEAST_FACING}f);
    Receivers at;
    at.x = rotated(axes, place_x, place_y, place_z) + x * {NORMAL_BIAS}f + corner[0];
    at.y = rotated(axes + 3, place_x, place_y, place_z) + y * {NORMAL_BIAS}f + corner[1];
    at.depth = rotated(axes + 6, place_x, place_y, place_z) + z * (texel * {NORMAL_BIAS}f)
        + (corner[2] - texel * {DEPTH_BIAS}f);
    at.smooth_x = x * slope;
    at.smooth_y = y * slope;
    at.facet_x = flat_x * flat_slope;
    at.facet_y = flat_y * flat_slope;
    // as `turn_of` in `shade_kernel`
    lanes turn = 0.06711056f * (steps + (float)column) + 0.00583715f * (line - sample * size);
    turn = 52.9829189f * (turn - __builtin_elementwise_floor(turn));
    at.turn = turn - __builtin_elementwise_floor(turn);
    return at;
}};
"""

_KEYS = """
for (int number = 0; number < light.count; ++number) {
    const float* key = (const float*)(light.keys.data + sample * light.count + number);
    lanes lit = 0.0f;
    const lanes n_l = most(normal_x * key[0] + normal_y * key[1] + normal_z * key[2], 0.0f);
    const counts faces_it = covered & (n_l > 0.0f);
    if (key[7] >= 0.0f && __builtin_reduce_or(faces_it)) {
        const int slot = (int)key[7];
        const float scale = light.corners.data[slot][3];
        const ShadowMap map = {light.shadow.data + (long long)slot * light.texels * light.texels,
                               light.texels, scale, key[6]};
        Receivers at = receivers_in(slot, scale);
        // where nothing is asked, any place in the map will do
        at.x = faces_it ? at.x : 0.0f;
        at.y = faces_it ? at.y : 0.0f;
        lit = lit_share(map, at, faces_it);
        const lanes arrived = n_l * lit;
        unshadowed += n_l * (0.2126f * key[3] + 0.7152f * key[4] + 0.0722f * key[5]);
        arriving_r += arrived * key[3];
        arriving_g += arrived * key[4];
        arriving_b += arrived * key[5];
        // A wide light widens the highlight (Karis 2013, representative sphere).
        const lanes wide = least(alpha + 0.5f * key[6], 1.0f);
        const lanes v_l = eye_x * key[0] + eye_y * key[1] + eye_z * key[2];
        const lanes share = lit * highlight(n_v, n_l, v_l, wide, f0);
        shine_r += share * key[3];
        shine_g += share * key[4];
        shine_b += share * key[5];
    }
    store_lit(number, column, lit);
}
"""

_SENT = f"""
// F0 under 2 % is an occluded or absent surface (Karis 2014): no reflection at all for 0.
const lanes fade = least(50.0f * f0, 1.0f);
const auto kept = [&](lanes value) INLINE {{ return covered ? value : 0.0f; }};
const lanes r = kept(albedo_r * arriving_r * {INVERSE_PI}f + shine_r * fade);
const lanes g = kept(albedo_g * arriving_g * {INVERSE_PI}f + shine_g * fade);
const lanes b = kept(albedo_b * arriving_b * {INVERSE_PI}f + shine_b * fade);
const lanes base_r = kept(albedo_r), base_g = kept(albedo_g), base_b = kept(albedo_b);
store(layers.radiance, column, r, g, b);
store_away(layers.normals, column, kept(normal_x), kept(normal_y), kept(normal_z));
store(layers.albedos, column, base_r, base_g, base_b);
store(layers.irradiance, column, kept(record[13]), kept(record[14]), kept(record[15]));
const lanes visible = luminance(arriving_r, arriving_g, arriving_b) / most(unshadowed, 1.0e-8f);
*(lanes*)(layers.visibility.data + first + column) = covered ? least(visible, 1.0f) : 1.0f;
const lanes found[10] = {{covered ? (lanes)1.0f : (lanes)0.0f, base_r, base_g, base_b, r * r, g * g, b * b,
                         r * g, g * b, b * r}};
EACH for (int k = 0; k < 10; ++k)
    sums[k] += found[k];
"""

_METER = """
for (int k = 0; k < 10; ++k) {
    float total = 0.0f;
    for (int lane = 0; lane < 16; ++lane)
        total += sums[k][lane];
    layers.metered.data[10ll * line + k] = total;
}
"""

_PARTS = (
    *(LANES, RECORDS, SKINS, REFLECTIONS, LOOKUPS, LIT, _ROW),
    "lanes sums[10] = {}; for (int column = 0; column < size; column += 16) {",
    *(_SEEN, _POINTS, _ENVIRONMENT, _RECEIVERS, _KEYS, _SENT, "}", _METER),
)


@wp.func_native("".join(_PARTS))
def shade_row(view: View, surface: Surface, light: Light, layers: Layers, line: int):
    """Shade one row of one picture: number `line` of all their rows."""
    ...


@wp.kernel
def shade_rows(view: View, surface: Surface, light: Light, layers: Layers):
    """A row a thread; where no face is, 0 and a visibility of 1."""
    shade_row(view, surface, light, layers, wp.tid())
