"""The words in which C++ snippets of Warp kernels speak of sixteen pixels at once, for the CPU.

A snippet that goes along a whole row of a picture keeps sixteen neighbours in one register each, asks memory
in whole registers, and pays once a row for what a thread of Warp costs. Snippets begin with LANES.
"""

from __future__ import annotations

WIDTH = 16  # pixels of a register

# Where `eight` are eight numbers, in one register or two.
TURN_EIGHT = """
// Eight registers of eight numbers turned, so that rows become columns, within halves of registers first:
// where a register holds eight, what crosses its middle costs more.
const auto turn_eight = [&](eight* table) INLINE {
    eight pairs[8], fours[8];
    EACH for (int k = 0; k < 8; k += 2) {
        const eight a = table[k], b = table[k + 1];
        pairs[k] = __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13);
        pairs[k + 1] = __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
    }
    EACH for (int k = 0; k < 8; k += 4)
        EACH for (int j = 0; j < 2; ++j) {
            const eight a = pairs[k + j], b = pairs[k + j + 2];
            fours[k + 2 * j] = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
            fours[k + 2 * j + 1] = __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
        }
    EACH for (int k = 0; k < 4; ++k) {
        table[k] = __builtin_shufflevector(fours[k], fours[k + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        table[k + 4] = __builtin_shufflevector(fours[k], fours[k + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
};
"""

# Parting even from odd numbers turns the bits of all places by one: a few turns make rows of columns.
LANES = (
    """
#define EACH _Pragma("clang loop unroll(full)")
#define INLINE __attribute__((always_inline))
// What is asked one by one lies in memory: out of registers each number would cost two steps.
#define IN_MEMORY(array) asm volatile("" : : "r"(array) : "memory")
typedef float lanes __attribute__((ext_vector_type(16), aligned(4), may_alias));
typedef int counts __attribute__((ext_vector_type(16), aligned(4), may_alias));
typedef float eight __attribute__((ext_vector_type(8), aligned(4), may_alias));
typedef float four __attribute__((ext_vector_type(4), aligned(4), may_alias));
const lanes steps = {0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f,
                     8.0f, 9.0f, 10.0f, 11.0f, 12.0f, 13.0f, 14.0f, 15.0f};
const auto least = [&](lanes a, lanes b) INLINE { return a < b ? a : b; };
const auto most = [&](lanes a, lanes b) INLINE { return a > b ? a : b; };
const auto greatest = [&](eight a) INLINE {
    const four b = a.lo > a.hi ? a.lo : a.hi;
    const float even = b[0] > b[2] ? b[0] : b[2], odd = b[1] > b[3] ? b[1] : b[3];
    return even > odd ? even : odd;
};
const auto within = [&](lanes a, lanes low, lanes high) INLINE {
    a = a > low ? a : low;
    return a < high ? a : high;
};
const auto root = [&](lanes a) INLINE { return __builtin_elementwise_sqrt(a); };
const auto luminance = [&](lanes r, lanes g, lanes b) INLINE {
    return 0.2126f * r + 0.7152f * g + 0.0722f * b;
};
const auto part = [&](lanes* table, int count) INLINE {
    const int half = count / 2;
    lanes parted[16];
    EACH for (int k = 0; k < half; ++k) {
        const lanes a = table[2 * k], b = table[2 * k + 1];
        parted[k] =
            __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
        parted[k + half] =
            __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    }
    EACH for (int k = 0; k < count; ++k)
        table[k] = parted[k];
};
const auto joined = [&](eight a, eight b) INLINE {
    return (lanes)__builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
};
"""
    + TURN_EIGHT
    + """// Sixteen registers, a quarter of the table after the other.
const auto turn_sixteen = [&](lanes* table) INLINE {
    eight quarter[4][8];
    EACH for (int k = 0; k < 8; ++k) {
        quarter[0][k] = table[k].lo;
        quarter[1][k] = table[k].hi;
        quarter[2][k] = table[k + 8].lo;
        quarter[3][k] = table[k + 8].hi;
    }
    EACH for (int k = 0; k < 4; ++k)
        turn_eight(quarter[k]);
    EACH for (int k = 0; k < 8; ++k) {
        table[k] = joined(quarter[0][k], quarter[2][k]);
        table[k + 8] = joined(quarter[1][k], quarter[3][k]);
    }
};
// Sixteen rows of four numbers as four columns, and back: every fourth row shares a register.
const auto turn_quads = [&](lanes (&table)[4]) INLINE {
    lanes pairs[4];
    EACH for (int k = 0; k < 4; k += 2) {
        const lanes a = table[k], b = table[k + 1];
        pairs[k] = __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
        pairs[k + 1] =
            __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
    }
    EACH for (int k = 0; k < 2; ++k) {
        const lanes a = pairs[k], b = pairs[k + 2];
        table[2 * k] =
            __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
        table[2 * k + 1] =
            __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
    }
};
// Four numbers each of sixteen rows of a table, `stride` numbers apart, as columns.
const auto rows_of = [&](lanes (&column)[4], const int* numbers, const float* table, int stride = 4) INLINE {
    EACH for (int k = 0; k < 4; ++k) {
        four one[4];
        EACH for (int j = 0; j < 4; ++j)
            one[j] = *(const four*)(table + stride * numbers[4 * j + k]);
        const eight first = __builtin_shufflevector(one[0], one[1], 0, 1, 2, 3, 4, 5, 6, 7);
        const eight second = __builtin_shufflevector(one[2], one[3], 0, 1, 2, 3, 4, 5, 6, 7);
        column[k] = joined(first, second);
    }
    turn_quads(column);
};
"""
)

# three(from): sixteen triples of numbers, apart.
TRIPLES = """
struct Triple {
    lanes x, y, z;
};
const auto three = [&](const float* from) INLINE {
    const lanes a = *(const lanes*)from, b = *(const lanes*)(from + 16), c = *(const lanes*)(from + 32);
    const lanes x = __builtin_shufflevector(a, b, 0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 0, 0, 0, 0, 0);
    const lanes y = __builtin_shufflevector(a, b, 1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 0, 0, 0, 0, 0);
    const lanes z = __builtin_shufflevector(a, b, 2, 5, 8, 11, 14, 17, 20, 23, 26, 29, 0, 0, 0, 0, 0, 0);
    return Triple{
        __builtin_shufflevector(x, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17, 20, 23, 26, 29),
        __builtin_shufflevector(y, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 18, 21, 24, 27, 30),
        __builtin_shufflevector(z, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 19, 22, 25, 28, 31)};
};
"""
