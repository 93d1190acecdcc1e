"""Rays through a bounding-volume hierarchy: the exact answer to "does this point see that direction".

NVIDIA Warp's `wp.Mesh` on CPU and CUDA. Everything is in the frame of the mesh.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.maths.shapes import expect_shape
from ftb.render.warp_start import wp
from ftb.types import Mesh

# A ray starts this far above the surface, so that it does not hit the triangle it leaves. Smooth
# shading normals lean over flat triangles: half a millimetre clears the facets of a 9,000-triangle head.
RAY_OFFSET_M = 5e-4
RAY_LENGTH_M = 10.0


@wp.kernel(enable_backward=False)
def _cosine_transfer_kernel(
    mesh: wp.uint64,
    points: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    directions: wp.array(dtype=wp.vec3),
    offset: float,
    transfer: wp.array(dtype=float, ndim=2),
):
    point, direction = wp.tid()
    towards = directions[direction]
    cosine = wp.dot(normals[point], towards)
    seen = float(0.0)
    if cosine > 0.0:
        origin = points[point] + normals[point] * offset
        if not wp.mesh_query_ray_anyhit(mesh, origin, towards, 10.0):
            seen = cosine
    transfer[point, direction] = seen


@wp.kernel(enable_backward=False)
def _disc_visibility_kernel(
    mesh: wp.uint64,
    points: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    direction: wp.vec3,
    tan_radius: float,
    samples: int,
    offset: float,
    visibility: wp.array(dtype=float),
):
    point = wp.tid()
    normal = normals[point]
    seen = float(0.0)
    if wp.length(normal) > 0.5 and wp.dot(normal, direction) > -tan_radius:
        tangent = wp.normalize(wp.cross(direction, wp.vec3(0.123, 0.9, 0.41)))
        bitangent = wp.cross(direction, tangent)
        state = wp.rand_init(samples, point)
        turn = wp.randf(state) * 6.2831853
        for sample in range(samples):
            # Vogel's disc: equal areas along the golden angle.
            radius = tan_radius * wp.sqrt((float(sample) + 0.5) / float(samples))
            angle = turn + float(sample) * 2.3999632
            towards = wp.normalize(
                direction + tangent * (radius * wp.cos(angle)) + bitangent * (radius * wp.sin(angle))
            )
            if wp.dot(normal, towards) > 0.0:
                origin = points[point] + normal * offset
                if not wp.mesh_query_ray_anyhit(mesh, origin, towards, 10.0):
                    seen += 1.0
    visibility[point] = seen / float(samples)


def _vectors(tensor: Tensor) -> wp.array:
    return wp.from_torch(tensor.detach().float().contiguous(), dtype=wp.vec3)


class Occluder:
    """The mesh of one head as a ray target; build costs about 2 ms for 9,000 triangles."""

    def __init__(self, mesh: Mesh) -> None:
        expect_shape(mesh.vertices, "1 V 3", name="mesh.vertices")
        self._points = mesh.vertices[0].detach().float().contiguous()
        self._indices = mesh.faces.to(torch.int32).reshape(-1).contiguous()
        self._mesh = wp.Mesh(
            wp.from_torch(self._points, dtype=wp.vec3), wp.from_torch(self._indices, dtype=wp.int32)
        )

    def cosine_transfer(self, points: Tensor, normals: Tensor, directions: Tensor) -> Tensor:
        """max(n·d, 0) where direction d is seen from the point, else 0.

        points, normals (P, 3), directions (D, 3) unit → (P, D).
        """
        transfer = torch.empty(len(points), len(directions), device=points.device)
        wp.launch(
            _cosine_transfer_kernel,
            dim=(len(points), len(directions)),
            inputs=[self._mesh.id, _vectors(points), _vectors(normals), _vectors(directions), RAY_OFFSET_M],
            outputs=[wp.from_torch(transfer)],
            device=wp.device_from_torch(points.device),
        )
        return transfer

    def light_visibility(
        self, points: Tensor, normals: Tensor, direction: Tensor, angular_radius: float, *, samples: int = 1
    ) -> Tensor:
        """The share of a disc-shaped distant light that each point sees, by rays.

        points, normals (P, 3) (a zero normal answers 0), direction (3,) unit towards the light,
        angular_radius in radians, samples rays a point → (P,) in [0, 1].
        Does not: give gradients; visibility is piecewise constant.
        """
        visibility = torch.zeros(len(points), device=points.device)
        towards = wp.vec3(*(float(component) for component in direction))
        tan_radius = float(torch.tan(torch.tensor(angular_radius)))
        wp.launch(
            _disc_visibility_kernel,
            dim=len(points),
            inputs=[
                self._mesh.id,
                _vectors(points),
                _vectors(normals),
                towards,
                tan_radius,
                samples,
                RAY_OFFSET_M,
            ],
            outputs=[wp.from_torch(visibility)],
            device=wp.device_from_torch(points.device),
        )
        return visibility
