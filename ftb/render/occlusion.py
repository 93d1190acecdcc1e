"""Rays through a bounding-volume hierarchy: the exact answer to "does this point see that direction".

NVIDIA Warp's `wp.Mesh` on CPU and CUDA. Everything is in the frame of the mesh.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from ftb.maths import sphere
from ftb.maths.shapes import expect_shape
from ftb.render.warp_start import launch, on_torch_stream, wp
from ftb.types import Mesh, TensorData

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


@wp.func
def _sees(mesh: wp.uint64, point: wp.vec3, normal: wp.vec3, towards: wp.vec3, offset: float):
    return not wp.mesh_query_ray_anyhit(mesh, point + normal * offset, towards, 10.0)


@wp.kernel(enable_backward=False)
def _few_kernel(
    mesh: wp.uint64,
    points: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    needed: wp.array(dtype=wp.uint8),
    directions: wp.array(dtype=wp.vec3),
    few: int,
    offset: float,
    transfer: wp.array(dtype=float, ndim=2),
):
    """The first few directions, by rays."""
    point, direction = wp.tid()
    if needed[point] != wp.uint8(0):
        cosine = wp.dot(normals[point], directions[direction])
        if cosine > 0.0 and _sees(mesh, points[point], normals[point], directions[direction], offset):
            transfer[point, direction] = cosine


@wp.kernel(enable_backward=False)
def _rest_kernel(
    mesh: wp.uint64,
    points: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    needed: wp.array(dtype=wp.uint8),
    directions: wp.array(dtype=wp.vec3),
    neighbours: wp.array(dtype=wp.vec3i),
    few: int,
    offset: float,
    transfer: wp.array(dtype=float, ndim=2),
):
    """The other directions: as their neighbours among the few where those agree, else by rays."""
    point, number = wp.tid()
    direction = few + number
    cosine = wp.dot(normals[point], directions[direction])
    if needed[point] == wp.uint8(0) or cosine <= 0.0:
        return
    near = neighbours[direction]
    above = int(0)  # noqa: RUF046
    seen = int(0)  # noqa: RUF046
    for k in range(3):
        if wp.dot(normals[point], directions[near[k]]) > 0.0:
            above += 1
            if transfer[point, near[k]] > 0.0:
                seen += 1
    lit = seen > 0
    if above == 0 or (seen > 0 and seen < above):
        lit = _sees(mesh, points[point], normals[point], directions[direction], offset)
    if lit:
        transfer[point, direction] = cosine


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


@dataclass(frozen=True, kw_only=True)
class SkyDirections(TensorData):
    """directions (D, 3) unit, spread over the sphere, the first `few` of them too; neighbours (D, 3) int32:
    the three nearest of the few."""

    directions: Tensor
    neighbours: Tensor
    few: int


@lru_cache(maxsize=8)
def sky_directions(count: int, device: str) -> SkyDirections:
    """A Fibonacci sphere of `count` directions, a quarter of them, far from each other, in front."""
    directions = sphere.fibonacci_directions(count).float()
    few = max(3, count // 4)
    first = farthest_points(directions, few)
    rest = torch.ones(count, dtype=torch.bool).index_fill(0, first, False).nonzero()[:, 0]
    directions = directions[torch.cat([first, rest])]
    near = torch.cdist(directions, directions[:few]).topk(3, largest=False).indices
    return SkyDirections(directions=directions, neighbours=near.to(torch.int32), few=few).to(device)


def farthest_points(features: Tensor, count: int) -> Tensor:
    """Numbers (count,) of points (N, C), each the farthest from those before it; starts at point 0."""
    chosen = torch.zeros(count, dtype=torch.int64, device=features.device)
    distance = torch.full((len(features),), torch.inf, device=features.device)
    for step in range(1, count):
        distance = torch.minimum(distance, (features - features[chosen[step - 1]]).square().sum(-1))
        chosen[step] = distance.argmax()
    return chosen


def _vectors(tensor: Tensor) -> wp.array:
    return wp.from_torch(tensor.detach().float().contiguous(), dtype=wp.vec3)


class Occluder:
    """The mesh of one head as a ray target; build costs about 2 ms for 9,000 triangles."""

    def __init__(self, mesh: Mesh) -> None:
        expect_shape(mesh.vertices, "1 V 3", name="mesh.vertices")
        self._points = mesh.vertices[0].detach().float().contiguous()
        self._indices = mesh.faces.to(torch.int32).reshape(-1).contiguous()
        with on_torch_stream(self._points.device):
            self._mesh = wp.Mesh(
                wp.from_torch(self._points, dtype=wp.vec3), wp.from_torch(self._indices, dtype=wp.int32)
            )

    def cosine_transfer(self, points: Tensor, normals: Tensor, directions: Tensor) -> Tensor:
        """max(n·d, 0) where direction d is seen from the point, else 0.

        points, normals (P, 3), directions (D, 3) unit → (P, D).
        """
        transfer = torch.empty(len(points), len(directions), device=points.device)
        inputs = [self._mesh.id, _vectors(points), _vectors(normals), _vectors(directions), RAY_OFFSET_M]
        device = wp.device_from_torch(points.device)
        with on_torch_stream(points.device):
            wp.launch(
                _cosine_transfer_kernel,
                tuple(transfer.shape),
                [*inputs, wp.from_torch(transfer)],
                device=device,
            )
        return transfer

    def adaptive_transfer(
        self, points: Tensor, normals: Tensor, needed: Tensor, sky: SkyDirections
    ) -> Tensor:
        """As `cosine_transfer` with a third of the rays: a direction is taken to be as open as the three of
        `sky.few` around it where those agree. needed (P,) uint8: points that are 0 there get a row of 0.

        Does not: find what is narrower than the few directions are apart, unless their rays hit it.
        """
        count = len(sky.directions)
        transfer = torch.zeros(len(points), count, device=points.device)
        directions = _vectors(sky.directions)
        inputs = [self._mesh.id, _vectors(points), _vectors(normals), wp.from_torch(needed), directions]
        options = {"outputs": [wp.from_torch(transfer)], "device": wp.device_from_torch(points.device)}
        with on_torch_stream(points.device):
            wp.launch(_few_kernel, (len(points), sky.few), inputs=[*inputs, sky.few, RAY_OFFSET_M], **options)
            inputs += [wp.from_torch(sky.neighbours, dtype=wp.vec3i), sky.few, RAY_OFFSET_M]
            wp.launch(_rest_kernel, (len(points), count - sky.few), inputs=inputs, **options)
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
        inputs = [self._mesh.id, _vectors(points), _vectors(normals), towards, tan_radius, samples]
        launch(_disc_visibility_kernel, len(points), [*inputs, RAY_OFFSET_M, visibility], points.device)
        return visibility
