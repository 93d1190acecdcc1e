"""Coarser levels of a texture for the CPU, a row at a time; `texture_kernel.halve` is the readable twin.

In C++, since a texel's five numbers are read and added as one register.
"""

from __future__ import annotations

from ftb.kernels.start import wp
from ftb.render.texture_kernel import vec5

wp.set_module_options({"enable_backward": False})

_HALVED = """
typedef float eight __attribute__((ext_vector_type(8), aligned(4), may_alias));
const float* upper = (const float*)(texels.data + finer + 4 * side * row);
const float* lower = upper + 10 * side;
float* to = (float*)(texels.data + start + side * row);
// What is read and written beyond a texel's five numbers is the next one's, which is written after it.
for (int k = 0; k < side; ++k) {
    const eight above = *(const eight*)(upper + 10 * k) + *(const eight*)(upper + 10 * k + 5);
    const eight below = *(const eight*)(lower + 10 * k) + *(const eight*)(lower + 10 * k + 5);
    const eight mean = (above + below) * 0.25f;
    if (k + 1 < side)
        *(eight*)(to + 5 * k) = mean;
    else
        for (int part = 0; part < 5; ++part)
            to[5 * k + part] = mean[part];
}
"""


@wp.func_native(_HALVED)
def halve_row(texels: wp.array(dtype=vec5), finer: int, start: int, side: int, row: int):
    """One row of a level of `side` × `side` texels at `start`: means of four of the level at `finer`."""
    ...


@wp.kernel
def halve_rows(texels: wp.array(dtype=vec5), finer: int, start: int, side: int):
    """One row a thread. Behind the last texel lie three numbers at least."""
    halve_row(texels, finer, start, side, wp.tid())
