"""A head's skin as a pyramid of textures, made here and looked up bilinearly in the level that fits."""

from __future__ import annotations

from ftb.kernels.start import wp
from ftb.render.light_functions import quotient

# Albedo, roughness and F0 of a texel, side by side in memory.
vec5 = wp.types.vector(length=5, dtype=float)


@wp.func
def level_of(texels_a_pixel: float, levels: int):
    """The level whose texels are about as wide as a pixel."""
    level = int(0)  # noqa: RUF046
    if texels_a_pixel > 1.41421356:
        # log₂ + ½, rounded down: the exponent of the number times √2, without a call of the library.
        level = wp.min((int(wp.cast(texels_a_pixel * 1.41421356, wp.uint32)) >> 23) - 127, levels - 1)
    return level


@wp.func
def texture_lookup(texels: wp.array(dtype=vec5), start: int, size: int, u: float, v: float):
    """Bilinear in a level of `size` × `size` texels that begins at `start`, clamped at the border; v up."""
    x = wp.clamp(u * float(size) - 0.5, 0.0, float(size) - 1.001)
    y = wp.clamp((1.0 - v) * float(size) - 0.5, 0.0, float(size) - 1.001)
    column = int(x)
    row = int(y)
    right = x - float(column)
    down = y - float(row)
    at = start + row * size + column
    upper = texels[at] * (1.0 - right) + texels[at + 1] * right
    lower = texels[at + size] * (1.0 - right) + texels[at + size + 1] * right
    return upper * (1.0 - down) + lower * down


@wp.kernel(enable_backward=False)
def halve(
    finer: wp.array(dtype=vec5),
    finer_count: int,  # texels of a head there
    finer_start: int,
    coarser: wp.array(dtype=vec5),  # out
    count: int,
    start: int,
    side: int,
):
    """One texel a thread of the level of `side` × `side` texels at `start`: the mean of four of the one at
    `finer_start`."""
    n = wp.tid()
    head = quotient(n, side * side)
    place = n - head * side * side
    row = quotient(place, side)
    at = head * finer_count + finer_start + 4 * side * row + 2 * (place - row * side)
    upper = finer[at] + finer[at + 1]
    lower = finer[at + 2 * side] + finer[at + 2 * side + 1]
    coarser[head * count + start + place] = (upper + lower) * 0.25
