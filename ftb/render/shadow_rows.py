"""Lookups in shadow maps for the CPU, sixteen pixels at a time.

In C++, since Warp's own language has no sixteen numbers of which some are chosen. Only the reads of the map
are made one by one. `ftb.render.shadow_lookup` is the readable twin.
"""

from __future__ import annotations

from ftb.kernels.start import wp
from ftb.render.row_kernel import Row
from ftb.render.shadow_lookup import BLOCKER_TAPS, FILTER_TAPS, MAX_SEARCH, SEARCH_DEPTH_M, SLOPE_BIAS

_LIT = f"""
typedef float lanes __attribute__((ext_vector_type(16), aligned(4), may_alias));
typedef int counts __attribute__((ext_vector_type(16)));

// where nothing is asked, any place in the map will do
const counts asked = *(const lanes*)&cosines > 0.0f;
const lanes x = asked ? *(const lanes*)&at_x : 0.0f, y = asked ? *(const lanes*)&at_y : 0.0f;
const lanes depth = *(const lanes*)&at_z, turn = *(const lanes*)&turns;
const lanes flat_x = *(const lanes*)&facet_x, flat_y = *(const lanes*)&facet_y;
const lanes slope_x = *(const lanes*)&smooth_x, slope_y = *(const lanes*)&smooth_y;
const lanes last = size - 1.0f;

const auto within = [&](lanes place) {{
    place = place > 0.0f ? place : 0.0f;
    return __builtin_convertvector(place < last ? place : last, counts);
}};
const auto gap = [&](lanes column, lanes row, lanes plane) {{
    const counts place = first + within(row) * size + within(column);
    lanes seen;
    for (int k = 0; k < 16; ++k)
        seen[k] = map.data[place[k]];
    return plane - seen;
}};
const auto sharp = [&]() {{
    const lanes column = __builtin_elementwise_floor(x - 0.5f), row = __builtin_elementwise_floor(y - 0.5f);
    const lanes right = x - 0.5f - column, down = y - 0.5f - row;
    const lanes steep = __builtin_elementwise_abs(flat_x) + __builtin_elementwise_abs(flat_y);
    const lanes plane = depth - {SLOPE_BIAS}f * steep - flat_x * right - flat_y * down;
    lanes lit = 1.0f;
    lit -= gap(column, row, plane) > 0.0f ? (1.0f - right) * (1.0f - down) : 0.0f;
    lit -= gap(column + 1.0f, row, plane + flat_x) > 0.0f ? right * (1.0f - down) : 0.0f;
    lit -= gap(column, row + 1.0f, plane + flat_y) > 0.0f ? (1.0f - right) * down : 0.0f;
    lit -= gap(column + 1.0f, row + 1.0f, plane + flat_x + flat_y) > 0.0f ? right * down : 0.0f;
    return lit > 0.0f ? lit : 0.0f;
}};

lanes result;
const float reach = tan_radius * {SEARCH_DEPTH_M}f * texels_a_metre;
const float search = reach < {MAX_SEARCH}f ? reach : {MAX_SEARCH}f;
if (search <= 1.0f) {{
    result = sharp();
}} else {{
    const lanes slanted = __builtin_elementwise_abs(4.0f * turn - 2.0f) - 1.0f;
    const lanes upward = 1.0f - __builtin_elementwise_abs(slanted);
    const lanes upright = turn > 0.5f ? -upward : upward;
    const lanes length = __builtin_elementwise_sqrt(slanted * slanted + upright * upright);
    const lanes steep = __builtin_elementwise_abs(slope_x) + __builtin_elementwise_abs(slope_y);
    const lanes start = depth - {SLOPE_BIAS}f * steep;
    lanes to_x = slanted / length, to_y = upright / length, blocked = 0.0f, height = 0.0f;
    const auto tap = [&](lanes distance) {{
        const lanes step_x = to_x * distance, step_y = to_y * distance;
        const lanes plane = start + slope_x * step_x + slope_y * step_y;
        const lanes old_x = to_x;  // by the golden angle
        to_x = -0.73736888f * old_x - 0.67549030f * to_y;
        to_y = 0.67549030f * old_x - 0.73736888f * to_y;
        return gap(x + step_x, y + step_y, plane);
    }};
    for (int number = 0; number < {BLOCKER_TAPS}; ++number) {{
        const lanes behind = tap((lanes)(search * __builtin_sqrtf((number + 0.5f) / {BLOCKER_TAPS}.0f)));
        blocked += behind > 0.0f ? (lanes)1.0f : (lanes)0.0f;
        height += behind > 0.0f ? behind : 0.0f;
    }}
    const counts some = asked & (blocked > 0.0f);
    result = 1.0f;
    if (__builtin_reduce_or(some)) {{
        const lanes radius = height / (some ? blocked : 1.0f) * tan_radius * texels_a_metre;
        const counts soft = some & (radius > 1.0f), hard = some & ~soft;
        if (__builtin_reduce_or(hard))
            result = hard ? sharp() : result;
        if (__builtin_reduce_or(soft)) {{
            const lanes wide = radius < search ? radius : (lanes)search;
            lanes hidden = 0.0f;
            to_x = slanted / length;
            to_y = upright / length;
            for (int number = 0; number < {FILTER_TAPS}; ++number) {{
                const lanes behind = tap(wide * __builtin_sqrtf((number + 0.5f) / {FILTER_TAPS}.0f));
                hidden += behind > 0.0f ? (lanes)1.0f : (lanes)0.0f;
            }}
            result = soft ? 1.0f - hidden / {FILTER_TAPS}.0f : result;
        }}
    }}
}}
Row_t lit;
*(lanes*)&lit = asked ? result : 0.0f;
return lit;
""".replace("Row_t", "wp::vec_t<16, wp::float32>")


@wp.func_native(_LIT)
def lit_row(
    map: wp.array(dtype=float),
    size: int,
    first: int,
    cosines: Row,
    at_x: Row,
    at_y: Row,
    at_z: Row,
    smooth_x: Row,
    smooth_y: Row,
    facet_x: Row,
    facet_y: Row,
    turns: Row,
    texels_a_metre: float,
    tan_radius: float,
) -> Row:
    """As `shadow_lookup`, for sixteen receivers; 0 where `cosines` is not above 0."""
    ...
