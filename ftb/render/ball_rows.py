"""Rough balls for the CPU, without gradients: their key lights sixteen pixels at a time.

In C++, for whole vectors of pixels. `ftb.render.ball_keys` is the readable and differentiable twin, and
what a GPU computes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ftb.kernels.start import FORWARD, wp
from ftb.kernels.starting import launch
from ftb.maths import brdf
from ftb.render import ball_keys
from ftb.render.ball import by_matrix, render_ball_of
from ftb.render.ball_product import reflected_environment
from ftb.render.ball_transport import constant, disc_samples, samples_along
from ftb.render.light_functions import quotient
from ftb.scene.materials import BallMaterial, ball_material
from ftb.types import Lighting

wp.set_module_options(FORWARD)

# The arc cosine is within 2e-8 (Abramowitz and Stegun 1964, 4.4.46), the arc tangent within 3e-8 of itself
# (4.4.49): it is divided by the square of a small sine.
_KEYED = """
typedef float lanes __attribute__((ext_vector_type(16), aligned(4), may_alias));
typedef int whole __attribute__((ext_vector_type(16), aligned(4), may_alias));
const lanes zero = 0.0f, one = 1.0f;
const auto root = [](lanes x) -> lanes { return __builtin_elementwise_sqrt(x); };
const auto least = [](lanes x, lanes y) -> lanes { return __builtin_elementwise_max(x, y); };
const auto arc_cosine = [&](lanes cosine) -> lanes {
    const lanes c = __builtin_elementwise_min(__builtin_elementwise_abs(cosine), one);
    lanes angle = -0.0012624911f * c + 0.0066700901f;
    angle = ((angle * c - 0.0170881256f) * c + 0.0308918810f) * c - 0.0501743046f;
    angle = ((angle * c + 0.0889789874f) * c - 0.2145988016f) * c + 1.5707963050f;
    angle *= root(one - c);
    return cosine < 0.0f ? 3.14159265f - angle : angle;
};
const auto arc_tangent = [&](lanes tangent) -> lanes {
    const whole steep = tangent > 1.0f;
    const lanes t = steep ? 1.0f / tangent : tangent, s = t * t;
    lanes series = ((0.0028662257f * s - 0.0161657367f) * s + 0.0429096138f) * s - 0.0752896400f;
    series = ((series * s + 0.1065626393f) * s - 0.1420889944f) * s + 0.1999355085f;
    const lanes angle = t * ((series * s - 0.3333314528f) * s + 1.0f);
    return steep ? 1.57079633f - angle : angle;
};
const int pixels = size * size;
const float* surface = surfaces.data + pixel;
lanes red = zero, green = zero, blue = zero;
for (int point = 0; point < points; ++point, surface += 5 * padded) {
    const lanes x = *(const lanes*)surface, y = *(const lanes*)(surface + padded);
    const lanes z = *(const lanes*)(surface + 2 * padded), masking = *(const lanes*)(surface + 3 * padded);
    const lanes share = *(const lanes*)(surface + 4 * padded);
    for (int slot = 0; slot < slots; ++slot) {
        const float* key = keys.data + (sample * slots + slot) * 10;
        if (key[3] == 0.0f && key[4] == 0.0f && key[5] == 0.0f)
            continue;
        const float sine = key[6], cotangent = key[7], diffuse = key[8], square = key[9];
        const lanes cosine = x * key[0] + y * key[1] + z * key[2];
        lanes received = least(cosine, zero);
        const whole cut = __builtin_elementwise_abs(cosine) < sine;
        if (__builtin_reduce_or(cut)) {
            const lanes c = cut ? cosine : zero, across = root(one - c * c);
            const lanes far = __builtin_elementwise_min(least(-cotangent * c / across, -one), one);
            const lanes chord = across * root(one - far * far);
            const lanes partial = c * arc_cosine(far) - cotangent * chord
                + arc_tangent(chord / cotangent) / (sine * sine);
            received = cut ? least(partial, zero) * 0.318309886f : received;
        }
        if (!__builtin_reduce_or(received > 0.0f))
            continue;
        lanes density = zero;
        const float* disc = discs.data + (sample * slots + slot) * count * 4;
        for (int n = 0; n < count; ++n, disc += 4) {
            const lanes n_dot_h = x * disc[0] + y * disc[1] + z * disc[2];
            const lanes spread = n_dot_h * n_dot_h * (square - 1.0f) + 1.0f;
            density += n_dot_h > 0.0f ? disc[3] / (spread * spread) : zero;
        }
        const float rough = alpha * alpha;
        const lanes slope = root(rough + (1.0f - rough) * received * received);
        const lanes lit = received > 0.0f ? 2.0f * received / (received + slope) : zero;
        const lanes response = (diffuse * received + density * masking * lit) * share;
        red += response * key[3];
        green += response * key[4];
        blue += response * key[5];
    }
}
float* to = square_pixels.data + ((long long)sample * pixels + pixel) * 3;
for (int n = 0; n < 16 && pixel + n < pixels; ++n) {
    to[3 * n] = wp::max(to[3 * n] + red[n], 0.0f);
    to[3 * n + 1] = wp::max(to[3 * n + 1] + green[n], 0.0f);
    to[3 * n + 2] = wp::max(to[3 * n + 2] + blue[n], 0.0f);
}
"""

Numbers = wp.array(dtype=float)


@wp.func_native(_KEYED)
def add_keys(
    sample: int,
    pixel: int,
    size: int,
    padded: int,
    points: int,
    slots: int,
    count: int,
    alpha: float,
    surfaces: Numbers,
    keys: Numbers,
    discs: Numbers,
    square_pixels: Numbers,
):
    """Sixteen pixels from number `pixel` on."""
    ...


@wp.kernel
def add_key_lights(
    size: int,
    padded: int,
    points: int,
    slots: int,
    count: int,
    alpha: float,
    surfaces: Numbers,  # (n², 5, padded) normals, masking / (4 n·v) and share
    keys: Numbers,  # (S, N, 10) as of `_key_table`
    discs: Numbers,  # (S, N, D, 4)
    square_pixels: Numbers,  # (S, size · size, 3)
):
    n = wp.tid()
    vectors = quotient(padded, 16)
    sample = quotient(n, vectors)
    pixel = (n - sample * vectors) * 16
    add_keys(sample, pixel, size, padded, points, slots, count, alpha, surfaces, keys, discs, square_pixels)


@constant
def _surfaces(material: BallMaterial, size: int) -> Tensor:
    """(n², 5, padded): of each sample of each pixel of the square."""
    count = samples_along(material, size)
    samples = disc_samples(size, count, torch.device("cpu"), torch.float32)
    n_dot_v = samples.normals[..., 2].clamp_min(ball_keys.EPS)
    masking = brdf.smith_g1(n_dot_v, material.alpha) / (4.0 * n_dot_v)
    values = torch.cat([samples.normals, masking[..., None], samples.share[..., None]], dim=-1)  # (P, n², 5)
    planes = torch.zeros(count * count, 5, -(-size * size // 16) * 16)
    planes[:, :, samples.numbers] = values.permute(1, 2, 0)
    return planes


@dataclass(frozen=True, kw_only=True)
class _Keys:
    """What the kernel reads of key lights: table (B, N, 10) directions, irradiance, sine and cotangent of the
    radius, weight of the diffuse part, squared roughness; discs (B, N, D, 4) half vectors and peaks."""

    table: Tensor
    discs: Tensor


def _key_table(lighting: Lighting, material: BallMaterial) -> _Keys:
    dirs, radius = lighting.key_dirs, lighting.key_angular_radius[..., None]  # (B, N, 1)
    sine = torch.sin(radius).clamp_min(ball_keys.EPS)
    diffuse, square = torch.full_like(sine, material.albedo / brdf.PI), torch.ones_like(sine)
    discs = dirs.new_zeros(*dirs.shape[:-1], 0, 4)
    if material.f0 is not None:
        reflected = brdf.fresnel_schlick(ball_keys.half_cosine(dirs), material.f0)[..., None]
        diffuse = (1.0 - reflected) * diffuse
        small, width, half = ball_keys.highlight_discs(lighting, material)
        square = ball_keys.widened_alpha(material.alpha, width)[..., None].square()
        fresnel = brdf.fresnel_schlick(half, material.f0) / half.shape[-1]  # (B, N, D)
        discs = torch.cat([small, (fresnel * square / math.pi)[..., None]], dim=-1)
    cotangent = torch.sqrt(1.0 / (sine * sine) - 1.0)
    table = torch.cat([dirs, lighting.key_irradiance, sine, cotangent, diffuse, square], dim=-1)
    return _Keys(table=table.contiguous(), discs=discs.contiguous())


def render_balls(lighting: Lighting, material: str, size: int, *, apart: bool = False) -> Tensor:
    """As `render_ball`, for many lights and without gradients: by kernels where they know the ball.

    apart: on a CPU to the bits of each light (S,) alone, which kernels give, and a library's products do not.
    Not in one place with `render_ball`, so that who shows one ball, beside a photograph's estimate say, need
    not load them.
    """
    known = ball_material(material)
    if not _by_rows(lighting, known, size):
        if apart and lighting.key_dirs.is_cpu:
            alone = [lighting[number : number + 1] for number in range(len(lighting.key_dirs))]
            return torch.cat([render_ball_of(light, known, size) for light in alone])
        return render_ball_of(lighting, known, size)
    lead = lighting.key_dirs.shape[:-2]
    flat = lighting.map(lambda values: values.flatten(0, len(lead) - 1) if lead else values[None])
    return rough_ball(flat, known, size).reshape(*lead, size, size, 3)


def _by_rows(lighting: Lighting, material: BallMaterial, size: int) -> bool:
    """Whether `rough_ball` knows this ball: without gradients, of small maps, on the CPU."""
    tensors = [lighting.environment, lighting.key_dirs, lighting.key_irradiance, lighting.key_angular_radius]
    environment = lighting.environment
    if environment is None or material.alpha == 0.0 or lighting.key_dirs.shape[-2] == 0:
        return False
    plain = all(value.device.type == "cpu" and value.dtype == torch.float32 for value in tensors)
    learned = torch.is_grad_enabled() and any(value.requires_grad for value in tensors)
    lead, height = lighting.key_dirs.shape[:-2], environment.shape[-3]
    whole = environment.shape == (*lead, height, 2 * height, 3) and height % 2 == 0
    return plain and not learned and whole and by_matrix(material, size, height)


def rough_ball(lighting: Lighting, material: BallMaterial, size: int) -> Tensor:
    """As `render_ball_of`, for B lights with environments (B, H, 2H, 3), float32 on the CPU, H even."""
    samples, slots = lighting.key_dirs.shape[:2]
    square = reflected_environment(material, size, lighting.environment)
    surfaces, keys = _surfaces(material, size), _key_table(lighting, material)
    points, _, padded = surfaces.shape
    shape = [size, padded, points, slots, keys.discs.shape[2], material.alpha]
    inputs = [*shape, surfaces, keys.table, keys.discs, square]
    launch(add_key_lights, samples * (padded // 16), inputs, square.device)
    return square
