"""How much of its light each receiver of the sky keeps, and vertices by them, for the CPU: sixteen skies at
a time.

`_ratio_by_products` of `ftb.render.sky` and `spread_shares` of `ftb.render.sky_kernel` are the readable
twins, and what a GPU computes.
"""

from __future__ import annotations

from ftb.kernels.start import FORWARD, wp

wp.set_module_options(FORWARD)

MOST_NEIGHBOURS = 8  # receivers that a vertex borrows from
LISTED = 128

_MARKED = """
const int vertices = neighbours.shape[0] / count;
const auto* shown = used.data + (long long)head * pictures * vertices;
auto* wanted = needed.data + (long long)head * receivers;
for (int picture = 0; picture < pictures; ++picture)
    for (int vertex = 0; vertex < vertices; ++vertex)
        if (shown[(long long)picture * vertices + vertex])
            for (int k = 0; k < count; ++k)
                wanted[neighbours.data[(long long)vertex * count + k]] = 1;
"""


@wp.func_native(_MARKED)
def mark_head(
    used: wp.array(dtype=wp.uint8),
    pictures: int,
    neighbours: wp.array(dtype=wp.int64),
    count: int,
    receivers: int,
    needed: wp.array(dtype=wp.uint8),
    head: int,
):
    """The receivers that speak for what the pictures of one head show."""
    ...


@wp.kernel
def mark_receiver_rows(
    used: wp.array(dtype=wp.uint8),
    pictures: int,
    neighbours: wp.array(dtype=wp.int64),
    count: int,
    receivers: int,
    needed: wp.array(dtype=wp.uint8),
):
    """As `sky_kernel.mark_receivers`, one head a thread."""
    mark_head(used, pictures, neighbours, count, receivers, needed, wp.tid())


_RATIOS = """
typedef float lanes __attribute__((ext_vector_type(16), aligned(4), may_alias));
const int directions = skies.shape[1], width = skies.shape[2];
for (int receiver = starts.data[head]; receiver < starts.data[head + 1]; ++receiver) {
    const float* seen = shadowed.data + (long long)directions * receiver;
    const float* all = unshadowed.data + (long long)directions * receiver;
    for (int first = 0; first < width; first += 16) {
        const float* sky = skies.data + (long long)head * directions * width + first;
        // Two sums each, since each waits for its last product.
        lanes kept = 0.0f, whole = 0.0f, more_kept = 0.0f, more_whole = 0.0f;
        int k = 0;
        for (; k + 1 < directions; k += 2, sky += 2 * width) {
            const lanes light = *(const lanes*)sky, next = *(const lanes*)(sky + width);
            kept += light * seen[k];
            whole += light * all[k];
            more_kept += next * seen[k + 1];
            more_whole += next * all[k + 1];
        }
        if (k < directions) {
            kept += *(const lanes*)sky * seen[k];
            whole += *(const lanes*)sky * all[k];
        }
        const lanes most = whole + more_whole;
        lanes share = (kept + more_kept) / (most > least ? most : least);
        share = share > 0.0f ? share : 0.0f;
        share = most > least && share < 1.0f ? share : 1.0f;
        *(lanes*)(ratio.data + (long long)width * receiver + first) = share;
    }
}
"""


@wp.func_native(_RATIOS)
def head_ratios(
    starts: wp.array(dtype=wp.int32),
    shadowed: wp.array(dtype=float, ndim=2),
    unshadowed: wp.array(dtype=float, ndim=2),
    skies: wp.array(dtype=float, ndim=3),
    least: float,
    ratio: wp.array(dtype=float, ndim=2),
    head: int,
):
    """Shadowed over unshadowed light of all of a head's skies at each of its receivers."""
    ...


@wp.kernel
def ratios(
    starts: wp.array(dtype=wp.int32),  # (B + 1,) of heads among the N receivers
    shadowed: wp.array(dtype=float, ndim=2),  # (N, D)
    unshadowed: wp.array(dtype=float, ndim=2),
    skies: wp.array(dtype=float, ndim=3),  # (B, D, C), C a multiple of sixteen
    least: float,
    ratio: wp.array(dtype=float, ndim=2),  # (N, C), out
):
    """One head a thread."""
    head_ratios(starts, shadowed, unshadowed, skies, least, ratio, wp.tid())


# Those of each LISTED vertices that some picture shows; others are 1. Sixteen samples at a time have three
# registers of numbers.
_SPREAD = f"""
typedef float lanes __attribute__((ext_vector_type(16), aligned(4), may_alias));
const int vertices = neighbours.shape[0] / count, width = ratio.shape[1];
const long long start = (long long)head * samples * vertices;
const auto* shown = used.data + start;
const int* rows_there = rows.data + (long long)head * receivers;
float* to = (float*)(spread.data + start);
const auto spread_one = [&](int vertex) {{
    float whole = 0.0f, voices[{MOST_NEIGHBOURS}];
    const float* columns[{MOST_NEIGHBOURS}];
    for (int k = 0; k < count; ++k) {{
        const int row = rows_there[neighbours.data[(long long)vertex * count + k]];
        if (row < 0)
            return;
        const float open = openness.data[row];
        voices[k] = weights.data[(long long)vertex * count + k] * (open * open + 1.0e-4f);
        columns[k] = ratio.data + (long long)row * width;
        whole += voices[k];
    }}
    for (int k = 0; k < count; ++k)
        voices[k] /= whole;
    for (int first = 0; first < samples; first += 16) {{
        float shares[48];
        for (int number = 0; number < 48 && 3 * first + number < width; number += 16) {{
            lanes sum = 0.0f;
            for (int k = 0; k < count; ++k)
                sum += *(const lanes*)(columns[k] + 3 * first + number) * voices[k];
            *(lanes*)(shares + number) = sum;
        }}
        for (int k = 0; k < 16 && first + k < samples; ++k) {{
            const long long place = (long long)(first + k) * vertices + vertex;
            for (int colour = 0; shown[place] != 0 && colour < 3; ++colour)
                to[3 * place + colour] = shares[3 * k + colour];
        }}
    }}
}};
for (long long number = 0; number < 3ll * samples * vertices; ++number)
    to[number] = 1.0f;
for (int first = 0; first < vertices; first += {LISTED}) {{
    int listed[{LISTED}], found = 0;
    for (int vertex = first; vertex < first + {LISTED} && vertex < vertices; ++vertex) {{
        unsigned char any = 0;
        for (int sample = 0; sample < samples; ++sample)
            any |= shown[(long long)sample * vertices + vertex];
        listed[found] = vertex;
        found += any != 0;
    }}
    for (int k = 0; k < found; ++k)
        spread_one(listed[k]);
}}
"""


@wp.func_native(_SPREAD)
def spread_head(
    used: wp.array(dtype=wp.uint8),
    samples: int,
    neighbours: wp.array(dtype=wp.int64),
    weights: wp.array(dtype=float),
    count: int,
    receivers: int,
    rows: wp.array(dtype=wp.int32),
    openness: wp.array(dtype=float),
    ratio: wp.array(dtype=float, ndim=2),
    spread: wp.array(dtype=wp.vec3),
    head: int,
):
    """All vertices of one head."""
    ...


@wp.kernel
def spread_rows(
    used: wp.array(dtype=wp.uint8),
    samples: int,
    neighbours: wp.array(dtype=wp.int64),
    weights: wp.array(dtype=float),
    count: int,
    receivers: int,
    rows: wp.array(dtype=wp.int32),
    openness: wp.array(dtype=float),
    ratio: wp.array(dtype=float, ndim=2),  # its width a multiple of sixteen, count at most MOST_NEIGHBOURS
    spread: wp.array(dtype=wp.vec3),
):
    """As `spread_shares`, one head a thread."""
    spread_head(used, samples, neighbours, weights, count, receivers, rows, openness, ratio, spread, wp.tid())
