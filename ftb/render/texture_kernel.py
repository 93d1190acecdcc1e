"""Filtered lookups of a head's skin: a pyramid of textures, bilinear in the level that fits the pixel."""

from __future__ import annotations

from ftb.render.warp_start import wp

# Albedo, roughness and F0 of a texel, side by side in memory.
vec5 = wp.types.vector(length=5, dtype=float)


@wp.func
def level_of(texels_a_pixel: float, levels: int):
    """The level whose texels are about as wide as a pixel."""
    level = int(0)  # noqa: RUF046
    if texels_a_pixel > 1.41421356:
        level = wp.min(int(wp.log2(texels_a_pixel) + 0.5), levels - 1)
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
