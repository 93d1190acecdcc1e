"""Drawing shadow maps on the CPU: eight texels of a row at a time.

`ftb.render.shadow_kernel.draw_depth`, the readable twin, does the same texel by texel, as a GPU wants it.
"""

from __future__ import annotations

from ftb.kernels.start import FORWARD, wp
from ftb.render.light_functions import quotient
from ftb.render.shadow_kernel import CRACK

wp.set_module_options(FORWARD)

LEAST_SIZE = 8  # of a map, in texels: as many are read and written at once

_FILL = f"""
typedef float lanes __attribute__((ext_vector_type(8), aligned(4), may_alias));
typedef int flags __attribute__((ext_vector_type(8)));
const auto least = [](float p, float q, float r) {{ const float l = p < q ? p : q; return l < r ? l : r; }};
const auto most = [](float p, float q, float r) {{ const float m = p > q ? p : q; return m > r ? m : r; }};
const float last = size - 1, x_least = least(a[0], b[0], c[0]), x_most = most(a[0], b[0], c[0]);
const float y_least = least(a[1], b[1], c[1]), y_most = most(a[1], b[1], c[1]);
if (!(x_least <= size && x_most >= 0.0f && y_least <= size && y_most >= 0.0f))
    return;
const float area = (a[0] - c[0]) * (b[1] - c[1]) - (b[0] - c[0]) * (a[1] - c[1]);
// the texels whose centres lie within
float left = __builtin_ceilf(x_least - 0.5f), right = __builtin_floorf(x_most - 0.5f);
float upper = __builtin_ceilf(y_least - 0.5f), lower = __builtin_floorf(y_most - 0.5f);
left = left > 0.0f ? left : 0.0f;
upper = upper > 0.0f ? upper : 0.0f;
right = right < last ? right : last;
lower = lower < last ? lower : last;
if (left > right || upper > lower || !(__builtin_fabsf(area) > 1.0e-9f))
    return;
// Shares u of a and v of b, and w = 1 - u - v of c, as functions of the texel's place.
const float scale = 1.0f / area;
const float u_x = (b[1] - c[1]) * scale, u_y = (c[0] - b[0]) * scale;
const float v_x = (c[1] - a[1]) * scale, v_y = (a[0] - c[0]) * scale;
const float u_least = -{CRACK}f * __builtin_fabsf(u_x), v_least = -{CRACK}f * __builtin_fabsf(v_x);
const float w_least = -{CRACK}f * __builtin_fabsf(u_x + v_x);
const float a_z = a[2] - c[2], b_z = b[2] - c[2];
const float z_least = least(a[2], b[2], c[2]), z_most = most(a[2], b[2], c[2]);
const lanes steps = {{0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f}};
// what is read and written lies within the row
const int begin = left < size - 8 ? (int)left : size - 8;
for (int row = (int)upper; row <= (int)lower; ++row) {{
    const float down = row + 0.5f - c[1];
    for (int first = begin; first <= (int)right; first += 8) {{
        const int start = first < size - 8 ? first : size - 8;
        const lanes column = steps + (float)start;
        const lanes along = column + (0.5f - c[0]);
        const lanes u = u_x * along + u_y * down, v = v_x * along + v_y * down;
        const flags inside = (u >= u_least) & (v >= v_least) & (1.0f - u - v >= w_least)
            & (column >= left) & (column <= right);
        lanes z = c[2] + u * a_z + v * b_z;
        z = z > z_least ? z : z_least;
        z = z < z_most ? z : z_most;
        lanes* texels = (lanes*)(depth.data + map + row * size + start);
        const lanes old = *texels;
        *texels = (inside & (z < old)) ? z : old;
    }}
}}
"""


@wp.func_native(_FILL)
def fill_rows(depth: wp.array(dtype=float), map: int, size: int, a: wp.vec3, b: wp.vec3, c: wp.vec3):
    """Enter a triangle's depth at the texel centres it covers, in the map that begins at texel `map`."""
    ...


@wp.kernel
def draw_depth_rows(
    projected: wp.array(dtype=wp.vec3),  # (L · V,)
    faces: wp.array(dtype=wp.vec3i),
    vertices: int,
    size: int,  # at least LEAST_SIZE
    samples: wp.array(dtype=wp.int32),
    depth: wp.array(dtype=float),  # (L · size · size,)
):
    """One face a thread for each light, one thread after the other."""
    n = wp.tid()
    light = quotient(n, faces.shape[0])
    if samples[light] < 0:
        return
    corner = faces[n - light * faces.shape[0]]
    first = light * vertices
    a = projected[first + corner[0]]
    b = projected[first + corner[1]]
    c = projected[first + corner[2]]
    fill_rows(depth, light * size * size, size, a, b, c)
