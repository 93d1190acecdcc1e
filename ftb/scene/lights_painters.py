"""What `ftb.scene.lights_kernel` does with the 2048 texels of an environment, sixteen at a time.

In C++: each painter or sum costs less than to start one operation of torch's on such a map. The layers of
`ftb.scene.lights_paint` are the readable twins of the painters, `facing_irradiance` and
`sh.project_environment` those of the sums.
"""

from __future__ import annotations

from ftb.kernels.start import FORWARD, wp
from ftb.scene.lights_paint import EDGE, ENVIRONMENT_HEIGHT, PROBES

wp.set_module_options(FORWARD)

TEXELS = wp.constant(2 * ENVIRONMENT_HEIGHT**2)
PROBE_COUNT = wp.constant(PROBES)
COEFFICIENTS = wp.constant(25)  # of order 4
# Where in the kernel's own memory the planes (3, 2048) of a whole light and of one of its parts begin, a
# plane of luminance or coverage, and what the probes of either receive.
WHOLE, PART, PLANE = wp.constant(0), wp.constant(3 * TEXELS), wp.constant(6 * TEXELS)
WHOLE_LEVELS, PART_LEVELS = wp.constant(7 * TEXELS), wp.constant(7 * TEXELS + PROBES)
MEMORY = 7 * TEXELS + 2 * PROBES

# Of the grid (4, 2048): directions, solid angles. `covered` is `cap_coverage`, whose arc cosine is within
# 2e-8 (Abramowitz and Stegun 1964, 4.4.46).
_GRID = f"""
typedef float lanes __attribute__((ext_vector_type(16), aligned(4), may_alias));
const int texels = {TEXELS};
const lanes zero = 0.0f, one = 1.0f;
const auto at = [](const float* plane, int texel) -> lanes& {{ return *(lanes*)(plane + texel); }};
const auto along = [&](int texel, const float* direction) -> lanes {{
    return at(grid.data, texel) * direction[0] + at(grid.data + texels, texel) * direction[1]
        + at(grid.data + 2 * texels, texel) * direction[2];
}};
const auto sum = [](lanes values) {{
    float total = 0.0f;
    for (int lane = 0; lane < 16; ++lane)
        total += values[lane];
    return total;
}};
const auto inside = [&](lanes share) -> lanes {{
    return __builtin_elementwise_min(__builtin_elementwise_max(share + 0.5f, zero), one);
}};
const auto covered = [&](lanes cosines, float radius, float edge) -> lanes {{
    const lanes c = __builtin_elementwise_min(__builtin_elementwise_abs(cosines), one);
    lanes angle = -0.0012624911f * c + 0.0066700901f;
    angle = angle * c - 0.0170881256f;
    angle = angle * c + 0.0308918810f;
    angle = angle * c - 0.0501743046f;
    angle = angle * c + 0.0889789874f;
    angle = angle * c - 0.2145988016f;
    angle = (angle * c + 1.5707963050f) * __builtin_elementwise_sqrt(one - c);
    angle = cosines < 0.0f ? 3.14159265f - angle : angle;
    return inside((radius - angle) / edge);
}};
"""

_GRADIENT = f"""{_GRID}
const float *below = layers.data + first + 1, *level = below + 3, *above = level + 3, *up = above + 3;
const float *patch = up + 3, radius = patch[3], amount = patch[4];
float* to = memory.data + {PART};
for (int texel = 0; texel < texels; texel += 16) {{
    const lanes height = along(texel, up);
    const lanes rise = __builtin_elementwise_max(height, zero), fall = rise - height;
    lanes gain = one;
    if (amount != 0.0f)
        gain += amount * covered(along(texel, patch), radius, patch[5]);
    for (int c = 0; c < 3; ++c)
        at(to + c * texels, texel) +=
            gain * (level[c] + rise * (above[c] - level[c]) + fall * (below[c] - level[c]));
}}
"""

# Radiance in proportion to the coverage in PLANE, that puts `irradiance` facing `direction`.
_SPREAD = """
float* to = memory.data + begin;
const float scale = 1.0f / wp::max(sum(received), 1e-6f);
for (int texel = 0; texel < texels; texel += 16) {
    const lanes share = at(cover, texel) * scale * (1.0f + rise * at(grid.data + texels, texel));
    for (int c = 0; c < 3; ++c)
        at(to + c * texels, texel) += share * irradiance[c];
}
"""

_CAP = f"""{_GRID}
const float *direction = numbers.data + first, *irradiance = direction + 3;
const float radius = wp::max(irradiance[3], {EDGE:.9g}f), rise = 0.0f;
float* cover = memory.data + {PLANE};
lanes received = zero;
for (int texel = 0; texel < texels; texel += 16) {{
    const lanes cosines = along(texel, direction);
    at(cover, texel) = covered(cosines, radius, {EDGE:.9g}f);
    received += at(cover, texel) * __builtin_elementwise_max(cosines, zero)
        * at(grid.data + 3 * texels, texel);
}}
{_SPREAD}"""

_PANEL = f"""{_GRID}
const float *direction = layers.data + first + 1, *irradiance = direction + 3;
const float *right = irradiance + 3, *across = right + 3;
const float half_width = across[3], half_height = across[4], rise = across[5];
const int begin = {PART};
float* cover = memory.data + {PLANE};
lanes received = zero;
for (int texel = 0; texel < texels; texel += 16) {{
    const lanes depth = along(texel, direction);
    const lanes scale = one / __builtin_elementwise_max(depth, lanes(0.05f));
    const lanes horizontal = __builtin_elementwise_abs(along(texel, right)) * scale;
    const lanes vertical = __builtin_elementwise_abs(along(texel, across)) * scale;
    const lanes within = inside((half_width - horizontal) / {EDGE:.9g}f)
        * inside((half_height - vertical) / {EDGE:.9g}f);
    at(cover, texel) = depth > 0.05f ? within : zero;
    received += at(cover, texel) * __builtin_elementwise_max(depth, zero)
        * at(grid.data + 3 * texels, texel);
}}
{_SPREAD}"""

_LEVELS = f"""{_GRID}
float *planes = memory.data + {PART}, *luminance = memory.data + {PLANE};
for (int texel = 0; texel < texels; texel += 16)
    at(luminance, texel) = 0.2126f * at(planes, texel) + 0.7152f * at(planes + texels, texel)
        + 0.0722f * at(planes + 2 * texels, texel);
float* levels = memory.data + {PART_LEVELS};
for (int probe = 0; probe < {PROBES}; ++probe) {{
    const float* row = weights.data + probe * texels;
    lanes parts[4] = {{zero, zero, zero, zero}};
    for (int texel = 0; texel < texels; texel += 64)
        for (int part = 0; part < 4; ++part)
            parts[part] += at(row, texel + 16 * part) * at(luminance, texel + 16 * part);
    levels[probe] = sum((parts[0] + parts[1]) + (parts[2] + parts[3]));
}}
"""

_PROJECTED = f"""{_GRID}
const float* planes = memory.data + {WHOLE};
for (int k = 0; k < {COEFFICIENTS}; ++k) {{
    lanes sums[3] = {{zero, zero, zero}};
    for (int texel = 0; texel < texels; texel += 16)
        for (int c = 0; c < 3; ++c)
            sums[c] += at(harmonics.data + k * texels, texel) * at(planes + c * texels, texel);
    for (int c = 0; c < 3; ++c)
        sh_coeffs.data[(sample * {COEFFICIENTS} + k) * 3 + c] = sum(sums[c]);
}}
float* to = environment.data + (long long)sample * texels * 3;
for (int texel = 0; texel < texels; ++texel)
    for (int c = 0; c < 3; ++c)
        to[3 * texel + c] = planes[c * texels + texel];
"""

_PICTURE = f"""
typedef float lanes __attribute__((ext_vector_type(16), aligned(4), may_alias));
const float* from = pictures.data + (long long)number * {3 * TEXELS};
float* to = memory.data + {PART};
for (int n = 0; n < {3 * TEXELS}; n += 16)
    *(lanes*)(to + n) += *(const lanes*)(from + n);
"""

Numbers = wp.array(dtype=float)


@wp.func_native(_GRADIENT)
def paint_gradient(layers: Numbers, first: int, grid: Numbers, memory: Numbers):
    """`Gradient`, added to a part."""
    ...


@wp.func_native(_CAP)
def paint_cap(numbers: Numbers, first: int, grid: Numbers, begin: int, memory: Numbers):
    """`Cap`, whose direction begins at number `first`, added to the planes that begin at `begin`."""
    ...


@wp.func_native(_PANEL)
def paint_panel(layers: Numbers, first: int, grid: Numbers, memory: Numbers):
    """`Panel`, added to a part."""
    ...


@wp.func_native(_PICTURE)
def paint_picture(pictures: Numbers, number: int, memory: Numbers):
    """`Picture`, added to a part."""
    ...


@wp.func_native(_LEVELS)
def receive(weights: Numbers, grid: Numbers, memory: Numbers):
    """Luminance of the irradiance of a part on the probes."""
    ...


@wp.func_native(_PROJECTED)
def project(
    harmonics: Numbers,
    grid: Numbers,
    sample: int,
    memory: Numbers,
    environment: Numbers,
    sh_coeffs: Numbers,
):
    """The whole light, as texels of three colours and as harmonics."""
    ...
