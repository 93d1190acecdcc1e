"""Soft edges: what an outline covers of the pixels on its two sides, blended from one picture of them.

An outline is an edge between a face that is seen from its front and one that is not, or the border of an
open mesh. Where it passes between the centres of two neighbouring pixels, of which one shows the surface
that it bounds and the other what lies behind, the pixels that it crosses take as much of the other's colour
as lies on the other's side. After Laine et al. (2020, "Modular Primitives for High-Performance
Differentiable Rendering", section 3.4), with two differences: outlines look for their pixels, so that a
triangle too small to reach a pixel centre counts, too; and shares are exact for straight outlines of every
slope, not for upright ones only, so that every outline may count beside and above.

This is the readable twin of `antialias_fused`. Only photographs are softened. Does not: show what is
thinner than a pixel, or soften lines along which surfaces pierce each other and edges of shadows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from ftb.maths.shapes import expect_shape
from ftb.render.base import view_vertices
from ftb.types import Camera, Mesh, TensorData

# How much farther than the outline, in pixels' widths, the surface may be at the pixel that shows it.
SLACK_PIXELS = 3.0


@dataclass(frozen=True, kw_only=True)
class Outlines(TensorData):
    """Where S pictures of B heads of one topology, S / B in a row of each, may have outlines: `mesh` in the
    heads' frames, its `edges` as of `mesh_edges`, its `planes` as of `faces.face_planes`, `camera`
    from those frames, the `depth` (S, H, H) that the rasterizer saw. culled: whether back faces were left
    out."""

    mesh: Mesh
    edges: Tensor
    planes: Tensor
    camera: Camera
    depth: Tensor
    culled: bool

    def picture(self, number: int) -> Self:
        """One of the pictures, with its head."""
        heads, one = len(self.mesh.vertices), slice(number, number + 1)
        head = number // (len(self.depth) // heads)
        return replace(
            self,
            mesh=self.mesh[head : head + 1],
            planes=self.planes.unflatten(0, (heads, -1))[head],
            camera=self.camera[one],
            depth=self.depth[one],
        )

    def hide(self, picture: int, cover: Tensor) -> None:
        """Leave out those between pixels that something else covers, (H, H): 1 there and 0 elsewhere, in one
        picture; in place."""
        # Depth 0 is neither in front of an outline nor behind it.
        self.depth[picture].mul_(1.0 - cover)


def mesh_edges(mesh: Mesh) -> Tensor:
    """Edges (E, 4) int32 of one shape: two vertices, in the order in which the first face runs through
    them, that face, and the one on the other side, −1 at a border.

    Vertices in one place are one vertex here, so that seams of the texture are no borders. An edge of more
    than two faces, or of two that run the same way, is a border of each.
    """
    expect_shape(mesh.vertices, "A V 3", name="mesh.vertices")
    count = len(mesh.faces)
    _, place = torch.unique(mesh.vertices[0], dim=0, return_inverse=True)
    ends = torch.stack([mesh.faces, mesh.faces.roll(-1, -1)], dim=-1).view(-1, 2)  # (3F, 2)
    owner = torch.arange(count, device=ends.device).repeat_interleave(3)
    low, high = place[ends].aminmax(dim=-1)
    real = low != high
    ends, owner, low, high = ends[real], owner[real], low[real], high[real]
    order = torch.argsort(low * len(place) + high, stable=True)
    ends, owner, low, high = ends[order], owner[order], low[order], high[order]
    _, number, sizes = torch.unique_consecutive(
        torch.stack([low, high], dim=-1), dim=0, return_inverse=True, return_counts=True
    )
    first = sizes.cumsum(0) - sizes
    turned = place[ends[:, 0]] != low
    last = first + sizes - 1
    shared = (sizes == 2) & (turned[first] != turned[last])  # by edge
    other = torch.where(shared, owner[last], -1)[number]
    keep = ~shared[number] | (torch.arange(len(ends), device=ends.device) == first[number])
    return torch.cat([ends, owner[:, None], other[:, None]], dim=-1)[keep].to(torch.int32).contiguous()


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """An outline between two neighbouring pixels, (row, column) each, the second right of the first or below
    it: its depth, and how much of each pixel lies on the other's side."""

    pixels: tuple[tuple[int, int], tuple[int, int]]
    depth: float
    shares: tuple[float, float]


def antialias(linear: Tensor, outlines: Outlines) -> Tensor:
    """Pictures (S, H, H, 3) with soft edges; of several outlines between two pixels the nearest counts."""
    softened = [
        _blended(picture, _crossings(outlines.picture(sample))) for sample, picture in enumerate(linear)
    ]
    return torch.stack(softened)


def _blended(picture: Tensor, crossings: list[Crossing]) -> Tensor:
    nearest: dict[tuple[tuple[int, int], tuple[int, int]], Crossing] = {}
    for crossing in crossings:
        known = nearest.get(crossing.pixels)
        if known is None or crossing.depth < known.depth:
            nearest[crossing.pixels] = crossing
    added = torch.zeros_like(picture)
    totals = torch.zeros_like(picture[..., :2])  # from beside, from above and below
    for crossing in nearest.values():
        first, second = crossing.pixels
        upright = first[0] == second[0]
        for pixel, other, share in ((first, second, 0), (second, first, 1)):
            added[pixel] += crossing.shares[share] * (picture[other] - picture[pixel])
            totals[pixel][0 if upright else 1] += crossing.shares[share]
    # A slanting outline is met beside and above: it covers what it covers only once.
    share = totals.amax(-1, keepdim=True).clamp_max(1.0)
    return picture + added * share / totals.sum(-1, keepdim=True).clamp_min(1e-9)


def _crossings(outlines: Outlines) -> list[Crossing]:
    """Of one picture."""
    size = outlines.depth.shape[-1]
    camera, faces = outlines.camera, outlines.mesh.faces
    seen = view_vertices(outlines.mesh.vertices, camera)[0].double()  # (V, 3)
    a, b, c = seen[faces].unbind(1)
    normals = torch.linalg.cross(b - a, c - a)
    # z counts away from the camera here, which turns the handedness.
    towards = normals[:, 2] if camera.orthographic else (normals * a).sum(-1)
    front = (towards > 0).tolist()
    scale = camera.half_width.double() * (1.0 if camera.orthographic else seen[:, 2:])
    places = torch.cat([1.0 + seen[:, :1] / scale, 1.0 - seen[:, 1:2] / scale], dim=-1) * (size / 2)
    corners = torch.cat([places, seen[:, 2:]], dim=-1).tolist()
    found = []
    for start, end, face, other in outlines.edges.tolist():
        border = other < 0 and (front[face] or not outlines.culled)
        if not (border or (other >= 0 and front[face] != front[other])):
            continue
        line = [corners[start], corners[end]] if front[face] else [corners[end], corners[start]]
        if min(line[0][2], line[1][2]) >= float(camera.near):
            found += _along(line, outlines, True) + _along(line, outlines, False)
    return found


def _along(line: list[list[float]], outlines: Outlines, upright: bool) -> list[Crossing]:
    """Which rows (`upright`), or columns, a line from its first to its second (x, y, depth), pixels and
    metres, crosses; its surface lies on its left."""
    size, found = outlines.depth.shape[-1], []
    (x0, y0, z0), (x1, y1, z1) = line
    (u0, v0), (u1, v1) = ((x0, y0), (x1, y1)) if upright else ((y0, x0), (y1, x1))
    surface_first = (v1 < v0) if upright else (v1 > v0)
    for step in range(max(0, math.ceil(min(v0, v1) - 0.5)), min(size, math.ceil(max(v0, v1) - 0.5))):
        part = (step + 0.5 - v0) / (v1 - v0)
        at = u0 + part * (u1 - u0) - 0.5
        depth = z0 + part * (z1 - z0)
        if not outlines.camera.orthographic:
            depth = 1.0 / (1.0 / z0 + part * (1.0 / z1 - 1.0 / z0))
        cell = math.floor(at)
        pixels = ((step, cell), (step, cell + 1)) if upright else ((cell, step), (cell + 1, step))
        if 0 <= cell and cell + 1 < size and _shows(outlines, pixels, depth, surface_first):
            slope = abs((u1 - u0) / (v1 - v0))
            shares = (1.0 - covered(at - cell, slope), covered(at - cell - 1.0, slope))
            found.append(Crossing(pixels=pixels, depth=depth, shares=shares))
    return found


def _shows(outlines: Outlines, pixels: Any, depth: float, surface_first: bool) -> bool:
    """Whether one pixel shows the outline's surface and the other what lies behind."""
    camera = outlines.camera
    width = 2.0 * float(camera.half_width) / outlines.depth.shape[-1]
    width *= 1.0 if camera.orthographic else depth
    surface, behind = (float(outlines.depth[0][pixel]) for pixel in pixels)
    if not surface_first:
        surface, behind = behind, surface
    return 0.0 < surface <= depth + SLACK_PIXELS * width and (behind < 0.0 or behind >= depth)


def covered(at: float, slope: float) -> float:
    """Share of a pixel on the left of a line that crosses its middle row at `at`, pixels from its centre,
    and moves by `slope` ≥ 0 a row: ∫ clamp(at + slope·y + ½, 0, 1) dy over y in [−½, ½]."""

    def integral(x: float) -> float:
        return 0.5 * x * x if 0.0 <= x <= 1.0 else max(x - 0.5, 0.0)

    half = max(0.5 * slope, 1e-4)
    return (integral(at + 0.5 + half) - integral(at + 0.5 - half)) / (2.0 * half)
