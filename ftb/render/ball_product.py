"""What balls reflect of their environments, by the folded constant matrix: for the CPU, without gradients.

In C++: a product with so few columns is a quarter faster than a library's, and a light's bits do not depend
on how many others are multiplied with it. `ftb.render.ball_folded` is the readable twin, and what a GPU
computes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.kernels.start import FORWARD, wp
from ftb.kernels.starting import launch
from ftb.render.ball_folded import folded_matrix, placed_numbers
from ftb.render.ball_transport import constant
from ftb.render.light_functions import quotient
from ftb.scene.materials import BallMaterial

wp.set_module_options(FORWARD)

ROWS = 8  # of the matrix at once, times three vectors of columns: as many sums as there are registers

# A map's parts that are even or odd in x and in y, a quarter of their texels: the columns of the product.
_FOLDED = """
const int width = 2 * height, texel = row * height + column;
const long long part = (long long)(height / 2) * height * padded;
float* to = columns.data + (long long)texel * padded;
for (int n = 0; n < samples; ++n) {
    const float* map = maps.data + (long long)n * height * width * 3;
    const float* upper = map + (row * width + column) * 3;
    const float* upper_right = map + (row * width + width - 1 - column) * 3;
    const float* lower = map + ((height - 1 - row) * width + column) * 3;
    const float* lower_right = map + ((height - 1 - row) * width + width - 1 - column) * 3;
    for (int c = 0; c < 3; ++c) {
        const float above = upper[c] + upper_right[c], below = lower[c] + lower_right[c];
        const float above_odd = upper[c] - upper_right[c], below_odd = lower[c] - lower_right[c];
        to[3 * n + c] = 0.25f * (above + below);
        to[part + 3 * n + c] = 0.25f * (above_odd + below_odd);
        to[2 * part + 3 * n + c] = 0.25f * (above - below);
        to[3 * part + 3 * n + c] = 0.25f * (above_odd - below_odd);
    }
}
"""

_MULTIPLIED = f"""
#define EACH _Pragma("clang loop unroll(full)")
typedef float lanes __attribute__((ext_vector_type(16), aligned(4), may_alias));
const float* rows = matrix.data + ((long long)part * blocks + block) * texels * {ROWS};
const float* from = columns.data + (long long)part * texels * padded;
float* to = product.data + ((long long)part * blocks + block) * {ROWS} * padded;
const auto multiply = [&](int first, auto vectors) {{
    constexpr int count = sizeof(vectors);
    lanes sums[{ROWS}][count];
    EACH for (int k = 0; k < {ROWS}; ++k)
        EACH for (int n = 0; n < count; ++n)
            sums[k][n] = 0.0f;
    for (int texel = 0; texel < texels; ++texel) {{
        const float *row = rows + texel * {ROWS}, *column = from + (long long)texel * padded + first;
        __builtin_prefetch(row + 64 * {ROWS});
        lanes vector[count];
        EACH for (int n = 0; n < count; ++n)
            vector[n] = *(const lanes*)(column + 16 * n);
        EACH for (int k = 0; k < {ROWS}; ++k) {{
            const float factor = row[k];
            EACH for (int n = 0; n < count; ++n)
                sums[k][n] += factor * vector[n];
        }}
    }}
    EACH for (int k = 0; k < {ROWS}; ++k)
        EACH for (int n = 0; n < count; ++n)
            *(lanes*)(to + k * padded + first + 16 * n) = sums[k][n];
}};
struct one {{ char size[1]; }};
struct two {{ char size[2]; }};
struct three {{ char size[3]; }};
int first = 0;
for (; first + 48 <= padded; first += 48)
    multiply(first, three());
if (padded - first == 32)
    multiply(first, two());
if (padded - first == 16)
    multiply(first, one());
"""

# Four corners of the ball from the parts; pixels on an axis belong to several, and take the first.
_UNFOLDED = """
const long long part = (long long)rows * padded;
const float* from = product.data + (long long)pixel * padded;
for (int corner = 3; corner >= 0; --corner) {
    const int number = numbers.data[corner * quarter + pixel];
    const float across = corner & 1 ? -1.0f : 1.0f, upward = corner & 2 ? -1.0f : 1.0f;
    for (int n = 0; n < samples; ++n) {
        float* to = square.data + ((long long)n * pixels + number) * 3;
        for (int c = 3 * n; c < 3 * n + 3; ++c)
            to[c - 3 * n] = from[c] + across * from[part + c] + upward * from[2 * part + c]
                + across * upward * from[3 * part + c];
    }
}
"""

Numbers = wp.array(dtype=float)


@wp.func_native(_FOLDED)
def fold_texel(
    row: int, column: int, height: int, samples: int, padded: int, maps: Numbers, columns: Numbers
):
    """One texel of the upper left quarter and its mirror images."""
    ...


@wp.func_native(_MULTIPLIED)
def multiply_block(
    part: int,
    block: int,
    blocks: int,
    texels: int,
    padded: int,
    matrix: Numbers,
    columns: Numbers,
    product: Numbers,
):
    """Some rows of a part's matrix times its columns."""
    ...


@wp.func_native(_UNFOLDED)
def unfold_pixel(
    pixel: int,
    quarter: int,
    rows: int,
    samples: int,
    padded: int,
    pixels: int,
    numbers: wp.array(dtype=int),
    product: Numbers,
    square: Numbers,
):
    """One pixel of the upper right quarter and its mirror images."""
    ...


@wp.kernel
def fold(
    height: int,
    samples: int,
    padded: int,
    maps: Numbers,  # (S, H, 2H, 3)
    columns: Numbers,  # (4, J/4, padded)
):
    n = wp.tid()
    row = quotient(n, height)
    fold_texel(row, n - row * height, height, samples, padded, maps, columns)


@wp.kernel
def multiply(
    blocks: int,
    texels: int,
    padded: int,
    matrix: Numbers,  # (4, P/4 in blocks, J/4, ROWS)
    columns: Numbers,  # (4, J/4, padded)
    product: Numbers,  # (4, P/4 in whole blocks, padded)
):
    n = wp.tid()
    part = quotient(n, blocks)
    multiply_block(part, n - part * blocks, blocks, texels, padded, matrix, columns, product)


@wp.kernel
def unfold(
    quarter: int,
    rows: int,
    samples: int,
    padded: int,
    pixels: int,
    numbers: wp.array(dtype=int),  # (4, P/4) where pixels of each corner lie in the square
    product: Numbers,
    square: Numbers,  # (S, size · size, 3)
):
    unfold_pixel(wp.tid(), quarter, rows, samples, padded, pixels, numbers, product, square)


@constant
def _blocks(material: BallMaterial, size: int, height: int) -> Tensor:
    """(4, P/4 in blocks, J/4, ROWS): `folded_matrix` as it is read; rows that are missing are 0."""
    matrix = folded_matrix(material, size, height, torch.device("cpu"), torch.float32)
    matrix = torch.nn.functional.pad(matrix, (0, 0, 0, -matrix.shape[1] % ROWS))
    return matrix.unflatten(1, (-1, ROWS)).transpose(2, 3).contiguous()


def reflected_environment(material: BallMaterial, size: int, maps: Tensor) -> Tensor:
    """Radiance (S, size, size, 3) that a rough ball reflects of maps (S, H, 2H, 3), H even; 0 outside."""
    samples, height = maps.shape[:2]
    matrix, numbers = _blocks(material, size, height), placed_numbers(size)
    _, blocks, texels, _ = matrix.shape
    padded = -(-3 * samples // 16) * 16
    columns = torch.zeros(4, texels, padded)
    launch(fold, texels, [height, samples, padded, maps.contiguous(), columns], maps.device)
    product = torch.empty(4, blocks * ROWS, padded)
    launch(multiply, 4 * blocks, [blocks, texels, padded, matrix, columns, product], maps.device)
    square, quarter = torch.zeros(samples, size, size, 3), numbers.shape[1]
    inputs = [quarter, blocks * ROWS, samples, padded, size * size, numbers, product, square]
    launch(unfold, quarter, inputs, maps.device)
    return square
