"""Where vertices lie in shadow maps, for the CPU: a light a thread, sixteen vertices at a time.

`bound` and `project` of `ftb.render.shadow_kernel` are the readable twins, and what a GPU runs.
"""

from __future__ import annotations

from ftb.kernels.lanes import LANES, TRIPLES
from ftb.kernels.start import FORWARD, wp

wp.set_module_options(FORWARD)

LEAST_VERTICES = 16  # of a head: as many are read and written at once

# each(first): of the head's vertices, sixteen at a time; the last may be the same as some before.
_VERTICES = """
const int sample = samples.data[light];
const float* shape = (const float*)(vertices.data + (long long)(sample < 0 ? 0 : sample / pictures) * count);
const float* frame = (const float*)(frames.data + light);
const auto each = [&](const auto& visit) INLINE {
    for (int next = 0; next < count; next += 16) {
        const int first = next < count - 16 ? next : count - 16;
        visit(first, three(shape + 3 * first));
    }
};
const auto along = [&](int axis, const Triple& v) INLINE {
    return frame[3 * axis] * v.x + frame[3 * axis + 1] * v.y + frame[3 * axis + 2] * v.z;
};
"""

_BOUND = """
typedef unsigned char flags __attribute__((ext_vector_type(16), aligned(1), may_alias));
if (sample < 0)
    return;
const auto* shown = used.data + (long long)sample * count;
float* found = bounds.data + 4 * light;
lanes widest[4];
EACH for (int k = 0; k < 4; ++k)
    widest[k] = found[k];
each([&](int first, const Triple& v) INLINE {
    const counts wanted = __builtin_convertvector(*(const flags*)(shown + first) != 0, counts);
    if (!__builtin_reduce_or(wanted))
        return;
    EACH for (int axis = 0; axis < 2; ++axis) {
        const lanes at = along(axis, v);
        widest[2 * axis] = most(wanted ? -at : widest[2 * axis], widest[2 * axis]);
        widest[2 * axis + 1] = most(wanted ? at : widest[2 * axis + 1], widest[2 * axis + 1]);
    }
});
for (int k = 0; k < 4; ++k)
    for (int lane = 0; lane < 16; ++lane)
        found[k] = widest[k][lane] > found[k] ? widest[k][lane] : found[k];
"""

_PROJECTED = """
const float* view = (const float*)(window.data + light);
float* to = (float*)(projected.data + (long long)light * count);
each([&](int first, const Triple& v) INLINE {
    const lanes x = (along(0, v) - view[0]) * view[2], y = (along(1, v) - view[1]) * view[2];
    lanes place[4] = {x, y, along(2, v), 0.0f};
    EACH for (int turn = 0; turn < 4; ++turn)  // of six bits: from columns of sixteen to rows of four
        part(place, 4);
    EACH for (int k = 0; k < 4; ++k)
        *(lanes*)(to + 4 * first + 16 * k) = place[k];
});
"""


@wp.func_native("".join([LANES, TRIPLES, _VERTICES, _BOUND]))
def bound_light(
    used: wp.array(dtype=wp.uint8),
    vertices: wp.array(dtype=wp.vec3),
    count: int,
    pictures: int,
    samples: wp.array(dtype=wp.int32),
    frames: wp.array(dtype=wp.mat33),
    bounds: wp.array(dtype=float),
    light: int,
):
    """Widen the bounds of one light."""
    ...


@wp.func_native("".join([LANES, TRIPLES, _VERTICES, _PROJECTED]))
def project_light(
    vertices: wp.array(dtype=wp.vec3),
    count: int,
    pictures: int,
    samples: wp.array(dtype=wp.int32),
    frames: wp.array(dtype=wp.mat33),
    window: wp.array(dtype=wp.vec3),
    projected: wp.array(dtype=wp.vec4),
    light: int,
):
    """Place the vertices in the map of one light."""
    ...


@wp.kernel
def bound_rows(
    used: wp.array(dtype=wp.uint8),
    vertices: wp.array(dtype=wp.vec3),
    count: int,
    pictures: int,
    samples: wp.array(dtype=wp.int32),
    frames: wp.array(dtype=wp.mat33),
    bounds: wp.array(dtype=float),
):
    """As `bound`, a light a thread; at least LEAST_VERTICES vertices."""
    bound_light(used, vertices, count, pictures, samples, frames, bounds, wp.tid())


@wp.kernel
def project_rows(
    vertices: wp.array(dtype=wp.vec3),
    count: int,
    pictures: int,
    samples: wp.array(dtype=wp.int32),
    frames: wp.array(dtype=wp.mat33),
    window: wp.array(dtype=wp.vec3),
    projected: wp.array(dtype=wp.vec4),
):
    """As `project`, a light a thread; at least LEAST_VERTICES vertices."""
    project_light(vertices, count, pictures, samples, frames, window, projected, wp.tid())
