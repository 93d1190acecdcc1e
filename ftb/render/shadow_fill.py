"""Drawing shadow maps on the CPU: a light a thread, sixteen triangles and then 4 × 4 texels at a time.

Triangles that face the light come first. Of the others most lie behind them, and are left out after a look
at the depths of whole cells of the map. `ftb.render.shadow_kernel.draw_depth`, the readable twin, enters
every triangle texel by texel, as a GPU wants it.
"""

from __future__ import annotations

import torch

from ftb.kernels.lanes import LANES, WIDTH
from ftb.kernels.start import FORWARD, wp
from ftb.kernels.starting import Packed, packed
from ftb.render.shadow_kernel import CRACK, EMPTY

wp.set_module_options(FORWARD)

LEAST_SIZE = 8  # of a map, in texels; four are read and written at once, of four rows
CELL = 8  # texels along a cell


@wp.struct
class Backs:
    """Of one light. Of triangles that face away (F + 16,): numbers, upper left cell, how many cells more to
    the right and down (in the upper half of the bits), least depth. Greatest depths of cells, and of two by
    two of them."""

    faces: wp.array(dtype=wp.int32)
    cells: wp.array(dtype=wp.int32)
    spans: wp.array(dtype=wp.int32)
    nearest: wp.array(dtype=float)
    farthest: wp.array(dtype=float)
    farthest_of_four: wp.array(dtype=float)


def backs_of(faces: int, size: int) -> Packed:
    """Memory for a map of size × size texels."""
    numbers, cells, spans = torch.empty(3, faces + WIDTH, dtype=torch.int32)
    farthest, of_four = torch.empty(2, (-(-size // CELL)) ** 2)
    return packed(
        Backs,
        faces=numbers,
        cells=cells,
        spans=spans,
        nearest=torch.empty(faces + WIDTH),
        farthest=farthest,
        farthest_of_four=of_four,
    )


# What is known of sixteen triangles lies in columns of sixteen: the texels they reach, and planes over the
# map, each by its rise along x and y and its height at the first texel's centre. Three are the shares of the
# corners, a hair more so that neighbours leave no crack, and one is the depth.
_SET_UP = f"""
struct alignas(64) Triangles {{
    int left[16], right[16], upper[16], lower[16];
    float rise_x[4][16], rise_y[4][16], height[4][16], z_least[16], z_most[16];
}};
// Sixteen of them. wanted: which may cover a texel's centre; facing: and are seen by the light from outside.
const auto set_up = [&](Triangles& t, const int* numbers, int next, counts& wanted, counts& facing) INLINE {{
    lanes a[4], b[4], c[4];
    rows_of(a, numbers, vertices_of);
    rows_of(b, numbers + next, vertices_of);
    rows_of(c, numbers + 2 * next, vertices_of);
    const lanes area = (a[0] - c[0]) * (b[1] - c[1]) - (b[0] - c[0]) * (a[1] - c[1]);
    const lanes last = size - 1.0f, scale = 1.0f / area;
    const lanes left = most(__builtin_elementwise_ceil(least(least(a[0], b[0]), c[0]) - 0.5f), 0.0f);
    const lanes upper = most(__builtin_elementwise_ceil(least(least(a[1], b[1]), c[1]) - 0.5f), 0.0f);
    const lanes right = least(__builtin_elementwise_floor(most(most(a[0], b[0]), c[0]) - 0.5f), last);
    const lanes lower = least(__builtin_elementwise_floor(most(most(a[1], b[1]), c[1]) - 0.5f), last);
    wanted = (left <= right) & (upper <= lower) & (__builtin_elementwise_abs(area) > 1.0e-9f);
    facing = wanted & (area < 0.0f);
    const counts first = __builtin_convertvector(wanted ? left : 0.0f, counts) & ~3;
    *(counts*)t.left = first;  // where the first four begin
    *(counts*)t.right = __builtin_convertvector(wanted ? right : 0.0f, counts);
    *(counts*)t.upper = __builtin_convertvector(wanted ? upper : 0.0f, counts);
    *(counts*)t.lower = __builtin_convertvector(wanted ? lower : 0.0f, counts);
    const lanes along = __builtin_convertvector(first, lanes) + 0.5f - c[0], below = upper + 0.5f - c[1];
    const lanes a_z = a[2] - c[2], b_z = b[2] - c[2];
    lanes x[4], y[4];
    x[0] = (b[1] - c[1]) * scale;
    y[0] = (c[0] - b[0]) * scale;
    x[1] = (c[1] - a[1]) * scale;
    y[1] = (a[0] - c[0]) * scale;
    x[2] = -x[0] - x[1];
    y[2] = -y[0] - y[1];
    x[3] = x[0] * a_z + x[1] * b_z;
    y[3] = y[0] * a_z + y[1] * b_z;
    const lanes at_c[4] = {{0.0f, 0.0f, 1.0f, c[2]}};
    EACH for (int j = 0; j < 4; ++j) {{
        const lanes height = at_c[j] + x[j] * along + y[j] * below;
        *(lanes*)t.rise_x[j] = x[j];
        *(lanes*)t.rise_y[j] = y[j];
        *(lanes*)t.height[j] = j < 3 ? height + {CRACK}f * __builtin_elementwise_abs(x[j]) : height;
    }}
    *(lanes*)t.z_least = least(least(a[2], b[2]), c[2]);
    *(lanes*)t.z_most = most(most(a[2], b[2]), c[2]);
    IN_MEMORY(&t);
}};
"""

# Four texels of four rows at a time, which is as much as most triangles reach. In whole fours: what the next
# triangle reads is what this one has written. The tip of a sliver less than a thousandth of a texel wide may
# reach to the end of its last four, by so much is it widened; its depth stays within its corners'.
_FILL = """
const lanes across_tile = {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3};
const lanes down_tile = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
const auto fill = [&](const Triangles& t, int k) INLINE {
    const int left = t.left[k], right = t.right[k], lower = t.lower[k];
    lanes line[4], step[4], value[4];
    EACH for (int j = 0; j < 4; ++j) {
        line[j] = across_tile * t.rise_x[j][k] + (down_tile * t.rise_y[j][k] + t.height[j][k]);
        step[j] = 4.0f * t.rise_x[j][k];
    }
    for (int row = t.upper[k]; row <= lower; row += 4) {
        if (row > size - 4) {  // all four rows have to be of the map
            EACH for (int j = 0; j < 4; ++j)
                line[j] -= (float)(row - (size - 4)) * t.rise_y[j][k];
            row = size - 4;
        }
        EACH for (int j = 0; j < 4; ++j)
            value[j] = line[j];
        _Pragma("clang loop unroll(disable)")
        for (int column = left; column <= right; column += 4) {
            const lanes z = within(value[3], t.z_least[k], t.z_most[k]);
            // Nothing covered is far away: a store that leaves texels out would make the next one wait.
            const lanes entered = least(least(value[0], value[1]), value[2]) >= 0.0f ? z : 1.0e30f;
            float* texels = map + row * size + column;
            four old[4];
            EACH for (int j = 0; j < 4; ++j)
                old[j] = *(const four*)(texels + j * size);
            const eight upper_two = __builtin_shufflevector(old[0], old[1], 0, 1, 2, 3, 4, 5, 6, 7);
            const eight lower_two = __builtin_shufflevector(old[2], old[3], 0, 1, 2, 3, 4, 5, 6, 7);
            const lanes nearest = least(entered, joined(upper_two, lower_two));
            *(four*)texels = __builtin_shufflevector(nearest, nearest, 0, 1, 2, 3);
            *(four*)(texels + size) = __builtin_shufflevector(nearest, nearest, 4, 5, 6, 7);
            *(four*)(texels + 2 * size) = __builtin_shufflevector(nearest, nearest, 8, 9, 10, 11);
            *(four*)(texels + 3 * size) = __builtin_shufflevector(nearest, nearest, 12, 13, 14, 15);
            EACH for (int j = 0; j < 4; ++j)
                value[j] += step[j];
        }
        EACH for (int j = 0; j < 4; ++j)
            line[j] += 4.0f * t.rise_y[j][k];
    }
};
const auto fill_all = [&](const Triangles& t, counts which) INLINE {
    alignas(64) int wanted[16];
    *(counts*)wanted = which;
    for (int k = 0; k < 16; ++k)
        if (wanted[k])
            fill(t, k);
};
"""

# What faces away is noted, and of it `leave_hidden` leaves what may yet be seen: a cell holds nothing farther
# than its number, and a triangle nothing nearer than its nearest corner.
_BACKS = f"""
const int across = (size + {CELL - 1}) / {CELL};
int *number_of = backs.faces.data, *cell_of = backs.cells.data, *span_of = backs.spans.data;
float *nearest_of = backs.nearest.data, *farthest = backs.farthest.data;
float* of_four = backs.farthest_of_four.data;
int behind = 0;
const auto note = [&](const Triangles& t, counts away, int first) INLINE {{
    const counts left = *(const counts*)t.left / {CELL}, right = *(const counts*)t.right / {CELL};
    const counts upper = *(const counts*)t.upper / {CELL}, lower = *(const counts*)t.lower / {CELL};
    const counts cell = upper * across + left, span = (right - left) + ((lower - upper) << 16);
    EACH for (int k = 0; k < 16; ++k) {{
        number_of[behind] = first + k;
        cell_of[behind] = cell[k];
        span_of[behind] = span[k];
        nearest_of[behind] = t.z_least[k];
        behind -= away[k];
    }}
}};
const auto farther = [&](auto a, auto b) INLINE {{ return a > b ? a : b; }};
const auto fill_cells = [&]() {{
    float* cell = farthest;
    for (int first = 0; first < size; first += {CELL}) {{
        const int rows = size - first < {CELL} ? size - first : {CELL};
        for (int column = 0; column < size; column += {CELL}) {{
            const float* texels = map + first * size + (column < size - 8 ? column : size - 8);
            eight most_of = *(const eight*)texels;
            for (int row = 1; row < rows; ++row)
                most_of = farther(most_of, *(const eight*)(texels + row * size));
            *cell++ = greatest(most_of);
        }}
    }}
    for (int row = 0; row < across; ++row)
        for (int column = 0; column < across; ++column) {{
            const float* at = farthest + row * across + column;
            const int right = column < across - 1 ? 1 : 0, down = row < across - 1 ? across : 0;
            const float lower = farther(at[down], at[down + right]);
            of_four[row * across + column] = farther(farther(at[0], at[right]), lower);
        }}
}};
const auto leave_hidden = [&]() {{
    int left = 0;
    for (int k = 0; k < behind; ++k) {{
        const int cell = cell_of[k], span = span_of[k];
        const float nearest = nearest_of[k];
        bool hidden = nearest >= of_four[cell];
        if (span & ~0x10001) {{
            hidden = true;
            for (int down = 0; down <= span >> 16; ++down)
                for (int right = 0; right <= (span & 0xFFFF); ++right)
                    hidden &= nearest >= farthest[cell + down * across + right];
        }}
        number_of[left] = number_of[k];
        left += !hidden;
    }}
    behind = left;
}};
"""

_HEAD = f"""
float* map = depth.data + (long long)light * size * size;
for (int row = 0; row < size; ++row)
    for (int column = 0; column < size; column += 4)
        *(four*)(map + row * size + column) = {float(EMPTY)}f;
if (samples.data[light] < 0)
    return;
const float* vertices_of = (const float*)projected.data + 4ll * light * vertices;
const int* corners = (const int*)faces.data;
const int count = faces.shape[1];
"""

_DRAW = """
Triangles t;
counts wanted, facing;
for (int first = 0; first < count; first += 16) {
    set_up(t, corners + first, count, wanted, facing);
    const counts away = wanted & ~facing;
    if (__builtin_reduce_or(away))
        note(t, away, first);
    fill_all(t, facing);
}
fill_cells();
leave_hidden();
for (int first = 0; first < behind; first += 16) {
    const int some = behind - first < 16 ? behind - first : 16;
    alignas(64) int numbers[48];
    EACH for (int k = 0; k < 16; ++k)
        EACH for (int j = 0; j < 3; ++j)
            numbers[16 * j + k] = corners[j * count + number_of[first + (k < some ? k : 0)]];
    IN_MEMORY(numbers);
    set_up(t, numbers, 16, wanted, facing);
    fill_all(t, wanted & (steps < (float)some));
}
"""


@wp.func_native("".join([LANES, _HEAD, _SET_UP, _FILL, _BACKS, _DRAW]))
def draw_map(
    projected: wp.array(dtype=wp.vec4),
    faces: wp.array2d(dtype=wp.int32),
    vertices: int,
    size: int,
    samples: wp.array(dtype=wp.int32),
    depth: wp.array(dtype=float),
    backs: Backs,
    light: int,
):
    """Enter the depths of all triangles at the texel centres they cover, in the map of one light."""
    ...


@wp.kernel
def draw_depth_rows(
    projected: wp.array(dtype=wp.vec4),  # (L · V,)
    faces: wp.array2d(dtype=wp.int32),  # (3, F): their first corners, ...; F a multiple of sixteen
    vertices: int,
    size: int,  # at least LEAST_SIZE, a multiple of four
    samples: wp.array(dtype=wp.int32),
    depth: wp.array(dtype=float),  # (L · size · size,)
    backs: Backs,
):
    """One light a thread, one after the other."""
    draw_map(projected, faces, vertices, size, samples, depth, backs, wp.tid())
