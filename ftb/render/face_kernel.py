"""What is known of each face of heads of one topology, a face of one head a thread."""

from __future__ import annotations

from ftb.kernels.start import FORWARD, wp
from ftb.render.light_functions import quotient

wp.set_module_options(FORWARD)


@wp.kernel
def plane(
    faces: wp.array(dtype=wp.vec3i),
    vertices_each: int,  # V
    vertices: wp.array(dtype=wp.vec3),  # (B · V,)
    planes: wp.array(dtype=wp.vec4),  # (B · F,), out
):
    """What, times a homogeneous point, is above 0 in front of the face: first its normal, twice its area
    long."""
    n = wp.tid()
    head = quotient(n, faces.shape[0])
    corner = faces[n - head * faces.shape[0]]
    first = head * vertices_each
    a = vertices[first + corner[0]]
    normal = wp.cross(vertices[first + corner[1]] - a, vertices[first + corner[2]] - a)
    planes[n] = wp.vec4(normal[0], normal[1], normal[2], -wp.dot(normal, a))


@wp.kernel
def facet(
    faces: wp.array(dtype=wp.vec3i),
    planes: wp.array(dtype=wp.vec4),  # (B · F,)
    uvs: wp.array(dtype=wp.vec2),  # (V,) or none
    size: float,
    facets: wp.array(dtype=wp.vec4),  # (B · F,), out
):
    """Unit normal, and texels a metre."""
    n = wp.tid()
    corner = faces[n % faces.shape[0]]
    normal = wp.vec3(planes[n][0], planes[n][1], planes[n][2])
    area = wp.max(wp.length(normal), 1.0e-12)
    texels = float(0.0)
    if uvs.shape[0] > 0:
        place = uvs[corner[0]]
        u = uvs[corner[1]] - place
        v = uvs[corner[2]] - place
        texels = size * wp.sqrt(wp.abs(u[0] * v[1] - u[1] * v[0]) / area)
    facets[n] = wp.vec4(normal[0] / area, normal[1] / area, normal[2] / area, texels)
