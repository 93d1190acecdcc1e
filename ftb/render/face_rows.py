"""Planes and facets of heads' faces for the CPU, sixteen faces at a time.

`ftb.render.face_kernel` has the readable twins, and what a GPU runs.
"""

from __future__ import annotations

from ftb.kernels.lanes import LANES, TRIPLES
from ftb.kernels.start import FORWARD, wp

wp.set_module_options(FORWARD)

LEAST_FACES = 16  # as many are read and written at once

# each(visit): sixteen faces after the other; the last may be the same as some before.
_FACES = """
const int count = faces.shape[0];
const auto corners_of = [&](const float* table, int width, int first, int corner, lanes* to) INLINE {
    alignas(64) float at[3][16];
    EACH for (int k = 0; k < 16; ++k) {
        const float* from = table + width * ((const int*)faces.data)[3 * (first + k) + corner];
        for (int axis = 0; axis < width; ++axis)
            at[axis][k] = from[axis];
    }
    IN_MEMORY(at);
    for (int axis = 0; axis < width; ++axis)
        to[axis] = *(const lanes*)at[axis];
};
const auto put = [&](float* to, lanes x, lanes y, lanes z, lanes w) INLINE {
    lanes row[4] = {x, y, z, w};
    EACH for (int turn = 0; turn < 4; ++turn)  // of six bits: from columns of sixteen to rows of four
        part(row, 4);
    EACH for (int k = 0; k < 4; ++k)
        *(lanes*)(to + 16 * k) = row[k];
};
const auto each = [&](const auto& visit) INLINE {
    for (int next = 0; next < count; next += 16)
        visit(next < count - 16 ? next : count - 16);
};
"""

_FACETS = """
each([&](int first) INLINE {
    lanes flat = 0.0f;
    if (uvs.shape[0] > 0) {
        lanes place[3][2];
        EACH for (int corner = 0; corner < 3; ++corner)
            corners_of((const float*)uvs.data, 2, first, corner, place[corner]);
        const lanes u_x = place[1][0] - place[0][0], u_y = place[1][1] - place[0][1];
        const lanes v_x = place[2][0] - place[0][0], v_y = place[2][1] - place[0][1];
        flat = __builtin_elementwise_abs(u_x * v_y - u_y * v_x);
    }
    for (long long head = 0; head < planes.shape[0] / count; ++head) {
        const lanes* from = (const lanes*)(planes.data + head * count + first);
        lanes n[4];
        EACH for (int k = 0; k < 4; ++k)
            n[k] = from[k];
        part(n, 4);
        part(n, 4);
        const lanes area = most(root(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]), 1.0e-12f);
        put((float*)(facets.data + head * count + first), n[0] / area, n[1] / area, n[2] / area,
            size * root(flat / area));
    }
});
"""

# Corners are read as whole rows of a table whose rows are four numbers.
_PLANES = """
for (long long head = 0; head < planes.shape[0] / count; ++head) {
    const float* shape = (const float*)vertices.data + 3 * head * vertices_each;
    float* table = (float*)padded.data;
    int done = 0;
    for (; done + 16 <= vertices_each; done += 16) {
        const Triple v = three(shape + 3 * done);
        put(table + 4 * done, v.x, v.y, v.z, 0.0f);
    }
    for (; done < vertices_each; ++done)
        *(four*)(table + 4 * done) = four{shape[3 * done], shape[3 * done + 1], shape[3 * done + 2], 0.0f};
    each([&](int first) INLINE {
        const Triple numbers = three((const float*)(faces.data + first));
        lanes a[4], b[4], c[4];
        alignas(64) float corner[3][16];
        *(lanes*)corner[0] = numbers.x;
        *(lanes*)corner[1] = numbers.y;
        *(lanes*)corner[2] = numbers.z;
        IN_MEMORY(corner);
        rows_of(a, (const int*)corner[0], table);
        rows_of(b, (const int*)corner[1], table);
        rows_of(c, (const int*)corner[2], table);
        EACH for (int axis = 0; axis < 3; ++axis) {
            b[axis] -= a[axis];
            c[axis] -= a[axis];
        }
        const lanes x = b[1] * c[2] - b[2] * c[1], y = b[2] * c[0] - b[0] * c[2];
        const lanes z = b[0] * c[1] - b[1] * c[0];
        put((float*)(planes.data + head * count + first), x, y, z, -(x * a[0] + y * a[1] + z * a[2]));
    });
}
"""


@wp.func_native("".join([LANES, _FACES, _FACETS]))
def fill_facets(
    faces: wp.array(dtype=wp.vec3i),
    planes: wp.array(dtype=wp.vec4),
    uvs: wp.array(dtype=wp.vec2),
    size: float,
    facets: wp.array(dtype=wp.vec4),
):
    """Of all faces of all heads."""
    ...


@wp.func_native("".join([LANES, TRIPLES, _FACES, _PLANES]))
def fill_planes(
    faces: wp.array(dtype=wp.vec3i),
    vertices_each: int,
    vertices: wp.array(dtype=wp.vec3),
    planes: wp.array(dtype=wp.vec4),
    padded: wp.array(dtype=wp.vec4),
):
    """Of all faces of all heads."""
    ...


@wp.kernel
def facet_rows(
    faces: wp.array(dtype=wp.vec3i),
    planes: wp.array(dtype=wp.vec4),
    uvs: wp.array(dtype=wp.vec2),
    size: float,
    facets: wp.array(dtype=wp.vec4),
):
    """As `face_kernel.facet`, in one thread; at least LEAST_FACES faces."""
    fill_facets(faces, planes, uvs, size, facets)


@wp.kernel
def plane_rows(
    faces: wp.array(dtype=wp.vec3i),
    vertices_each: int,
    vertices: wp.array(dtype=wp.vec3),
    planes: wp.array(dtype=wp.vec4),
    padded: wp.array(dtype=wp.vec4),  # (V,) room for a copy of one head's
):
    """As `face_kernel.plane`, in one thread; at least LEAST_FACES faces."""
    fill_planes(faces, vertices_each, vertices, planes, padded)
