"""What shading computes of light for sixteen pixels at once: reflectance, highlights, sharp reflections.

Parts of the snippet of `ftb.render.shade_rows`; `ftb.render.light_functions` holds the readable twins.
"""

from __future__ import annotations

from ftb.render.light_functions import INVERSE_PI

# reflectance: as `environment_reflectance`, 2^x by a polynomial within 2e-7.
# highlight: as `ggx_reflection`, for cosines that are not negative.
REFLECTIONS = f"""
const auto reflectance = [&](lanes f0, lanes roughness, lanes n_v) INLINE {{
    const lanes r0 = 1.0f - roughness;
    const lanes x = n_v * (-0.58f * 0.69314718056f);  // a sixteenth of the exponent
    const lanes rest = 1.0f / 6.0f + x * (1.0f / 24.0f + x * (1.0f / 120.0f));
    lanes power = 1.0f + x * (1.0f + x * (0.5f + x * rest));
    power *= power;
    power *= power;
    power *= power;
    power *= power;
    const lanes a004 = least(r0 * r0, power) * r0 + 0.0425f - 0.0275f * roughness;
    const lanes scale = 1.04f - 0.572f * roughness - 1.04f * a004;
    return most(f0 * scale + 1.04f * a004 + 0.022f * roughness - 0.04f, 0.0f);
}};
const auto highlight = [&](lanes n_v, lanes n_l, lanes v_l, lanes alpha, lanes f0) INLINE {{
    // n·h and v·h from h = (v + l) / |v + l|, where |v + l|² = 2 + 2 v·l
    const lanes inverse = 1.0f / root(most(2.0f * (1.0f + v_l), 1.0e-20f));
    const lanes n_h = within((n_v + n_l) * inverse, 0.0f, 1.0f);
    const lanes v_h = within((1.0f + v_l) * inverse, 0.0f, 1.0f);
    const lanes facing = most(n_v, 1.0e-3f);
    const lanes a2 = alpha * alpha, rest2 = 1.0f - a2;
    const lanes spread = 1.0f - n_h * n_h * rest2;
    const lanes masking =
        n_l * root(facing * facing * rest2 + a2) + facing * root(n_l * n_l * rest2 + a2);
    const lanes rest = 1.0f - v_h, fourth = rest * rest * (rest * rest);
    const lanes fresnel = f0 + (1.0f - f0) * (fourth * rest);
    return 0.5f * {INVERSE_PI}f * a2 * fresnel * n_l / most(spread * spread * masking, 1.0e-20f);
}};
"""

# As `map_lookup` and `glossy_lookup`, one direction at a time: few pixels are as smooth as an eye.
LOOKUPS = f"""
struct Maps {{
    const float *mirror, *glossy;
    int mirror_height, glossy_height, sample;
}};
const auto arc_tangent = [&](float y, float x) {{
    const float across = __builtin_fabsf(x), along = __builtin_fabsf(y);
    const float shorter = across < along ? across : along, longer = across < along ? along : across;
    const float ratio = shorter / (longer > 1.0e-30f ? longer : 1.0e-30f), s = ratio * ratio;
    float series = -0.0752896400f + s * (0.0429096138f + s * (-0.0161657367f + s * 0.0028662257f));
    series = 0.1999355085f + s * (-0.1420889944f + s * (0.1065626393f + s * series));
    float angle = ratio * (1.0f + s * (-0.3333314528f + s * series));
    angle = along > across ? 1.5707963268f - angle : angle;
    angle = x < 0.0f ? 3.1415926536f - angle : angle;
    return y < 0.0f ? -angle : angle;
}};
const auto add_lookup = [&](float* colour, float share, const float* maps, int number, int height,
                            const float* to) {{
    const float row = arc_tangent(__builtin_sqrtf(to[0] * to[0] + to[2] * to[2]), to[1]) * {INVERSE_PI}f
        * height - 0.5f;
    const float column = (1.0f - arc_tangent(to[0], to[2]) * {INVERSE_PI}f) * height - 0.5f;
    const float above = __builtin_floorf(row), left = __builtin_floorf(column);
    const float down = row - above, right = column - left;
    const int width = 2 * height, first = (int)above > 0 ? (int)above : 0;
    const int second = (int)above + 1 < height ? (int)above + 1 : height - 1;
    const int begin = (int)left < 0 ? (int)left + width : (int)left;
    const int end = begin + 1 == width ? 0 : begin + 1;
    const float* map = maps + 3ll * number * height * width;
    for (int k = 0; k < 3; ++k) {{
        const float upper = map[3 * (first * width + begin) + k] * (1.0f - right)
            + map[3 * (first * width + end) + k] * right;
        const float lower = map[3 * (second * width + begin) + k] * (1.0f - right)
            + map[3 * (second * width + end) + k] * right;
        colour[k] += share * (upper * (1.0f - down) + lower * down);
    }}
}};
const auto gloss_of = [&](float* colour, const Maps& maps, const float* to, float alpha) {{
    colour[0] = colour[1] = colour[2] = 0.0f;
    if (alpha < 0.1f) {{
        add_lookup(colour, 1.0f - alpha * 10.0f, maps.mirror, maps.sample, maps.mirror_height, to);
        return add_lookup(colour, alpha * 10.0f, maps.glossy, 3 * maps.sample, maps.glossy_height, to);
    }}
    const int level = alpha > 0.25f ? 1 : 0;
    float further = level ? (alpha - 0.25f) * 4.0f : (alpha - 0.1f) / 0.15f;
    further = further < 1.0f ? further : 1.0f;
    add_lookup(colour, 1.0f - further, maps.glossy, 3 * maps.sample + level, maps.glossy_height, to);
    add_lookup(colour, further, maps.glossy, 3 * maps.sample + level + 1, maps.glossy_height, to);
}};
"""
