"""Exposing a picture and putting it before its backdrop, for the CPU.

A part of the snippet of `ftb.render.film_picture`; `ftb.render.expose_kernel` is the readable twin.
"""

from __future__ import annotations

from ftb.render.develop import BACKDROP_RAYS
from ftb.render.light_functions import INVERSE_PI

# backdrop_row(row): what stands behind a row, to be asked for its columns.
BACKDROP = f"""
const int rays = {BACKDROP_RAYS}, kind = film.kind.data[sample];
const float* ends = (const float*)(film.ends.data + 2 * sample);
const float* slope = (const float*)(film.slope.data + sample);
const float* environment = (const float*)(film.seen.data + sample * rays * rays);
float level_rays[3][rays];  // of the environment, at this row
const auto begin_row = [&](int row) {{
    if (kind != 0)
        return;
    const float at = (row + 0.5f) / size * rays - 0.5f;
    const float place = at < 0.0f ? 0.0f : at > rays - 1.0f ? rays - 1.0f : at;
    const int top = place < rays - 2 ? (int)place : rays - 2;
    const float down = place - top;
    const float* upper = environment + 3 * top * rays;
    for (int k = 0; k < 3 * rays; ++k)
        level_rays[k % 3][k / 3] = upper[k] * (1.0f - down) + upper[k + 3 * rays] * down;
}};
const auto behind = [&](int row, int column, lanes& r, lanes& g, lanes& b) INLINE {{
    const lanes x = (steps + (column + 0.5f)) / size;
    r = ends[0];
    g = ends[1];
    b = ends[2];
    if (kind == 0) {{
        const lanes place = within(x * rays - 0.5f, 0.0f, rays - 1.0f);
        const counts most_left = rays - 2;
        const counts left = __builtin_elementwise_min(__builtin_convertvector(place, counts), most_left);
        const lanes right = place - __builtin_convertvector(left, lanes);
        const auto between = [&](const float* level) INLINE {{
            lanes near, far;
            EACH for (int k = 0; k < 16; ++k) {{
                near[k] = level[left[k]];
                far[k] = level[left[k] + 1];
            }}
            return near + (far - near) * right;
        }};
        r = between(level_rays[0]);
        g = between(level_rays[1]);
        b = between(level_rays[2]);
    }} else if (kind == 2) {{
        const float y = (row + 0.5f) / size;
        const lanes along = slope[0] * (2.0f * x - 1.0f) + slope[1] * (2.0f * y - 1.0f);
        const lanes share = within(0.5f + 0.5f * along, 0.0f, 1.0f);
        r += (ends[3] - r) * share;
        g += (ends[4] - g) * share;
        b += (ends[5] - b) * share;
    }} else if (kind == 3) {{
        r = g = b = 0.0f;
    }}
}};
"""

EXPOSE = f"""
const float* gain = (const float*)(film.gains.data + sample);
const auto greyed = [&](lanes& r, lanes& g, lanes& b) INLINE {{
    if (grey > 0.0f) {{
        const lanes level = luminance(r, g, b);
        r += (level - r) * grey;
        g += (level - g) * grey;
        b += (level - b) * grey;
    }}
}};
const auto expose_row = [&](int row) {{
    begin_row(row);
    for (int column = 0; column < size; column += 16) {{
        const long long at = row * size + column, place = sample * pixels + at;
        const long long first = 3 * sample * pixels + at, second = first + pixels, third = second + pixels;
        const lanes covered = *(const lanes*)(planes.mask.data + place);
        lanes r = 0.0f, g = 0.0f, b = 0.0f;
        if (__builtin_reduce_or(covered > 0.0f)) {{
            lanes& radiance_r = *(lanes*)(planes.radiance.data + first);
            lanes& radiance_g = *(lanes*)(planes.radiance.data + second);
            lanes& radiance_b = *(lanes*)(planes.radiance.data + third);
            lanes& albedo_r = *(lanes*)(planes.albedo.data + first);
            lanes& albedo_g = *(lanes*)(planes.albedo.data + second);
            lanes& albedo_b = *(lanes*)(planes.albedo.data + third);
            r = radiance_r * gain[0];
            g = radiance_g * gain[1];
            b = radiance_b * gain[2];
            lanes base_r = albedo_r, base_g = albedo_g, base_b = albedo_b;
            lanes arriving_r = *(const lanes*)(planes.irradiance.data + first) * gain[0];
            lanes arriving_g = *(const lanes*)(planes.irradiance.data + second) * gain[1];
            lanes arriving_b = *(const lanes*)(planes.irradiance.data + third) * gain[2];
            const lanes open = *(const lanes*)(planes.visibility.data + place) * {INVERSE_PI}f;
            lanes rest_r = r, rest_g = g, rest_b = b;
            if (grey > 0.0f) {{
                greyed(base_r, base_g, base_b);
                greyed(arriving_r, arriving_g, arriving_b);
                greyed(rest_r, rest_g, rest_b);
                albedo_r = base_r;
                albedo_g = base_g;
                albedo_b = base_b;
            }}
            radiance_r = (rest_r - base_r * (arriving_r * open)) * covered;
            radiance_g = (rest_g - base_g * (arriving_g * open)) * covered;
            radiance_b = (rest_b - base_b * (arriving_b * open)) * covered;
        }}
        if (__builtin_reduce_or(covered < 1.0f)) {{
            lanes behind_r, behind_g, behind_b;
            behind(row, column, behind_r, behind_g, behind_b);
            r = r * covered + behind_r * (1.0f - covered);
            g = g * covered + behind_g * (1.0f - covered);
            b = b * covered + behind_b * (1.0f - covered);
        }}
        greyed(r, g, b);
        *(lanes*)(linear + at) = r;
        *(lanes*)(linear + pixels + at) = g;
        *(lanes*)(linear + 2 * pixels + at) = b;
    }}
}};
"""
