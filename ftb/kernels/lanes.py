"""The words in which C++ snippets of Warp kernels speak of sixteen pixels at once, for the CPU.

A snippet that goes along a whole row of a picture keeps sixteen neighbours in one register each, asks memory
in whole registers, and pays once a row for what a thread of Warp costs. Snippets begin with LANES.
"""

from __future__ import annotations

WIDTH = 16  # pixels of a register

# Interleaving the first half of a table of registers with the second, or parting even from odd numbers,
# turns the bits of all numbers' places by one: a few turns make rows of columns.
LANES = """
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
// Sixteen rows of a table with four numbers each, apart.
const auto rows_of = [&](lanes (&column)[4], const int* numbers, const float* table) INLINE {
    EACH for (int k = 0; k < 4; ++k) {
        four one[4];
        EACH for (int j = 0; j < 4; ++j)
            one[j] = *(const four*)(table + 4 * numbers[4 * k + j]);
        const eight first = __builtin_shufflevector(one[0], one[1], 0, 1, 2, 3, 4, 5, 6, 7);
        const eight second = __builtin_shufflevector(one[2], one[3], 0, 1, 2, 3, 4, 5, 6, 7);
        column[k] = joined(first, second);
    }
    part(column, 4);
    part(column, 4);
};
"""
