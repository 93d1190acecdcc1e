"""What pixels look up of vertices and of the skin's texture, for the CPU, sixteen pixels at a time.

Parts of the snippet of `ftb.render.shade_rows`; `record_at` of `ftb.render.shade_kernel` and
`ftb.render.texture_kernel` are the readable twins. A vertex's sixteen numbers, or a texel's five, are read
and mixed as one register each; the table of them is then turned so that its rows are pixels' numbers.
"""

from __future__ import annotations

# asked: a face of each pixel, some face where none is; corners, records, shares: as in the kernel's
# arguments, from this picture's and these pixels' first number on. Record as in `vertex_kernel`.
RECORDS = """
const auto interpolated = [&](lanes (&record)[16], const int* asked, const int* corners, const float* records,
                             const float* shares) INLINE {
    EACH for (int k = 0; k < 16; ++k) {
        const int* corner = corners + 3 * asked[k];
        const float* share = shares + 3 * k;
        record[k] = *(const lanes*)(records + 16 * corner[0]) * share[0]
            + *(const lanes*)(records + 16 * corner[1]) * share[1]
            + *(const lanes*)(records + 16 * corner[2]) * share[2];
    }
    turn_sixteen(record);
};
// What the sixteen pixels after these will ask comes from far away, and is sent for while these are shaded.
const auto send_for = [&](const long long* shown, const int* corners, const float* records,
                          const float* facets) INLINE {
    EACH for (int k = 0; k < 16; ++k) {
        const long long face = shown[k] < 0 ? 0 : shown[k];
        __builtin_prefetch(facets + 4 * face);
        EACH for (int j = 0; j < 3; ++j)
            __builtin_prefetch(records + 16ll * corners[3 * face + j]);
    }
};
"""

# Albedo, roughness and F0 at (u, v), of the level of the pyramid whose texels are about as wide as pixels.
# Levels that are not in memory are made where they are asked, with the bits they would have there.
SKINS = """
struct Pyramid {
    const float* of_level[32];  // as many as halves of an int
    int width, levels, made;
};
// A texel of a coarser level from those of the finest, by fours in the order in which levels are made.
const auto mean_of = [&](const Pyramid& pyramid, int level, int row, int column) {
    eight first[16], second[16], value = 0.0f;
    for (unsigned n = 0; n < 1u << 2 * level; ++n) {
        int down = row, right = column;
        for (int bit = level - 1; bit >= 0; --bit) {
            down = 2 * down + (n >> (2 * bit + 1) & 1);
            right = 2 * right + (n >> 2 * bit & 1);
        }
        value = *(const eight*)(pyramid.of_level[0] + 5 * ((long long)down * pyramid.width + right));
        for (int above = 0; above < level; ++above) {
            const unsigned turn = n >> 2 * above & 3;
            if (turn == 3) {
                value = (first[above] + (second[above] + value)) * 0.25f;
                continue;
            }
            eight& kept = turn == 2 ? second[above] : first[above];
            kept = turn == 1 ? kept + value : value;
            break;
        }
    }
    return value;
};
const auto half_of = [&](const Pyramid& pyramid, int row, int column) INLINE {
    const float* upper = pyramid.of_level[0] + 10 * ((long long)row * pyramid.width + column);
    const float* lower = upper + 5 * pyramid.width;
    const eight above = *(const eight*)upper + *(const eight*)(upper + 5);
    return (above + (*(const eight*)lower + *(const eight*)(lower + 5))) * 0.25f;
};
const auto skins_of = [&](lanes (&skin)[8], const Pyramid& pyramid, lanes u, lanes v,
                         lanes texels_a_pixel) INLINE {
    // log2 + 1/2, rounded down: the exponent of the number times the root of 2
    const counts exponent = (__builtin_bit_cast(counts, texels_a_pixel * 1.41421356f) >> 23) - 127;
    const counts coarser = __builtin_elementwise_min(exponent, (counts)(pyramid.levels - 1));
    const counts level = texels_a_pixel > 1.41421356f ? coarser : 0;
    const counts sides = pyramid.width >> level;
    const lanes size = __builtin_convertvector(sides, lanes);
    const lanes x = within(u * size - 0.5f, 0.0f, size - 1.001f);
    const lanes y = within((1.0f - v) * size - 0.5f, 0.0f, size - 1.001f);
    const counts column = __builtin_convertvector(x, counts), row = __builtin_convertvector(y, counts);
    alignas(64) float right[16], down[16], made_here[16][32];
    alignas(64) int levels[16], place[16], below[16];
    const float* from[16];
    *(lanes*)right = x - __builtin_convertvector(column, lanes);
    *(lanes*)down = y - __builtin_convertvector(row, lanes);
    *(counts*)levels = level;
    *(counts*)place = 5 * (row * sides + column);
    *(counts*)below = 5 * sides;
    IN_MEMORY(right);
    IN_MEMORY(down);
    IN_MEMORY(levels);
    IN_MEMORY(place);
    IN_MEMORY(below);
    const counts absent = level >= pyramid.made;
    EACH for (int k = 0; k < 16; ++k)
        from[k] = pyramid.of_level[levels[k]] + place[k];
    if (__builtin_reduce_or(absent)) {
        alignas(64) int rows[16], columns[16];
        *(counts*)rows = row;
        *(counts*)columns = column;
        IN_MEMORY(rows);
        IN_MEMORY(columns);
        for (int k = 0; k < 16; ++k) {
            if (levels[k] < pyramid.made)
                continue;
            for (int corner = 0; corner < 4; ++corner) {
                const int at_row = rows[k] + corner / 2, at_column = columns[k] + corner % 2;
                *(eight*)(made_here[k] + 16 * (corner / 2) + 5 * (corner % 2)) = levels[k] == 1
                    ? half_of(pyramid, at_row, at_column) : mean_of(pyramid, levels[k], at_row, at_column);
            }
            from[k] = made_here[k];
            below[k] = 16;
        }
    }
    IN_MEMORY(from);
    eight one[16];
    EACH for (int k = 0; k < 16; ++k) {
        const float *texel = from[k], *under = texel + below[k];
        __builtin_prefetch(under + below[k]);  // the next row of pixels will read about there
        const eight first = *(const eight*)texel, second = *(const eight*)(texel + 5);
        const eight third = *(const eight*)under, fourth = *(const eight*)(under + 5);
        const eight left = first + (third - first) * down[k], beside = second + (fourth - second) * down[k];
        one[k] = left + (beside - left) * right[k];
    }
    turn_eight(one);
    turn_eight(one + 8);
    EACH for (int k = 0; k < 8; ++k)
        skin[k] = joined(one[k], one[k + 8]);
};
"""
