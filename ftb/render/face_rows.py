"""Facets and planes of heads' faces, for the CPU, sixteen faces at a time.

`facet` of `ftb.render.texture_kernel` and `planes_of` of `ftb.render.antialias_kernel` are the readable
twins, and what a GPU runs.
"""

from __future__ import annotations

from ftb.kernels.lanes import LANES
from ftb.kernels.start import FORWARD, wp

wp.set_module_options(FORWARD)

LEAST_FACES = 16  # as many are read and written at once

# each(visit): sixteen faces of one head after the other; the last may be the same as some before. normal:
# twice the area long.
_FACES = """
struct Triple {
    lanes x, y, z;
};
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
const auto normal_of = [&](const float* shape, int first, lanes (&start)[3]) INLINE {
    lanes b[3], c[3];
    corners_of(shape, 3, first, 0, start);
    corners_of(shape, 3, first, 1, b);
    corners_of(shape, 3, first, 2, c);
    EACH for (int axis = 0; axis < 3; ++axis) {
        b[axis] -= start[axis];
        c[axis] -= start[axis];
    }
    return Triple{b[1] * c[2] - b[2] * c[1], b[2] * c[0] - b[0] * c[2], b[0] * c[1] - b[1] * c[0]};
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
    for (int head = 0; head < heads; ++head) {
        lanes start[3];
        const float* shape = (const float*)vertices.data + 3ll * head * (vertices.shape[0] / heads);
        const Triple n = normal_of(shape, first, start);
        const lanes area = most(root(n.x * n.x + n.y * n.y + n.z * n.z), 1.0e-12f);
        put((float*)facets.data + 4 * ((long long)head * count + first), n.x / area, n.y / area, n.z / area,
            size * root(flat / area));
    }
});
"""

_PLANES = """
for (int head = 0; head < heads; ++head)
    each([&](int first) INLINE {
        lanes a[3];
        const float* shape = (const float*)vertices.data + 3ll * head * (vertices.shape[0] / heads);
        const Triple n = normal_of(shape, first, a);
        put((float*)planes.data + 4 * ((long long)head * count + first), n.x, n.y, n.z,
            -(n.x * a[0] + n.y * a[1] + n.z * a[2]));
    });
"""


@wp.func_native("".join([LANES, _FACES, _FACETS]))
def fill_facets(
    heads: int,
    faces: wp.array(dtype=wp.vec3i),
    vertices: wp.array(dtype=wp.vec3),
    uvs: wp.array(dtype=wp.vec2),
    size: float,
    facets: wp.array(dtype=wp.vec4),
):
    """Of all faces of all heads."""
    ...


@wp.func_native("".join([LANES, _FACES, _PLANES]))
def fill_planes(
    heads: int,
    faces: wp.array(dtype=wp.vec3i),
    vertices: wp.array(dtype=wp.vec3),
    planes: wp.array(dtype=wp.vec4),
):
    """Of all faces of all heads."""
    ...


@wp.kernel
def facet_rows(
    heads: int,
    faces: wp.array(dtype=wp.vec3i),
    vertices: wp.array(dtype=wp.vec3),
    uvs: wp.array(dtype=wp.vec2),
    size: float,
    facets: wp.array(dtype=wp.vec4),
):
    """As `facet`, in one thread; at least LEAST_FACES faces."""
    fill_facets(heads, faces, vertices, uvs, size, facets)


@wp.kernel
def plane_rows(
    heads: int,
    faces: wp.array(dtype=wp.vec3i),
    vertices: wp.array(dtype=wp.vec3),
    planes: wp.array(dtype=wp.vec4),
):
    """As `planes_of`, in one thread; at least LEAST_FACES faces."""
    fill_planes(heads, faces, vertices, planes)
