"""Blur and the rounding of JPEG for the CPU, sixteen pixels at a time.

Parts of the snippet of `ftb.render.film_picture`: neighbours of sixteen pixels begin anywhere in memory, and
blocks of 8 × 8 are turned within registers. `blurred` of `ftb.render.develop_fused` and `quantise_planes` of
`ftb.render.jpeg` are the readable twins, and what a GPU computes.
"""

from __future__ import annotations

import torch

from ftb.render.develop import BLUR_RADIUS
from ftb.render.jpeg import dct_matrix

BAND = 64  # rows that are blurred at a time; across, as many and those they reach

_REACHES = range(1, BLUR_RADIUS + 1)
# blur_band(plane, top, rows, to): rows of one plane of the picture; to: BAND rows. Made for each reach apart,
# so that nothing turns on it within a row.
BLUR = f"""
const float* tap = film.taps.data + sample * {BLUR_RADIUS + 1};
int reach = {BLUR_RADIUS};
while (reach > 0 && tap[reach] == 0.0f)
    --reach;
const auto blur_by = [&](auto number, const float* plane, int top, int rows, float* to) {{
    constexpr int reach = decltype(number)::value;
    for (int column = 0; column < size; column += 16) {{
        lanes across[{BAND} + 2 * reach];
        const bool whole = column >= reach && column + 16 + reach <= size;
        float edge[16 + 2 * reach];
        for (int k = 0; k < rows + 2 * reach; ++k) {{
            int row = top + k - reach;
            row = row < 0 ? 0 : row < size ? row : size - 1;
            const float* line = plane + row * size;
            const float* from = line + column - reach;
            if (!whole) {{
                for (int away = 0; away < 16 + 2 * reach; ++away) {{
                    const int place = column - reach + away;
                    edge[away] = line[place < 0 ? 0 : place < size ? place : size - 1];
                }}
                from = edge;
            }}
            lanes sum = *(const lanes*)(from + reach) * tap[0];
            EACH for (int away = 1; away <= reach; ++away)
                sum += tap[away]
                    * (*(const lanes*)(from + reach - away) + *(const lanes*)(from + reach + away));
            across[k] = sum;
        }}
        for (int k = 0; k < rows; ++k) {{
            lanes sum = across[k + reach] * tap[0];
            EACH for (int away = 1; away <= reach; ++away)
                sum += (across[k + reach - away] + across[k + reach + away]) * tap[away];
            *(lanes*)(to + k * size + column) = sum;
        }}
    }}
}};
{"".join(f"struct Reach{n} {{ enum {{ value = {n} }}; }};" for n in _REACHES)}
const auto blur_band = [&](const float* plane, int top, int rows, float* to) {{
    switch (reach) {{
        {" ".join(f"case {n}: return blur_by(Reach{n}{{}}, plane, top, rows, to);" for n in _REACHES)}
    }}
}};
"""

_DCT = ", ".join(f"{number:.9g}f" for number in dct_matrix("cpu", torch.float64, 1).flatten().tolist())
# round_blocks(first, second, width, step): two blocks in place, which may be one; step: the table turned,
# twice side by side.
ROUND = f"""
static const float dct[64] = {{{_DCT}}};
const auto round_blocks = [&](float* first, float* second, int width, const lanes* step) {{
    lanes rows[8], turned[8];
    EACH for (int k = 0; k < 8; ++k)
        rows[k] = joined(*(const eight*)(first + k * width), *(const eight*)(second + k * width));
    const auto forwards = [&]() INLINE {{
        EACH for (int k = 0; k < 8; ++k) {{
            turned[k] = rows[0] * dct[8 * k];
            EACH for (int from = 1; from < 8; ++from)
                turned[k] += rows[from] * dct[8 * k + from];
        }}
    }};
    const auto backwards = [&]() INLINE {{
        EACH for (int k = 0; k < 8; ++k) {{
            turned[k] = rows[0] * dct[k];
            EACH for (int from = 1; from < 8; ++from)
                turned[k] += rows[from] * dct[8 * from + k];
        }}
    }};
    // Three perfect shuffles turn the two blocks, each in its half of the lanes.
    const auto transpose = [&]() INLINE {{
        EACH for (int turn = 0; turn < 3; ++turn) {{
            lanes mixed[8];
            EACH for (int k = 0; k < 4; ++k) {{
                const lanes a = turned[k], b = turned[k + 4];
                mixed[2 * k] =
                    __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 8, 24, 9, 25, 10, 26, 11, 27);
                mixed[2 * k + 1] =
                    __builtin_shufflevector(a, b, 4, 20, 5, 21, 6, 22, 7, 23, 12, 28, 13, 29, 14, 30, 15, 31);
            }}
            EACH for (int k = 0; k < 8; ++k)
                turned[k] = mixed[k];
        }}
        EACH for (int k = 0; k < 8; ++k)
            rows[k] = turned[k];
    }};
    forwards();
    transpose();
    forwards();
    EACH for (int k = 0; k < 8; ++k)
        rows[k] = __builtin_elementwise_rint(turned[k] / step[k]) * step[k];
    backwards();
    transpose();
    backwards();
    EACH for (int k = 0; k < 8; ++k) {{
        *(eight*)(first + k * width) = turned[k].lo;
        *(eight*)(second + k * width) = turned[k].hi;
    }}
}};
const auto quantise = [&](float* plane, int width, int rows, const float* steps_of) {{
    const int across = width / 8, blocks = across * (rows / 8);
    const auto block_at = [&](int block) {{
        block = block < blocks ? block : blocks - 1;
        const int line = block / across;
        return plane + 8 * (line * width + block - line * across);
    }};
    for (int block = 0; block < blocks; block += 2)
        round_blocks(block_at(block), block_at(block + 1), width, (const lanes*)steps_of);
}};
"""
