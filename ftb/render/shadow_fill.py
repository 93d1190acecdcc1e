"""Drawing shadow maps on the CPU: a light a thread, sixteen triangles and eight texels of a row at a time.

`ftb.render.shadow_kernel.draw_depth`, the readable twin, does the same texel by texel, as a GPU wants it.
"""

from __future__ import annotations

from ftb.kernels.lanes import LANES
from ftb.kernels.start import FORWARD, wp
from ftb.render.shadow_kernel import CRACK

wp.set_module_options(FORWARD)

LEAST_SIZE = 8  # of a map, in texels: as many are read and written at once

# What is known of sixteen triangles lies in columns of sixteen. Shares u of a and v of b, and w = 1 - u - v
# of c, are functions of the texel's place.
_SET_UP = f"""
struct Triangles {{
    lanes left, right, upper, lower, c_x, c_y, u_x, u_y, v_x, v_y, u_least, v_least, w_least;
    lanes a_z, b_z, c_z, z_least, z_most;
}};
// Sixteen of them, and which may cover a texel's centre.
const auto set_up = [&](Triangles& t, const int* numbers) INLINE {{
    lanes a[4], b[4], c[4];
    rows_of(a, numbers, vertices_of);
    rows_of(b, numbers + 16, vertices_of);
    rows_of(c, numbers + 32, vertices_of);
    const lanes area = (a[0] - c[0]) * (b[1] - c[1]) - (b[0] - c[0]) * (a[1] - c[1]);
    const lanes last = size - 1.0f;
    t.left = most(__builtin_elementwise_ceil(least(least(a[0], b[0]), c[0]) - 0.5f), 0.0f);
    t.upper = most(__builtin_elementwise_ceil(least(least(a[1], b[1]), c[1]) - 0.5f), 0.0f);
    t.right = least(__builtin_elementwise_floor(most(most(a[0], b[0]), c[0]) - 0.5f), last);
    t.lower = least(__builtin_elementwise_floor(most(most(a[1], b[1]), c[1]) - 0.5f), last);
    const lanes scale = 1.0f / area;
    t.c_x = c[0];
    t.c_y = c[1];
    t.u_x = (b[1] - c[1]) * scale;
    t.u_y = (c[0] - b[0]) * scale;
    t.v_x = (c[1] - a[1]) * scale;
    t.v_y = (a[0] - c[0]) * scale;
    t.u_least = -{CRACK}f * __builtin_elementwise_abs(t.u_x);
    t.v_least = -{CRACK}f * __builtin_elementwise_abs(t.v_x);
    t.w_least = -{CRACK}f * __builtin_elementwise_abs(t.u_x + t.v_x);
    t.a_z = a[2] - c[2];
    t.b_z = b[2] - c[2];
    t.c_z = c[2];
    t.z_least = least(least(a[2], b[2]), c[2]);
    t.z_most = most(most(a[2], b[2]), c[2]);
    return (t.left <= t.right) & (t.upper <= t.lower) & (__builtin_elementwise_abs(area) > 1.0e-9f);
}};
"""

# Four texels of four rows at a time, which is as much as most triangles reach.
_FILL = """
const lanes across_tile = {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3};
const lanes down_tile = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
const auto fill = [&](const Triangles& t, int k) INLINE {
    const lanes left = t.left[k], right = t.right[k], upper = t.upper[k], lower = t.lower[k];
    const lanes u_x = t.u_x[k], v_x = t.v_x[k], u_y = t.u_y[k], v_y = t.v_y[k];
    const lanes across = across_tile + (0.5f - t.c_x[k]), down = down_tile + (0.5f - t.c_y[k]);
    const int last_row = (int)t.lower[k], last_column = (int)t.right[k];
    for (int top = (int)t.upper[k]; top <= last_row; top += 4) {
        const int row = top < size - 4 ? top : size - 4;  // within the map
        const lanes below = down + (float)row, rows = down_tile + (float)row;
        // in whole fours: what the next triangle reads is what this one has written
        for (int first = (int)t.left[k] & ~3; first <= last_column; first += 4) {
            const int column = first < size - 4 ? first : size - 4;
            const lanes along = across + (float)column, columns = across_tile + (float)column;
            const lanes u = u_x * along + u_y * below, v = v_x * along + v_y * below;
            const auto inside = ((u >= t.u_least[k]) & (v >= t.v_least[k]))
                & ((1.0f - u - v >= t.w_least[k]) & (columns >= left))
                & ((columns <= right) & (rows >= upper)) & (rows <= lower);
            lanes z = t.c_z[k] + u * t.a_z[k] + v * t.b_z[k];
            z = within(z, t.z_least[k], t.z_most[k]);
            // Nothing covered is far away: a store that leaves texels out would make the next one wait.
            z = inside ? z : 1.0e30f;
            float* texels = map + row * size + column;
            four old[4];
            EACH for (int line = 0; line < 4; ++line)
                old[line] = *(const four*)(texels + line * size);
            const eight upper_two = __builtin_shufflevector(old[0], old[1], 0, 1, 2, 3, 4, 5, 6, 7);
            const eight lower_two = __builtin_shufflevector(old[2], old[3], 0, 1, 2, 3, 4, 5, 6, 7);
            const lanes nearest = __builtin_elementwise_min(z, joined(upper_two, lower_two));
            *(four*)texels = __builtin_shufflevector(nearest, nearest, 0, 1, 2, 3);
            *(four*)(texels + size) = __builtin_shufflevector(nearest, nearest, 4, 5, 6, 7);
            *(four*)(texels + 2 * size) = __builtin_shufflevector(nearest, nearest, 8, 9, 10, 11);
            *(four*)(texels + 3 * size) = __builtin_shufflevector(nearest, nearest, 12, 13, 14, 15);
        }
    }
};
"""

_DRAW = (
    LANES
    + """
if (samples.data[light] < 0)
    return;
const float* vertices_of = (const float*)projected.data + 4ll * light * vertices;
const int* corners = (const int*)faces.data;
float* map = depth.data + (long long)light * size * size;
const int count = faces.shape[0];
"""
    + _SET_UP
    + _FILL
    + """
for (int first = 0; first < count; first += 16) {
    alignas(64) int numbers[3][16];
    EACH for (int k = 0; k < 16; ++k)
        EACH for (int j = 0; j < 3; ++j)
            numbers[j][k] = corners[3 * (first + k < count ? first + k : first) + j];
    IN_MEMORY(numbers);
    Triangles t;
    const counts wanted = set_up(t, numbers[0]) & (steps < (float)(count - first));
    IN_MEMORY(&t);
    for (int k = 0; k < 16; ++k)
        if (wanted[k])
            fill(t, k);
}
"""
)


@wp.func_native(_DRAW)
def draw_map(
    projected: wp.array(dtype=wp.vec4),
    faces: wp.array(dtype=wp.vec3i),
    vertices: int,
    size: int,
    samples: wp.array(dtype=wp.int32),
    depth: wp.array(dtype=float),
    light: int,
):
    """Enter the depths of all triangles at the texel centres they cover, in the map of one light."""
    ...


@wp.kernel
def draw_depth_rows(
    projected: wp.array(dtype=wp.vec4),  # (L · V,)
    faces: wp.array(dtype=wp.vec3i),
    vertices: int,
    size: int,  # at least LEAST_SIZE
    samples: wp.array(dtype=wp.int32),
    depth: wp.array(dtype=float),  # (L · size · size,)
):
    """One light a thread."""
    draw_map(projected, faces, vertices, size, samples, depth, wp.tid())
