"""Rays through a bounding-volume hierarchy: the exact answer to "does this point see that direction".

NVIDIA Warp's `wp.Mesh` on CPU and CUDA. Everything is in the frame of the mesh.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import torch
from torch import Tensor

from ftb.kernels.start import on_torch_stream, wp
from ftb.kernels.starting import Packed, floats, launch, packed
from ftb.maths import sphere
from ftb.maths.shapes import expect_shape
from ftb.render import sky_kernel
from ftb.render.spread import farthest_points
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
    """directions (D, 3) unit, spread over the sphere, as is any number of the first of them; neighbours
    (D, 3) int32: of those before it, from the `few` on, the three nearest."""

    directions: Tensor
    neighbours: Tensor
    few: int


@lru_cache(maxsize=8)
def sky_directions(count: int, device: str) -> SkyDirections:
    """A Fibonacci sphere of `count` directions, each far from those before it.

    The first eighth asks nobody, those up to five twelfths ask that eighth, the rest all before them.
    """
    directions = sphere.fibonacci_directions(count).float()
    directions = directions[farthest_points(directions, count)]
    ends = [max(3, count // 8), max(3, 5 * count // 12), count]
    near = torch.zeros(count, 3, dtype=torch.int64)
    for known, stop in pairwise(ends):
        gaps = torch.cdist(directions[known:stop], directions[:known])
        near[known:stop] = gaps.topk(3, largest=False).indices
    return SkyDirections(directions=directions, neighbours=near.to(torch.int32), few=ends[0]).to(device)


def _vectors(tensor: Tensor) -> wp.array:
    return wp.from_torch(tensor.detach().float().contiguous(), dtype=wp.vec3)


def sky_struct(sky: SkyDirections) -> Packed:
    """As kernels read it."""
    return packed(
        sky_kernel.Sky,
        directions=floats(sky.directions),
        neighbours=sky.neighbours,
        few=sky.few,
        solid_angle=4.0 * math.pi / len(sky.directions),
    )


class Occluder:
    """The mesh of one head as a ray target; build costs about 2 ms for 9,000 triangles.

    chosen (V,): where its vertices are among those of the shapes that `sky_rows_of` is given; None: all.
    """

    def __init__(self, mesh: Mesh, chosen: Tensor | None = None) -> None:
        expect_shape(mesh.vertices, "1 V 3", name="mesh.vertices")
        self._chosen = chosen
        self._points = mesh.vertices[0].detach().float().clone()
        self._indices = mesh.faces.to(torch.int32).reshape(-1).contiguous()
        with on_torch_stream(self._points.device):
            self._mesh = wp.Mesh(
                wp.from_torch(self._points, dtype=wp.vec3), wp.from_torch(self._indices, dtype=wp.int32)
            )

    def move(self, points: Tensor) -> None:
        """Give the mesh other points (V, 3); a tenth of a millisecond, since its tree keeps its branches."""
        with on_torch_stream(points.device):
            wp.copy(self._mesh.points, _vectors(points))
            self._mesh.refit()

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

    def sky_rows(
        self, points: Tensor, normals: Tensor, needed: Tensor, sky: SkyDirections
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Transfer of the sky with shadows and without, (P, D) each, and the share seen of a white one (P,).

        Cosine times solid angle. A quarter of the rays of `cosine_transfer`: a direction is as open as its
        three `neighbours` in `sky` where those agree. needed (P,) uint8: points that are 0 there get 0.

        Does not: find what is narrower than the first few directions are apart, unless their rays hit it.
        """
        count = len(sky.directions)
        rows = torch.zeros(2, len(points), count, device=points.device)
        openness = torch.zeros(len(points), device=points.device)
        inputs = [self._mesh.id, floats(points), floats(normals), needed, sky_struct(sky), RAY_OFFSET_M]
        launch(sky_kernel.sky_rows, len(points), [*inputs, rows[0], rows[1], openness], points.device)
        return rows[0], rows[1], openness

    def sky_rows_of(
        self,
        shapes: Tensor,
        starts: Tensor,
        receivers: tuple[Tensor, Tensor, Tensor, Tensor],
        sky: SkyDirections,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As `sky_rows`, of points on several shapes (B, V', 3), shape after shape; leaves the mesh the last
        one. starts (B + 1,): where the points of each shape begin, and all end; receivers: points and normals
        (N, 3); asked (P,) int64, rows of these; needed (P,). Evenly spread unless on the CPU, where starts
        can be read without waiting."""
        points, normals, asked, needed = receivers
        everywhere = (points.index_select(0, asked), normals.index_select(0, asked), needed)
        shapes = shapes if self._chosen is None else shapes.index_select(1, self._chosen)
        count = len(asked)
        ends = starts.tolist() if starts.is_cpu else range(0, count + 1, max(count // len(shapes), 1))
        rows = []
        for shape, (first, end) in zip(shapes, pairwise(ends), strict=True):
            self.move(shape)
            rows.append(self.sky_rows(*(values[first:end] for values in everywhere), sky))
        shadowed, unshadowed, openness = (torch.cat(values) for values in zip(*rows, strict=True))
        return shadowed, unshadowed, openness

    def adaptive_transfer(
        self, points: Tensor, normals: Tensor, needed: Tensor, sky: SkyDirections
    ) -> Tensor:
        """As `cosine_transfer`, (P, D), with the rays of `sky_rows`."""
        return self.sky_rows(points, normals, needed, sky)[0] * (len(sky.directions) / (4.0 * math.pi))

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
        inputs = [self._mesh.id, floats(points), floats(normals), towards, tan_radius, samples]
        launch(_disc_visibility_kernel, len(points), [*inputs, RAY_OFFSET_M, visibility], points.device)
        return visibility
