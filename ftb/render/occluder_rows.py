"""Painting occluders sixteen pixels at a time, where they are: for the CPU.

In C++, for whole vectors of pixels. `painted` of `ftb.render.occluder` is the readable
twin, and what a GPU computes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.kernels.start import FORWARD, wp
from ftb.kernels.starting import launch
from ftb.maths import brdf, sh
from ftb.render.light_functions import quotient
from ftb.scene.capture import Capture
from ftb.types import Lighting

wp.set_module_options(FORWARD)

BULGE = 0.4  # slope towards the rim: between a card and a ball

# A superellipse |u|ᵖ + |v|ᵖ ≤ 1 lies between the diamond and the square, and on the inner or outer side of
# the circle as p is below or above 2: powers are asked only of the pixels in between.
_PAINTED = """
typedef float lanes __attribute__((ext_vector_type(16), aligned(4), may_alias));
typedef int whole __attribute__((ext_vector_type(16), aligned(4), may_alias));
const float* p = shapes.data + 7 * occluder;
const float half_x = p[3], half_y = p[4], power = p[6];
const float cosine = turns.data[2 * occluder], sine = turns.data[2 * occluder + 1];
const float* light = lights.data + occluder * 9 * 3;
const float* key = keys.data + occluder * slots * 6;
const float up = 1.0f - (row + 0.5f) * (2.0f / size) - p[2];
const long long plane = (long long)size * size;
float* picture = radiance.data + pictures.data[occluder] * 3 * plane + row * size;
unsigned char* there = hidden.data + occluder * plane + row * size;
for (int column = 0; column < size; column += 16) {
    lanes across;
    for (int n = 0; n < 16; ++n)
        across[n] = (column + n + 0.5f) * (2.0f / size) - 1.0f - p[1];
    const lanes u = (cosine * across + sine * up) / half_x, v = (cosine * up - sine * across) / half_y;
    const lanes a = __builtin_elementwise_abs(u), b = __builtin_elementwise_abs(v);
    const lanes circle = a * a + b * b;
    const whole beyond = (a > 1.0f) | (b > 1.0f) | (power <= 2.0f ? circle > 1.0001f : whole(0));
    if (__builtin_reduce_and(beyond))
        continue;
    whole covered = (a + b <= 0.9999f) | (power >= 2.0f ? circle <= 0.9999f : whole(0));
    const whole asked = ~(beyond | covered);
    if (__builtin_reduce_or(asked))
        for (int n = 0; n < 16; ++n)
            if (asked[n])
                covered[n] = wp::pow(a[n], power) + wp::pow(b[n], power) <= 1.0f ? -1 : 0;
    lanes x = bulge * (cosine * u - sine * v), y = bulge * (sine * u + cosine * v);
    const lanes z = 1.0f / __builtin_elementwise_sqrt(x * x + y * y + 1.0f);
    x *= z;
    y *= z;
    for (int c = 0; c < 3; ++c) {
        lanes sum = light[c] * 0.28209479f;
        sum += (light[3 + c] * y + light[6 + c] * z + light[9 + c] * x) * 0.48860251f;
        sum += (light[12 + c] * x * y + light[15 + c] * y * z + light[21 + c] * x * z) * 1.09254843f;
        sum += light[18 + c] * 0.31539157f * (3.0f * z * z - 1.0f);
        sum += light[24 + c] * 0.54627422f * (x * x - y * y);
        for (int n = 0; n < slots; ++n) {
            const float* lamp = key + 6 * n;
            const lanes facing = x * lamp[0] + y * lamp[1] + z * lamp[2];
            sum += __builtin_elementwise_max(facing, lanes(0.0f)) * lamp[3 + c];
        }
        sum = __builtin_elementwise_max(sum, lanes(0.0f)) * albedo.data[3 * occluder + c];
        for (int n = 0; n < 16; ++n)
            if (covered[n] && column + n < size)
                picture[c * plane + column + n] = sum[n];
    }
    for (int n = 0; n < 16 && column + n < size; ++n)
        there[column + n] = covered[n] != 0;
}
"""


@wp.func_native(_PAINTED)
def paint_row(
    occluder: int,
    row: int,
    size: int,
    slots: int,
    bulge: float,
    pictures: wp.array(dtype=int),
    shapes: wp.array(dtype=float),
    turns: wp.array(dtype=float),
    albedo: wp.array(dtype=float),
    lights: wp.array(dtype=float),
    keys: wp.array(dtype=float),
    radiance: wp.array(dtype=float),
    hidden: wp.array(dtype=wp.uint8),
):
    """What an occluder hides of one row of its picture."""
    ...


@wp.kernel
def paint_occluders(
    size: int,
    slots: int,
    bulge: float,
    pictures: wp.array(dtype=int),  # (R,) which of the pictures
    shapes: wp.array(dtype=float),  # (R, 7) as of `Capture.occluder`
    turns: wp.array(dtype=float),  # (R, 2) cosine and sine
    albedo: wp.array(dtype=float),  # (R, 3) over π
    lights: wp.array(dtype=float),  # (R, 9, 3) as of `sh.irradiance_coeffs`
    keys: wp.array(dtype=float),  # (R, N, 6) directions and irradiance
    radiance: wp.array(dtype=float),  # (S, 3, H, W)
    hidden: wp.array(dtype=wp.uint8),  # (R, H, W), 0 so far
):
    n = wp.tid()
    occluder = quotient(n, size)
    paint_row(
        occluder,
        n - occluder * size,
        size,
        slots,
        bulge,
        pictures,
        shapes,
        turns,
        albedo,
        lights,
        keys,
        radiance,
        hidden,
    )


def paint_rows(planes: Tensor, pictures: Tensor, lighting: Lighting, capture: Capture) -> Tensor:
    """As `ftb.render.occluder.painted`, of planes (S, 3, H, W) in one piece."""
    size, count = planes.shape[-1], len(pictures)
    hidden = torch.zeros(count, size, size, dtype=torch.uint8)
    turn = capture.occluder[:, 5]
    keys = torch.cat([lighting.key_dirs, lighting.key_irradiance], dim=-1)  # (R, N, 6)
    inputs = [
        size,
        keys.shape[1],
        BULGE,
        pictures.to(torch.int32),
        capture.occluder.contiguous(),
        torch.stack([turn.cos(), turn.sin()], dim=-1),
        brdf.lambert(capture.occluder_linear).contiguous(),
        sh.irradiance_coeffs(lighting.sh_coeffs[:, :9]).contiguous(),
        keys,
        planes,
        hidden,
    ]
    launch(paint_occluders, count * size, inputs, planes.device)
    return hidden.view(torch.bool)
