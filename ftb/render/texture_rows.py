"""Pyramids of textures for the CPU, a head a thread; `texture_kernel` has the readable twins.

In C++, since a texel's five numbers are read, added and written as one register.
"""

from __future__ import annotations

from ftb.kernels.start import EXACT, wp
from ftb.render.texture_kernel import vec5

wp.set_module_options(EXACT)

# The finest level. A colour is written with whatever comes behind it, and then the rest in its place.
_INTERLEAVED = """
typedef float eight __attribute__((ext_vector_type(8), aligned(4), may_alias));
typedef float four __attribute__((ext_vector_type(4), aligned(4), may_alias));
typedef float two __attribute__((ext_vector_type(2), aligned(4), may_alias));
const long long texels_each = (long long)size * size;
const float* colour = (const float*)(albedo.data + head * texels_each);
const float* rest = (const float*)(material.data + head * texels_each);
float* finest = (float*)(texels.data + (long long)head * count);
for (int k = 0; k + 1 < texels_each; ++k) {
    *(four*)(finest + 5 * k) = *(const four*)(colour + 3 * k);
    *(two*)(finest + 5 * k + 3) = *(const two*)(rest + 2 * k);
}
for (int part = 0; part < 5; ++part) {
    const long long last = texels_each - 1;
    finest[5 * last + part] = part < 3 ? colour[3 * last + part] : rest[2 * last + part - 3];
}
"""

# The coarser ones: means of four of the level before.
_HALVED = """
for (int level = 1; level < starts.shape[0]; ++level) {
    const int side = size >> level;
    const float* finer = finest + 5ll * starts.data[level - 1];
    float* coarser = finest + 5ll * starts.data[level];
    for (int row = 0; row < side; ++row) {
        const float *upper = finer + 20ll * side * row, *lower = upper + 10 * side;
        float* to = coarser + 5ll * side * row;
        // What is read and written beyond a texel's five numbers is the next one's, written after it.
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
}
"""


@wp.func_native(_INTERLEAVED + _HALVED)
def fill_pyramid(
    size: int,
    albedo: wp.array(dtype=wp.vec3),
    material: wp.array(dtype=wp.vec2),
    starts: wp.array(dtype=wp.int32),
    count: int,
    texels: wp.array(dtype=vec5),
    head: int,
):
    """All levels of one head."""
    ...


@wp.kernel
def fill_pyramids(
    size: int,  # texels along the finest level
    albedo: wp.array(dtype=wp.vec3),  # (B · size²,)
    material: wp.array(dtype=wp.vec2),
    starts: wp.array(dtype=wp.int32),  # of each level
    count: int,  # texels of a pyramid
    texels: wp.array(dtype=vec5),  # (B · count,), out; three numbers more lie behind the last
):
    """One head a thread."""
    fill_pyramid(size, albedo, material, starts, count, texels, wp.tid())
