"""Noise and tone, and the way back from JPEG's planes, for the CPU.

Parts of the snippet of `ftb.render.film_picture`; `ftb.render.develop_kernel` holds the readable twins.
"""

from __future__ import annotations

# tone_rows(row, linear, plane): two rows, which share their chroma; linear: their first number in a plane of
# colours, of which the next begins `plane` on. To values x 255, or, where no JPEG follows, to the photograph.
TONE = """
const float* curve = film.curves.data + sample * film.curves.shape[1];
const float* camera = (const float*)(film.film.data + sample);
const int bank_size = film.bank.shape[1];
const int* offset = (const int*)(film.offset.data + sample);
const auto grained = [&](lanes value, lanes noise) INLINE {
    const lanes variance = most(value, 0.0f) * camera[0] + camera[1];
    value = most(value + noise * root(variance), 0.0f);
    if (camera[3] > 0.0f) {
        // Reinhard et al. (2002, eq. 4) with white at 2.5.
        const lanes rolled = value * (1.0f + value * 0.16f) / (1.0f + value);
        value += (rolled - value) * camera[3];
    }
    return least(value, 1.0f);
};
// A curve lies in pairs of a step's value and the way to the next: one read for both.
const auto encoded = [&](lanes value) INLINE {
    typedef double pairs __attribute__((ext_vector_type(8)));
    const float darkest = 1.0f / 65536.0f;
    const counts above =
        __builtin_bit_cast(counts, within(value, darkest, 1.0f)) - __builtin_bit_cast(int, darkest);
    const counts step = above >> 17;
    alignas(64) int place[16];
    *(counts*)place = step;
    IN_MEMORY(place);
    lanes table[2];
    EACH for (int half = 0; half < 2; ++half) {
        pairs read;
        EACH for (int k = 0; k < 8; ++k)
            read[k] = ((const double*)curve)[place[8 * half + k]];
        table[half] = __builtin_bit_cast(lanes, read);
    }
    part(table, 2);
    const lanes further = __builtin_convertvector(above - (step << 17), lanes) * (1.0f / 131072.0f);
    return table[0] + table[1] * further;
};
const auto tone_rows = [&](int row, const float* from, long long plane) {
    const int half = size / 2;
    for (int column = 0; column < size; column += 16) {
        lanes blue = 0.0f, red = 0.0f;
        EACH for (int k = 0; k < 2; ++k) {
            const float* at = from + k * size + column;
            const int line = (offset[0] + row + k) & (bank_size - 1);
            const int first = (offset[1] / 16 * 16 + column) & (bank_size - 1);
            const float* noise = film.bank.data + (long long)line * bank_size + first;
            const long long next = (long long)bank_size * bank_size;
            EACH for (int colour = 0; colour < 3; ++colour)  // two rows on: rows are too short to be foreseen
                __builtin_prefetch(noise + colour * next + (line + 2 < bank_size ? 2 * bank_size : 0));
            lanes r = grained(*(const lanes*)at, *(const lanes*)noise);
            lanes g = grained(*(const lanes*)(at + plane), *(const lanes*)(noise + next));
            lanes b = grained(*(const lanes*)(at + 2 * plane), *(const lanes*)(noise + 2 * next));
            const lanes level = luminance(r, g, b);
            r = encoded(level + (r - level) * camera[2]);
            g = encoded(level + (g - level) * camera[2]);
            b = encoded(level + (b - level) * camera[2]);
            const int place = (row + k) * size + column;
            if (quality >= 100.0f) {
                greyed(r, g, b);
                photo_at(place, r, g, b);
                continue;
            }
            *(lanes*)(luma + place) = 76.245f * r + 149.685f * g + 29.07f * b - 128.0f;
            blue += 127.5f * b - 43.02768f * r - 84.472305f * g;
            red += 127.5f * r - 106.77819f * g - 20.722155f * b;
        }
        if (quality >= 100.0f)
            continue;
        lanes sums[2] = {blue, red};
        part(sums, 2);
        const lanes mean = 0.25f * (sums[0] + sums[1]);
        float* to = chroma + row / 2 * half + column / 2;
        *(eight*)to = mean.lo;
        *(eight*)(to + half * half) = mean.hi;
    }
};
"""

FROM_PLANES = """
const auto upsampled = [&](const float* near, const float* far, int first) INLINE {
    const int half = size / 2, last = half - 1;
    const eight mid = 0.75f * *(const eight*)(near + first) + 0.25f * *(const eight*)(far + first);
    const int before = first > 0 ? first - 1 : 0, after = first + 8 < half ? first + 8 : last;
    const float left = 0.75f * near[before] + 0.25f * far[before];
    const float right = 0.75f * near[after] + 0.25f * far[after];
    eight earlier = __builtin_shufflevector(mid, mid, 0, 0, 1, 2, 3, 4, 5, 6);
    eight later = __builtin_shufflevector(mid, mid, 1, 2, 3, 4, 5, 6, 7, 7);
    earlier[0] = left;
    later[7] = right;
    const eight even = 0.75f * mid + 0.25f * earlier, odd = 0.75f * mid + 0.25f * later;
    return (lanes)__builtin_shufflevector(even, odd, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
};
const auto decode_row = [&](int row) {
    const int half = size / 2, near = row / 2;
    const int other = near + 2 * (row & 1) - 1, far = other < 0 ? 0 : other < half ? other : half - 1;
    for (int column = 0; column < size; column += 16) {
        const int first = column / 2;
        const lanes blue = upsampled(chroma + near * half, chroma + far * half, first);
        const float* reds = chroma + half * half;
        const lanes red = upsampled(reds + near * half, reds + far * half, first);
        const lanes level = *(const lanes*)(luma + row * size + column) + 128.0f;
        lanes r = within((level + 1.402f * red) * (1.0f / 255.0f), 0.0f, 1.0f);
        lanes g = within((level - 0.344136f * blue - 0.714136f * red) * (1.0f / 255.0f), 0.0f, 1.0f);
        lanes b = within((level + 1.772f * blue) * (1.0f / 255.0f), 0.0f, 1.0f);
        greyed(r, g, b);
        photo_at(row * size + column, r, g, b);
    }
};
"""
