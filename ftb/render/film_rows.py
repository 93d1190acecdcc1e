"""Blur and the rounding of JPEG for the CPU, sixteen pixels at a time.

In C++, since neighbours of sixteen pixels begin anywhere in memory, and blocks of 8 × 8 are turned within
registers. `blurred` of `ftb.render.develop_fused` and `quantise_planes` of `ftb.render.jpeg` are the readable
twins, and what a GPU computes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.kernels.start import FORWARD, wp
from ftb.kernels.starting import launch
from ftb.render.develop import BLUR_RADIUS
from ftb.render.jpeg import dct_matrix, quantisation_table
from ftb.render.light_functions import quotient
from ftb.render.row_kernel import WIDTH

wp.set_module_options(FORWARD)

BAND = wp.constant(64)  # rows that a thread blurs; across, it blurs as many and those they reach

_BLURRED = f"""
typedef float lanes __attribute__((ext_vector_type(16), aligned(4), may_alias));
const int reach = {BLUR_RADIUS};
const float* tap = taps.data + sample * (reach + 1);
const float* picture = pictures.data + (long long)plane * size * size;
lanes across[{BAND} + 2 * reach];
const int rows = size - top < {BAND} ? size - top : {BAND};
const bool whole = column >= reach && column + 16 + reach <= size;
float edge[16 + 2 * reach];
for (int k = 0; k < rows + 2 * reach; ++k) {{
    int row = top + k - reach;
    row = row < 0 ? 0 : row < size ? row : size - 1;
    const float* line = picture + row * size;
    const float* from = line + column - reach;
    if (!whole) {{
        for (int away = 0; away < 16 + 2 * reach; ++away) {{
            const int place = column - reach + away;
            edge[away] = line[place < 0 ? 0 : place < size ? place : size - 1];
        }}
        from = edge;
    }}
    lanes sum = *(const lanes*)(from + reach) * tap[0];
    for (int away = 1; away <= reach; ++away)
        sum += (*(const lanes*)(from + reach - away) + *(const lanes*)(from + reach + away)) * tap[away];
    across[k] = sum;
}}
float* to = result.data + (long long)plane * size * size + top * size + column;
for (int k = 0; k < rows; ++k) {{
    lanes sum = across[k + reach] * tap[0];
    for (int away = 1; away <= reach; ++away)
        sum += (across[k + reach - away] + across[k + reach + away]) * tap[away];
    *(lanes*)(to + k * size) = sum;
}}
"""

_DCT = ", ".join(f"{number:.9g}f" for number in dct_matrix("cpu", torch.float64, 1).flatten().tolist())
_ROUNDED = f"""
typedef float lanes __attribute__((ext_vector_type(16), aligned(4), may_alias));
typedef float eight __attribute__((ext_vector_type(8), aligned(4), may_alias));
const float dct[64] = {{{_DCT}}};
lanes rows[8], turned[8];
for (int k = 0; k < 8; ++k) {{
    const eight a = *(const eight*)(planes.data + first + k * width);
    const eight b = *(const eight*)(planes.data + second + k * width);
    rows[k] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}}
const auto forwards = [&]() {{
    for (int k = 0; k < 8; ++k) {{
        turned[k] = rows[0] * dct[8 * k];
        for (int from = 1; from < 8; ++from)
            turned[k] += rows[from] * dct[8 * k + from];
    }}
}};
const auto backwards = [&]() {{
    for (int k = 0; k < 8; ++k) {{
        turned[k] = rows[0] * dct[k];
        for (int from = 1; from < 8; ++from)
            turned[k] += rows[from] * dct[8 * from + k];
    }}
}};
// Three perfect shuffles turn the two blocks, each in its half of the lanes.
const auto transpose = [&]() {{
    for (int turn = 0; turn < 3; ++turn) {{
        lanes mixed[8];
        for (int k = 0; k < 4; ++k) {{
            const lanes a = turned[k], b = turned[k + 4];
            mixed[2 * k] =
                __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 8, 24, 9, 25, 10, 26, 11, 27);
            mixed[2 * k + 1] =
                __builtin_shufflevector(a, b, 4, 20, 5, 21, 6, 22, 7, 23, 12, 28, 13, 29, 14, 30, 15, 31);
        }}
        for (int k = 0; k < 8; ++k)
            turned[k] = mixed[k];
    }}
    for (int k = 0; k < 8; ++k)
        rows[k] = turned[k];
}};
forwards();
transpose();
forwards();
const lanes* step = (const lanes*)(steps.data + plane * 128);
for (int k = 0; k < 8; ++k)
    rows[k] = __builtin_elementwise_rint(turned[k] / step[k]) * step[k];
backwards();
transpose();
backwards();
for (int k = 0; k < 8; ++k) {{
    *(eight*)(planes.data + first + k * width) = turned[k].lo;
    *(eight*)(planes.data + second + k * width) = turned[k].hi;
}}
"""


@wp.func_native(_BLURRED)
def blur_band(
    pictures: wp.array(dtype=float),
    taps: wp.array(dtype=float),
    size: int,
    sample: int,
    plane: int,
    top: int,
    column: int,
    result: wp.array(dtype=float),
):
    """Sixteen columns of up to BAND rows of a plane."""
    ...


@wp.func_native(_ROUNDED)
def round_blocks(
    planes: wp.array(dtype=float),
    steps: wp.array(dtype=float),
    width: int,
    plane: int,
    first: int,
    second: int,
):
    """Two blocks of a plane, in place, which begin at numbers `first` and `second`; they may be one."""
    ...


@wp.kernel
def blur_bands(
    size: int,
    taps: wp.array(dtype=float),  # (S, 5)
    pictures: wp.array(dtype=float),  # (S, 3, H, W)
    result: wp.array(dtype=float),
):
    n = wp.tid()
    columns = quotient(size, WIDTH)
    bands = quotient(size + BAND - 1, BAND)
    strip = quotient(n, columns)
    plane = quotient(strip, bands)
    top = (strip - plane * bands) * BAND
    blur_band(pictures, taps, size, quotient(plane, 3), plane, top, (n - strip * columns) * WIDTH, result)


@wp.func
def begin_of(block: int, height: int, width: int, plane: int):
    across = quotient(width, 8)
    line = quotient(block, across)
    return (plane * height + line * 8) * width + (block - line * across) * 8


@wp.kernel
def quantise(
    height: int,
    width: int,
    quality: wp.array(dtype=float),  # (P,)
    steps: wp.array(dtype=float),  # (P, 8, 16): tables turned, twice side by side
    planes: wp.array(dtype=float),  # (P, H, W)
):
    """Two blocks a thread."""
    n = wp.tid()
    blocks = quotient(height * width, 64)
    pairs = quotient(blocks + 1, 2)
    plane = quotient(n, pairs)
    block = 2 * (n - plane * pairs)
    if quality[plane] < 100.0:
        first = begin_of(block, height, width, plane)
        second = begin_of(wp.min(block + 1, blocks - 1), height, width, plane)
        round_blocks(planes, steps, width, plane, first, second)


def blur_rows(pictures: Tensor, taps: Tensor) -> Tensor:
    """As `blurred`, of pictures (S, 3, H, H) in one piece, H a multiple of 16."""
    samples, _, size, _ = pictures.shape
    result = torch.empty_like(pictures)
    bands = -(-size // int(BAND))
    threads = samples * 3 * bands * (size // 16)
    launch(blur_bands, threads, [size, taps.contiguous(), pictures, result], pictures.device)
    return result


def quantise_rows(planes: Tensor, table: str, quality: Tensor) -> None:
    """As `quantise_planes`, in place; planes of quality 100 stay as they are."""
    count, height, width = planes.shape
    steps = quantisation_table(table, quality).to(planes.dtype).view(count, 8, 8)
    steps = steps.transpose(1, 2).repeat(1, 1, 2).contiguous()
    inputs = [height, width, quality.contiguous(), steps, planes]
    launch(quantise, count * ((height * width // 64 + 1) // 2), inputs, planes.device)
