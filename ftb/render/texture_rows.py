"""Pyramids of textures for the CPU, a head a thread; `texture_kernel` has the readable twins.

In C++, since a texel's five numbers are read, added and written as one register.
"""

from __future__ import annotations

from ftb.kernels.start import EXACT, wp
from ftb.render.texture_kernel import vec5

wp.set_module_options(EXACT)

# Means of four texels of the level before. What is read and written beyond a texel's five numbers is the next
# one's, written after it.
_HALVED = """
typedef float eight __attribute__((ext_vector_type(8), aligned(4), may_alias));
typedef float four __attribute__((ext_vector_type(4), aligned(4), may_alias));
const float* finer = (const float*)(finest.data + (long long)head * size * size);
for (int level = 1; level < starts.shape[0]; ++level) {
    const int side = size >> level;
    float* coarse = (float*)(coarser.data + (long long)head * count + starts.data[level]);
    for (int row = 0; row < side; ++row) {
        const float *upper = finer + 20ll * side * row, *lower = upper + 10 * side;
        float* to = coarse + 5ll * side * row;
        for (int k = 0; k < side; ++k) {
            const eight above = *(const eight*)(upper + 10 * k) + *(const eight*)(upper + 10 * k + 5);
            const eight below = *(const eight*)(lower + 10 * k) + *(const eight*)(lower + 10 * k + 5);
            const eight mean = (above + below) * 0.25f;
            if (k + 1 < side) {
                *(eight*)(to + 5 * k) = mean;
                continue;
            }
            *(four*)(to + 5 * k) = mean.lo;
            to[5 * k + 4] = mean[4];
        }
    }
    finer = coarse;
}
"""


@wp.func_native(_HALVED)
def fill_pyramid(
    size: int,
    finest: wp.array(dtype=vec5),
    starts: wp.array(dtype=wp.int32),
    count: int,
    coarser: wp.array(dtype=vec5),
    head: int,
):
    """All levels of one head but the finest."""
    ...


@wp.kernel
def fill_pyramids(
    size: int,  # texels along the finest level
    finest: wp.array(dtype=vec5),  # (B · size²,); three numbers more lie behind the last
    starts: wp.array(dtype=wp.int32),  # of each level among the coarser
    count: int,  # texels of a head's coarser levels
    coarser: wp.array(dtype=vec5),  # (B · count,), out; three numbers more lie behind the last
):
    """One head a thread."""
    fill_pyramid(size, finest, starts, count, coarser, wp.tid())
