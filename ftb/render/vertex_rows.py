"""Which vertices pictures show, for the CPU: a picture a thread, whose neighbours mostly show the same face.

`mark_faces` and `mark_vertices` of `ftb.render.vertex_kernel` are the twins, and what a GPU runs.
"""

from __future__ import annotations

from ftb.kernels.start import wp

wp.set_module_options({"enable_backward": False})

_MARK = """
typedef long long eight __attribute__((ext_vector_type(8), aligned(8), may_alias));
const long long* shown = (const long long*)pix_to_face.data + (long long)picture * pixels;
const int* corners = (const int*)faces.data;
auto* seen = used.data + (long long)picture * vertices;
long long last = -1;
const auto mark = [&](long long face) {
    if (face == last || face < 0)
        return;
    last = face;
    for (int k = 0; k < 3; ++k)
        seen[corners[3 * face + k]] = 1;
};
int pixel = 0;
for (; pixel + 8 <= pixels; pixel += 8) {
    const eight some = *(const eight*)(shown + pixel);
    if (__builtin_reduce_and((some == last) | (some < 0)))
        continue;
    for (int k = 0; k < 8; ++k)
        mark(shown[pixel + k]);
}
for (; pixel < pixels; ++pixel)
    mark(shown[pixel]);
"""


@wp.func_native(_MARK)
def mark_picture(
    pix_to_face: wp.array(dtype=wp.int64),
    pixels: int,
    faces: wp.array(dtype=wp.vec3i),
    vertices: int,
    used: wp.array(dtype=wp.uint8),
    picture: int,
):
    """Mark the vertices of the faces that a picture shows."""
    ...


@wp.kernel
def mark_used(
    pix_to_face: wp.array(dtype=wp.int64),  # (S · pixels,)
    pixels: int,
    faces: wp.array(dtype=wp.vec3i),
    vertices: int,
    used: wp.array(dtype=wp.uint8),  # (S · vertices,)
):
    """One picture a thread."""
    mark_picture(pix_to_face, pixels, faces, vertices, used, wp.tid())
