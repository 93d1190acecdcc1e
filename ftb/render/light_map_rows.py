"""Filters environments for the CPU: in C++, sixteen columns (samples' colours) a register, by few products.

The matrix from a map to its filtered ones stays the same where both are turned about the vertical axis, or
mirrored left to right or top to bottom. A map is therefore split into its parts that are even or odd under
either mirror, each along its rows into cosines or sines, and multiplied frequency by frequency.
`light_maps.filtered_by_frequency` is the readable twin. A light's bits do not depend on how many others are
filtered with it, as with a library's products they do.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.kernels.lanes import WIDTH as LANES
from ftb.kernels.start import FORWARD, wp
from ftb.kernels.starting import Packed, floats, launch, packed

wp.set_module_options(FORWARD)

ROWS = 8  # of a matrix at once

# Parts: even and even, odd along x, odd along y, odd along both.
_FOLDED = """
typedef float lanes __attribute__((ext_vector_type(16), aligned(4), may_alias));
#define EACH _Pragma("clang loop unroll(full)")
const int width = 2 * height, half = height / 2, colours = 3 * samples - 16 * group;
const int some = colours < 16 ? colours : 16, texels = half * height;
lanes* parts = (lanes*)room.data;  // (4, H/2, H)
const float* map[16];
for (int lane = 0; lane < some; ++lane) {
    const int colour = 16 * group + lane;
    map[lane] = maps.data + (long long)(colour / 3) * height * width * 3 + colour % 3;
}
for (int row = 0; row < half; ++row)
    for (int column = 0; column < height; ++column) {
        const int upper = 3 * row * width, lower = 3 * (height - 1 - row) * width;
        const int left = 3 * column, right = 3 * (width - 1 - column);
        alignas(64) float corner[4][16] = {};
        for (int lane = 0; lane < some; ++lane) {
            corner[0][lane] = map[lane][upper + left];
            corner[1][lane] = map[lane][upper + right];
            corner[2][lane] = map[lane][lower + left];
            corner[3][lane] = map[lane][lower + right];
        }
        const lanes* at = (const lanes*)corner;
        const lanes above = at[0] + at[1], above_odd = at[0] - at[1];
        const lanes below = at[2] + at[3], below_odd = at[2] - at[3];
        lanes* to = parts + row * height + column;
        to[0] = above + below;
        to[texels] = above_odd + below_odd;
        to[2 * texels] = above - below;
        to[3 * texels] = above_odd - below_odd;
    }
"""

_FILTERED = """
// Eight rows of a matrix times as many registers as it has columns; results lie `apart`.
const auto product = [&](const float* rows, const lanes* from, int inner, lanes* to, int apart) {
    lanes sums[8];
    EACH for (int k = 0; k < 8; ++k)
        sums[k] = 0.0f;
    for (int n = 0; n < inner; ++n, rows += 8) {
        const lanes vector = from[n];
        EACH for (int k = 0; k < 8; ++k)
            sums[k] += rows[k] * vector;
    }
    EACH for (int k = 0; k < 8; ++k)
        to[k * apart] = sums[k];
};
lanes* waves = parts + 4 * texels;     // (4, frequencies, H/2)
lanes* filtered = waves + 4 * texels;  // (4, 32, frequencies)
for (int part = 0; part < 4; ++part) {
    for (int row = 0; row < half; ++row)
        for (int first = 0; first < height; first += 8)
            product(tables.waves.data + ((part & 1) * height + first) * height,
                    parts + part * texels + row * height, height,
                    waves + part * texels + first * half + row, half);
    for (int frequency = 0; frequency < height; ++frequency)
        for (int first = 0; first < 32; first += 8)
            product(tables.rows.data + ((part * height + frequency) * 32 + first) * half,
                    waves + part * texels + frequency * half, half,
                    filtered + (part * 32 + first) * height + frequency, height);
}
"""

# Four corners of each filtered map from the parts.
_UNFOLDED = """
float *irradiance_of[16], *glossy_of[16];
for (int lane = 0; lane < some; ++lane) {
    const int colour = 16 * group + lane;
    irradiance_of[lane] = irradiance.data + (colour / 3) * 1536ll + colour % 3;
    glossy_of[lane] = glossy.data + (colour / 3) * 3 * 1536ll + colour % 3;
}
for (int row = 0; row < 32; ++row) {  // eight of each map
    lanes turned[4][16];
    for (int part = 0; part < 4; ++part)
        for (int first = 0; first < 16; first += 8)
            product(tables.turned_waves.data + ((part & 1) * 16 + first) * height,
                    filtered + (part * 32 + row) * height, height, turned[part] + first, 1);
    const int level = row / 8 - 1, upper = 96 * (row % 8), lower = 96 * (15 - row % 8);
    for (int column = 0; column < 16; ++column) {
        const lanes even = turned[0][column], odd = turned[1][column];
        const lanes turned_even = turned[2][column], turned_odd = turned[3][column];
        alignas(64) float corner[4][16];
        lanes* at = (lanes*)corner;
        at[0] = (even + turned_even) + (odd + turned_odd);
        at[1] = (even + turned_even) - (odd + turned_odd);
        at[2] = (even - turned_even) + (odd - turned_odd);
        at[3] = (even - turned_even) - (odd - turned_odd);
        const int left = 3 * column, right = 3 * (31 - column);
        for (int lane = 0; lane < some; ++lane) {
            float* to = level < 0 ? irradiance_of[lane] : glossy_of[lane] + 1536 * level;
            to[upper + left] = corner[0][lane];
            to[upper + right] = corner[1][lane];
            to[lower + left] = corner[2][lane];
            to[lower + right] = corner[3][lane];
        }
    }
}
"""

Numbers = wp.array(dtype=float)


@wp.struct
class Tables:
    """Of maps with H rows, by eights of rows: waves (2, H, H), cosines and sines of the frequencies at half
    the texels of a row; rows (4, H, 32, H/2): of each part and frequency, from half the rows of a map to half
    those of the filtered maps; turned_waves (2, 16, H): as waves, at half the texels of their rows."""

    waves: Numbers
    rows: Numbers
    turned_waves: Numbers


@wp.func_native(_FOLDED + _FILTERED + _UNFOLDED)
def filter_group(
    group: int,
    height: int,
    samples: int,
    maps: Numbers,
    tables: Tables,
    room: Numbers,
    irradiance: Numbers,
    glossy: Numbers,
):
    """Sixteen columns, of all texels."""
    ...


@wp.kernel
def filter_maps(
    height: int,  # H, a multiple of 16
    samples: int,
    maps: Numbers,  # (S, H, 2H, 3)
    tables: Tables,
    room: Numbers,  # (2 · 4 · H · H/2 + 4 · 32 · H, 16)
    irradiance: Numbers,  # (S, 16, 32, 3), out
    glossy: Numbers,  # (S, 3, 16, 32, 3), out
):
    """Sixteen columns a thread, one after the other: they share the room."""
    filter_group(wp.tid(), height, samples, maps, tables, room, irradiance, glossy)


def tables_of(of_frequency: Tensor, map_waves: Tensor, turned_waves: Tensor) -> Packed:
    """From the tables of `filtered_by_frequency`: (F, 4 · 16, H), (2F, 2H) and (32, 2F), F = H + 1. The
    cosine of the last frequency is 0 at every texel, and so is the sine of the first."""
    count, _, height = of_frequency.shape
    cosines, sines = slice(0, count - 1), slice(count + 1, 2 * count)
    waves = torch.stack([map_waves[cosines, :height], map_waves[sines, :height]])
    turned = torch.stack([turned_waves[:16, cosines], turned_waves[:16, sines]])
    upper = of_frequency.unflatten(1, (4, 16))[:, :, :8]  # (F, 4, 8, H)
    parts = []
    for sign in (1.0, -1.0):
        part = 0.5 * (upper + sign * upper.flip(-1))[..., : height // 2].flatten(1, 2)  # (F, 32, H/2)
        parts += [part[:-1], part[1:]]
    return packed(
        Tables, waves=_by_eights(waves), rows=_by_eights(torch.stack(parts)), turned_waves=_by_eights(turned)
    )


def _by_eights(matrices: Tensor) -> Tensor:
    """(..., R, C) as (..., R / 8, C, 8)."""
    return matrices.unflatten(-2, (-1, ROWS)).transpose(-1, -2).float().contiguous().flatten()


def filtered_by_rows(environment: Tensor, tables: Packed) -> tuple[Tensor, Tensor]:
    """Irradiance (S, 16, 32, 3) and gloss levels (S, 3, 16, 32, 3) of maps (S, H, 2H, 3), each with a number
    behind its end that may be read."""
    samples, height = environment.shape[:2]
    room = torch.empty(4 * height * (height + 32), LANES)
    irradiance = torch.empty(samples * 1536 + 1)[:-1].view(samples, 16, 32, 3)
    glossy = torch.empty(3 * samples * 1536 + 1)[:-1].view(samples, 3, 16, 32, 3)
    inputs = [height, samples, floats(environment), tables, room, irradiance, glossy]
    launch(filter_maps, -(-3 * samples // LANES), inputs, environment.device)
    return irradiance, glossy
