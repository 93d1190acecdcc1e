"""Lookups in shadow maps for the CPU, sixteen pixels at a time.

A part of the snippet of `ftb.render.shade_rows`. Only the reads of the map are made one by one.
`ftb.render.shadow_lookup` is the readable twin.
"""

from __future__ import annotations

import math

from ftb.render.shadow_lookup import BLOCKER_TAPS, FILTER_TAPS, MAX_SEARCH, SEARCH_DEPTH_M, SLOPE_BIAS


def _distances(taps: int) -> str:
    """From the centre of a disc of radius 1, as far as leaves each tap the same share of its area."""
    return ", ".join(f"{math.sqrt((number + 0.5) / taps):.9g}f" for number in range(taps))


# lit_share: of a key light, what reaches the receivers that are asked for, [0, 1]; 0 for others.
LIT = f"""
struct Receivers {{
    lanes x, y, depth, smooth_x, smooth_y, facet_x, facet_y, turn;
}};
static const float blocker_distance[] = {{{_distances(BLOCKER_TAPS)}}};
static const float filter_distance[] = {{{_distances(FILTER_TAPS)}}};
struct ShadowMap {{
    const float* depth;
    int size;
    float texels_a_metre, tan_radius;
}};
const auto gap = [&](const ShadowMap& map, lanes column, lanes row, lanes plane) INLINE {{
    const lanes last = map.size - 1.0f;
    alignas(64) int place[16];
    *(counts*)place = __builtin_convertvector(within(row, 0.0f, last), counts) * map.size
        + __builtin_convertvector(within(column, 0.0f, last), counts);
    IN_MEMORY(place);
    lanes seen;
    EACH for (int k = 0; k < 16; ++k)
        seen[k] = map.depth[place[k]];
    return plane - seen;
}};
const auto sharp_share = [&](const ShadowMap& map, const Receivers& at) INLINE {{
    const lanes column = __builtin_elementwise_floor(at.x - 0.5f);
    const lanes row = __builtin_elementwise_floor(at.y - 0.5f);
    const lanes right = at.x - 0.5f - column, down = at.y - 0.5f - row;
    const lanes steep = __builtin_elementwise_abs(at.facet_x) + __builtin_elementwise_abs(at.facet_y);
    const lanes plane = at.depth - {SLOPE_BIAS}f * steep - at.facet_x * right - at.facet_y * down;
    lanes lit = 1.0f;
    lit -= gap(map, column, row, plane) > 0.0f ? (1.0f - right) * (1.0f - down) : 0.0f;
    lit -= gap(map, column + 1.0f, row, plane + at.facet_x) > 0.0f ? right * (1.0f - down) : 0.0f;
    lit -= gap(map, column, row + 1.0f, plane + at.facet_y) > 0.0f ? (1.0f - right) * down : 0.0f;
    lit -= gap(map, column + 1.0f, row + 1.0f, plane + at.facet_x + at.facet_y) > 0.0f ? right * down : 0.0f;
    return most(lit, 0.0f);
}};
const auto lit_share = [&](const ShadowMap& map, const Receivers& at, counts asked) INLINE {{
    const float reach = map.tan_radius * {SEARCH_DEPTH_M}f * map.texels_a_metre;
    const float search = reach < {MAX_SEARCH}f ? reach : {MAX_SEARCH}f;
    if (search <= 1.0f) {{
        const lanes lit = sharp_share(map, at);
        return asked ? lit : 0.0f;
    }}
    const lanes slanted = __builtin_elementwise_abs(4.0f * at.turn - 2.0f) - 1.0f;
    const lanes upward = 1.0f - __builtin_elementwise_abs(slanted);
    const lanes upright = at.turn > 0.5f ? -upward : upward;
    const lanes shorter = 1.0f / root(slanted * slanted + upright * upright);
    const lanes first_x = slanted * shorter, first_y = upright * shorter;
    const lanes steep = __builtin_elementwise_abs(at.smooth_x) + __builtin_elementwise_abs(at.smooth_y);
    const lanes start = at.depth - {SLOPE_BIAS}f * steep;
    lanes to_x = first_x, to_y = first_y;
    const auto tap = [&](lanes distance) INLINE {{
        const lanes step_x = to_x * distance, step_y = to_y * distance;
        const lanes plane = start + at.smooth_x * step_x + at.smooth_y * step_y;
        const lanes old_x = to_x;  // by the golden angle
        to_x = -0.73736888f * old_x - 0.67549030f * to_y;
        to_y = 0.67549030f * old_x - 0.73736888f * to_y;
        return gap(map, at.x + step_x, at.y + step_y, plane);
    }};
    lanes blocked = 0.0f, height = 0.0f;
    for (int number = 0; number < {BLOCKER_TAPS}; ++number) {{
        const lanes behind = tap((lanes)(search * blocker_distance[number]));
        blocked += behind > 0.0f ? (lanes)1.0f : (lanes)0.0f;
        height += behind > 0.0f ? behind : 0.0f;
    }}
    lanes result = 1.0f;
    const counts some = asked & (blocked > 0.0f);
    if (__builtin_reduce_or(some)) {{
        const lanes radius = height / (some ? blocked : 1.0f) * map.tan_radius * map.texels_a_metre;
        const counts soft = some & (radius > 1.0f), hard = some & ~soft;
        if (__builtin_reduce_or(hard))
            result = hard ? sharp_share(map, at) : result;
        if (__builtin_reduce_or(soft)) {{
            const lanes wide = least(radius, search);
            lanes hidden = 0.0f;
            to_x = first_x;
            to_y = first_y;
            for (int number = 0; number < {FILTER_TAPS}; ++number) {{
                const lanes behind = tap(wide * filter_distance[number]);
                hidden += behind > 0.0f ? (lanes)1.0f : (lanes)0.0f;
            }}
            result = soft ? 1.0f - hidden / {FILTER_TAPS}.0f : result;
        }}
    }}
    return asked ? result : 0.0f;
}};
"""
