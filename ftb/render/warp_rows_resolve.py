"""How pixels learn, on the CPU, where in their triangle they lie and how far away, sixteen at a time.

Parts of two snippets of `ftb.render.warp_rows`; `resolve` of `ftb.render.warp_kernels` is the readable twin.
Areas that a pixel's ray cuts off a triangle are planes over the picture: they are set up once for a triangle,
in float64 and about a pixel within it, near which float32 is then as good.
"""

from __future__ import annotations

NUMBERS = 16  # of a face that shows

# The last pixel that shows each face, −1 for none; then a list of the faces that show.
SHOWN = """
const int faces = s.faces.shape[0], pixels = s.frame.width * s.frame.height;
const long long* keys = (const long long*)desk.keys.data;
int *pixel_of = desk.pixels.data, *listed = desk.scratch.data;
__builtin_memset(pixel_of, 0xFF, 4ll * faces);
for (int place = 0; place < pixels; place += 8) {
    const bits key = *(const bits*)(keys + place);
    if (__builtin_reduce_and(key == 0))
        continue;
    const bits face = key == 0 ? faces : 0x7FFFFFFFLL - (key & 0x7FFFFFFFLL);  // room behind the last
    alignas(64) int shown[8];
    *(words*)shown = __builtin_convertvector(face, words);
    asm volatile("" : : "r"(shown) : "memory");
    EACH for (int k = 0; k < 8; ++k)
        pixel_of[shown[k]] = place + k;
}
int found = 0;
for (int first = 0; first < faces; first += 8) {
    const words seen_at = *(const words*)(pixel_of + first);
    if (__builtin_reduce_and(seen_at < 0))
        continue;
    EACH for (int k = 0; k < 8; ++k) {
        listed[found] = first + k;
        found += (first + k < faces) & (seen_at[k] >= 0);
    }
}
"""

# Of each of them: the three areas at that pixel, how they rise along x and along y, the pixel's depth and how
# much deeper the corners are, its column and row. Their vertices are marked.
REMEMBERED = """
const bool flat = s.frame.orthographic;
const double unit = s.unit.data[image];
const View* seen = (const View*)desk.view.data;
const int* corners_of = (const int*)desk.corners.data;
auto* marked = seen_vertices.data + (long long)image * s.count;
for (int k = 0; k < 8; ++k)
    listed[found + k] = found > 0 ? listed[0] : 0;
for (int first = 0; first < found; first += 8) {
    alignas(64) int number[24], place[8];
    EACH for (int lane = 0; lane < 8; ++lane) {
        const int face = listed[first + lane];
        place[lane] = pixel_of[face];
        EACH for (int k = 0; k < 3; ++k) {
            number[8 * k + lane] = corners_of[3 * face + k];
            marked[number[8 * k + lane]] = 1;
        }
    }
    asm volatile("" : : "r"(number), "r"(place) : "memory");
    lanes x[3], y[3], z[3], weight[3];
    EACH for (int k = 0; k < 3; ++k) {
        lanes corner[3];
        views_of(corner, seen, number + 8 * k, 1);
        x[k] = corner[0];
        y[k] = corner[1];
        z[k] = corner[2];
        weight[k] = flat ? (lanes)1.0 : z[k];
    }
    const words row = *(const words*)place / s.frame.width;
    const words column = *(const words*)place - row * s.frame.width;
    const lanes along = unit * (__builtin_convertvector(column, lanes) + 0.5 - s.frame.half_width);
    const lanes down = unit * (s.frame.half_height - __builtin_convertvector(row, lanes) - 0.5);
    EACH for (int k = 0; k < 3; ++k) {  // from the pixel's ray to the corner
        x[k] -= along * weight[k];
        y[k] -= down * weight[k];
    }
    lanes area[3], rise_x[3], rise_y[3];
    EACH for (int k = 0; k < 3; ++k) {
        const int next = (k + 1) % 3, last = (k + 2) % 3;
        area[k] = x[next] * y[last] - y[next] * x[last];
        rise_x[k] = unit * (y[next] * weight[last] - weight[next] * y[last]);
        rise_y[k] = unit * (x[next] * weight[last] - weight[next] * x[last]);
    }
    // As shares of their sum, which may be beyond what float32 holds; of a triangle seen edge-on it is 0.
    const lanes total = area[0] + area[1] + area[2], size = __builtin_elementwise_abs(total);
    const auto edge_on = size < 1e-300;
    const lanes scale = (total < 0.0 ? (lanes)-1.0 : (lanes)1.0) / (edge_on ? (lanes)1.0 : size);
    const lanes nearest = least(least(z[0], z[1]), z[2]), farthest = most(most(z[0], z[1]), z[2]);
    lanes depth = 0.0;
    EACH for (int k = 0; k < 3; ++k) {
        area[k] = edge_on ? (lanes)(1.0 / 3.0) : scale * area[k];
        rise_x[k] = edge_on ? (lanes)0.0 : scale * rise_x[k];
        rise_y[k] = edge_on ? (lanes)0.0 : scale * rise_y[k];
        depth += area[k] * z[k];
    }
    depth = least(most(depth, nearest), farthest);
    eight part[16];
    EACH for (int k = 0; k < 3; ++k) {
        part[k] = __builtin_convertvector(area[k], singles);
        part[3 + k] = __builtin_convertvector(rise_x[k], singles);
        part[6 + k] = __builtin_convertvector(rise_y[k], singles);
        part[9 + k] = __builtin_convertvector(z[k] - depth, singles);
    }
    part[12] = __builtin_convertvector(depth, singles);
    part[13] = __builtin_convertvector(column, singles);
    part[14] = __builtin_convertvector(row, singles);
    part[15] = 0.0f;
    turn_eight(part);
    turn_eight(part + 8);
    EACH for (int lane = 0; lane < 8; ++lane) {
        float* record = desk.records.data + 16ll * listed[first + lane];
        *(eight*)record = part[lane];
        *(eight*)(record + 8) = part[8 + lane];
    }
}
"""

# Sixteen pixels of a picture whose width is a multiple of eight, so that they may lie in two rows.
RESOLVED = """
typedef long long longs __attribute__((ext_vector_type(16), aligned(8), may_alias));
const int width = s.frame.width, pixels = width * s.frame.height;
const float* records = desk.records.data;
const lanes halves = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1};
int row = 0, column = 0;
for (int place = 0; place < pixels; place += 16) {
    const long long first = (long long)image * pixels + place;
    const longs key = *(const longs*)(desk.keys.data + place);
    const int next_row = row + (column + 8 == width), next_column = column + 8 == width ? 0 : column + 8;
    const lanes rows = (float)row + halves * (float)(next_row - row);
    const lanes columns = steps + (float)column + halves * (float)(next_column - column - 8);
    row = next_row + (next_column + 8 == width);
    column = next_column + 8 == width ? 0 : next_column + 8;
    longs* shown = (longs*)(pix_to_face.data + first);
    lanes* far = (lanes*)(depth.data + first);
    float* shares = (float*)(bary_coords.data + first);
    const counts empty = __builtin_convertvector(key == 0, counts);
    if (__builtin_reduce_and(empty)) {
        *shown = -1;
        *far = -1.0f;
        EACH for (int k = 0; k < 3; ++k)
            ((lanes*)shares)[k] = -1.0f;
        continue;
    }
    const counts face = empty ? -1 : 0x7FFFFFFF - (__builtin_convertvector(key, counts) & 0x7FFFFFFF);
    *shown = __builtin_convertvector(face, longs);
    // where nothing is, any face will do
    alignas(64) int asked[16];
    *(counts*)asked = empty ? __builtin_reduce_max(face) : face;
    IN_MEMORY(asked);
    lanes record[16];
    EACH for (int k = 0; k < 16; ++k)
        record[k] = *(const lanes*)(records + 16ll * asked[k]);
    turn_sixteen(record);
    const lanes across = columns - record[13], down = rows - record[14];
    lanes share[3];
    EACH for (int k = 0; k < 3; ++k)
        share[k] = record[k] + (record[3 + k] * across + record[6 + k] * down);
    // Of a sliver that shows only since corners snap to a grid, the sign may differ from pixel to pixel.
    const lanes sign = share[0] + share[1] + share[2] < 0.0f ? (lanes)-1.0f : (lanes)1.0f;
    EACH for (int k = 0; k < 3; ++k)
        share[k] = most(sign * share[k], 0.0f);
    const lanes total = share[0] + share[1] + share[2];
    const lanes per_total = 1.0f / most(total, 1.0e-30f);
    EACH for (int k = 0; k < 3; ++k)
        share[k] = total < 1.0e-30f ? (lanes)(1.0f / 3.0f) : share[k] * per_total;
    const lanes deeper = share[0] * record[9] + share[1] * record[10] + share[2] * record[11];
    *far = empty ? -1.0f : record[12] + deeper;
    EACH for (int k = 0; k < 3; ++k) {
        const lanes part_of = empty ? -1.0f : share[k];
        EACH for (int lane = 0; lane < 16; ++lane)
            shares[3 * lane + k] = part_of[lane];
    }
}
"""
