"""What kernels do on the surface of a head: sums of its normals, hair along them, corners of the mesh.

`angle_weighted_normals` of `ftb.scene.heads_normals` is the readable twin of the first. Points and sums lie
in rows of four numbers: sixteen of them are loaded whole, and turned within registers.
"""

from __future__ import annotations

from ftb.kernels.lanes import LANES
from ftb.kernels.start import wp

# One of the sixteen rows that `turn_quads` makes of four columns.
_ROW = """
const auto row_of = [&](const lanes (&table)[4], int row) INLINE {
    return ((const four*)&table[row % 4])[row / 4];
};
"""

# The arc cosine is Abramowitz and Stegun's 4.4.46, 2e-8 from the truth.
_CORNERS_ADDED = (
    LANES
    + _ROW
    + """
const auto arc_cosine = [](lanes value) {
    lanes size = __builtin_elementwise_abs(value);
    size = size < 1.0f ? size : 1.0f;
    const float terms[8] = {-0.0012624911f, 0.0066700901f, -0.0170881256f, 0.0308918810f,
                            -0.0501743046f, 0.0889789874f, -0.2145988016f, 1.5707963050f};
    lanes sum = terms[0];
    for (int k = 1; k < 8; ++k)
        sum = sum * size + terms[k];
    const lanes angle = __builtin_elementwise_sqrt(1.0f - size) * sum;
    return value < 0.0f ? 3.14159265f - angle : angle;
};
const float* table = points.data + 4 * (head * (long long)count);
four* sum = (four*)sums.data;
for (int n = 0; n < count; ++n)
    sum[n] = 0.0f;
for (int block = 0; block < corners.shape[0] / 48; ++block) {
    const int* corner = corners.data + 48 * block;
    lanes at[3][4], edge[3][3], inverse[3];
    EACH for (int k = 0; k < 3; ++k)
        rows_of(at[k], corner + 16 * k, table);
    EACH for (int k = 0; k < 3; ++k) {
        EACH for (int axis = 0; axis < 3; ++axis)
            edge[k][axis] = at[(k + 1) % 3][axis] - at[k][axis];
        const lanes* e = edge[k];
        const lanes length = __builtin_elementwise_sqrt(e[0] * e[0] + e[1] * e[1] + e[2] * e[2]);
        inverse[k] = 1.0f / (length > 1e-12f ? length : 1e-12f);
    }
    const lanes *a = edge[0], *b = edge[1];
    lanes normal[3] = {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
    lanes area = normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2];
    area = __builtin_elementwise_sqrt(area);
    const lanes share = 1.0f / (area > 1e-20f ? area : 1e-20f);
    EACH for (int k = 0; k < 3; ++k) {
        const lanes *e = edge[k], *before = edge[(k + 2) % 3];
        const lanes cosine = -(e[0] * before[0] + e[1] * before[1] + e[2] * before[2]);
        const lanes weight = arc_cosine(cosine * inverse[k] * inverse[(k + 2) % 3]) * share;
        lanes part[4] = {normal[0] * weight, normal[1] * weight, normal[2] * weight, 0.0f};
        turn_quads(part);
        EACH for (int lane = 0; lane < 16; ++lane)
            sum[corner[16 * k + lane]] += row_of(part, lane);
    }
}
"""
)

_GROWN = """
typedef float four __attribute__((ext_vector_type(4), aligned(4), may_alias));
four* point = (four*)points.data + head * (long long)count;
const float* grown = thickness.data + head * (long long)count;
for (int n = 0; n < count; ++n)
    if (grown[n] != 0.0f) {
        const four sum = ((const four*)sums.data)[n];
        const float length = __builtin_elementwise_sqrt(sum[0] * sum[0] + sum[1] * sum[1] + sum[2] * sum[2]);
        const four up = {0.0f, 0.0f, 1.0f, 0.0f}, normal = length <= 1e-12f ? up : sum / length;
        point[n] += normal * grown[n];
    }
float left = 1e9f, right = -1e9f, back = 1e9f;
for (int k = 0; k < skull.shape[0]; ++k) {
    const four here = point[skull.data[k]];
    if (here[1] > 0.0f && here[1] < 0.05f) {
        left = here[0] < left ? here[0] : left;
        right = here[0] > right ? here[0] : right;
        back = here[2] < back ? here[2] : back;
    }
}
extents.data[3 * head] = left;
extents.data[3 * head + 1] = right;
extents.data[3 * head + 2] = back;
for (int k = 0; k < 3; ++k)
    for (int axis = 0; axis < 3; ++axis)
        landmarks.data[15 * head + 3 * (2 + k) + axis] = point[marks[k]][axis];
"""

_SPREAD = (
    LANES
    + _ROW
    + """
const int corners = welded.shape[0];
const float* table = points.data + 4 * (head * (long long)count);
float* to_places = corner_vertices.data + 3 * (head * (long long)corners);
float* to_normals = corner_normals.data + 3 * (head * (long long)corners);
for (int first = 0; first < corners; first += 16) {
    int number[16];
    EACH for (int lane = 0; lane < 16; ++lane)
        number[lane] = welded.data[first + lane < corners ? first + lane : corners - 1];
    lanes sum[4];
    rows_of(sum, number, sums.data);
    const lanes length = root(sum[0] * sum[0] + sum[1] * sum[1] + sum[2] * sum[2]);
    lanes normal[4] = {sum[0] / length, sum[1] / length, sum[2] / length, 0.0f};
    EACH for (int axis = 0; axis < 3; ++axis)
        normal[axis] = length <= 1e-12f ? (lanes)(axis == 2 ? 1.0f : 0.0f) : normal[axis];
    turn_quads(normal);
    four rows[2][16];
    EACH for (int lane = 0; lane < 16; ++lane) {
        rows[0][lane] = *(const four*)(table + 4 * number[lane]);
        rows[1][lane] = row_of(normal, lane);
    }
    const int last = (first + 16 < corners ? 16 : corners - first) - 1;
    EACH for (int k = 0; k < 2; ++k) {
        float* to = (k == 0 ? to_places : to_normals) + 3 * first;
        // The fourth number of a row is overwritten by the next row's first.
        if (last == 15) {
            EACH for (int lane = 0; lane < 15; ++lane)
                *(four*)(to + 3 * lane) = rows[k][lane];
        } else {
            for (int lane = 0; lane < last; ++lane)
                *(four*)(to + 3 * lane) = rows[k][lane];
        }
        for (int axis = 0; axis < 3; ++axis)
            to[3 * last + axis] = rows[k][last][axis];
    }
}
"""
)


@wp.func_native(_CORNERS_ADDED)
def add_all_corners(
    head: int,
    count: int,
    points: wp.array(dtype=float),
    corners: wp.array(dtype=wp.int32),
    sums: wp.array(dtype=float),
):
    """Of one head's faces the normals, times the angle there, added up at each of their corners: sums
    (W · 4,) of points (H · W · 4,). One order of the sums, since faces add to the same vertices."""
    ...


@wp.func_native(_GROWN)
def grow_hair(
    head: int,
    count: int,
    sums: wp.array(dtype=float),
    thickness: wp.array(dtype=float),
    skull: wp.array(dtype=wp.int32),
    marks: wp.vec3i,
    points: wp.array(dtype=float),
    landmarks: wp.array(dtype=float),
    extents: wp.array(dtype=float),
):
    """One head's vertices moved outwards by the hair on them; then its landmarks but the eyes, and how far
    the skull with its hair reaches at the height of the temples: least and greatest x, least z."""
    ...


@wp.func_native(_SPREAD)
def spread_corners(
    head: int,
    count: int,
    points: wp.array(dtype=float),
    welded: wp.array(dtype=wp.int32),
    sums: wp.array(dtype=float),
    corner_vertices: wp.array(dtype=float),
    corner_normals: wp.array(dtype=float),
):
    """Place and unit normal of the welded vertex at each of one head's corners; +Z where it has none."""
    ...
