"""The readable twin of `warp_backend`: homogeneous rasterization in plain torch, in float64.

Olano and Greer, "Triangle Scan Conversion Using 2D Homogeneous Coordinates", 1997: with corners as
columns of a 3 × 3 matrix, a pixel's ray is inside the triangle where its three determinants with the
edges share the sign of the matrix's own, wherever the corners lie, behind the eye too.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.render.base import Rasterizer, empty_fragments, pixel_rays, view_vertices
from ftb.types import Camera, Fragments, Mesh, stack

PAIRS_AT_ONCE = 4_000_000  # (triangle, pixel) candidates tested together: bounds the memory
BOX_MARGIN = 1  # pixels around a triangle's projection, so that rounding cuts nothing off


class ReferenceRasterizer(Rasterizer):
    """Slow and plain; computes in float64, fragments have the vertices' dtype.

    Watertight: an edge's determinant is computed from its corners in one order, whichever triangle
    asks, and a ray upon it belongs to one side. threads is accepted and not used.
    """

    name = "reference"

    def __init__(self, device: torch.device | str = "cpu", threads: int = 1) -> None:
        del device, threads  # follows its inputs

    def _rasterize(self, mesh: Mesh, camera: Camera, size: tuple[int, int], cull: bool) -> Fragments:
        batch = max(mesh.vertices.shape[0], camera.near.shape[0])
        camera = camera.map(lambda t: t.expand(batch, *t.shape[1:]).double())
        seen = view_vertices(mesh.vertices.double().expand(batch, -1, -1), camera)
        rays = pixel_rays(camera, size)
        images = [_rasterize_one(seen[b][mesh.faces], rays[b], camera[b], cull) for b in range(batch)]
        if not images:
            return empty_fragments(mesh.vertices, (0, *size))
        dtype = mesh.vertices.dtype
        return stack(images).map(lambda t: t.to(dtype) if t.is_floating_point() else t)


def _rasterize_one(corners: Tensor, rays: Tensor, camera: Camera, cull: bool) -> Fragments:
    """One image. corners (F, 3, 3) of each face, in view; rays (H, W, 2); camera unbatched."""
    height, width = rays.shape[:2]
    weight = torch.ones_like(corners[..., 2:]) if camera.orthographic else corners[..., 2:]
    homogeneous = torch.cat((corners[..., :2], weight), dim=-1)  # (F, 3, 3), a corner a row
    facing = torch.linalg.det(homogeneous)
    visible = corners.isfinite().flatten(1).all(-1) & ((facing > 0) | ((facing < 0) & (not cull)))
    boxes = _boxes(corners, camera, (height, width))
    hits = []
    for faces in _chunks(visible.nonzero().flatten(), boxes):
        face, pixel = _candidates(faces, boxes, width)
        areas, inside = _inside(homogeneous[face], rays.flatten(0, 1)[pixel])
        bary = areas[inside] / areas[inside].sum(-1, keepdim=True)
        depth = (bary * corners[face[inside], :, 2]).sum(-1)
        beyond = depth >= camera.near
        hits.append((face[inside][beyond], pixel[inside][beyond], bary[beyond], depth[beyond]))
    if not hits:
        return empty_fragments(corners, (height, width))
    face, pixel, bary, depth = (torch.cat(parts) for parts in zip(*hits, strict=True))
    return _nearest(face, pixel, bary, depth, (height, width))


def _nearest(face: Tensor, pixel: Tensor, bary: Tensor, depth: Tensor, size: tuple[int, int]) -> Fragments:
    """Of all hits of a pixel the nearest, and of equally near ones that with the lowest face."""
    out = empty_fragments(depth, (size[0] * size[1],))
    least = torch.full_like(out.depth, torch.inf).scatter_reduce(0, pixel, depth, "amin")
    nearest = depth == least[pixel]
    lowest = torch.full_like(out.pix_to_face, face.numel() and int(face.max()) + 1)
    lowest = lowest.scatter_reduce(0, pixel[nearest], face[nearest], "amin")
    wins = nearest & (face == lowest[pixel])
    out.pix_to_face[pixel[wins]] = face[wins]
    out.bary_coords[pixel[wins]] = bary[wins]
    out.depth[pixel[wins]] = depth[wins]
    return out.map(lambda t: t.unflatten(0, size))


def _inside(corners: Tensor, ray: Tensor) -> tuple[Tensor, Tensor]:
    """Signed areas opposite each corner (N, 3) of homogeneous corners (N, 3, 3), and whether a ray is inside.

    Areas are positive inside a triangle that faces the camera, all negative inside one that does not.
    """
    edges = torch.stack([_edge(corners[:, (k + 1) % 3], corners[:, (k + 2) % 3]) for k in range(3)], dim=1)
    areas = edges[..., 0] * ray[:, None, 0] + edges[..., 1] * ray[:, None, 1] + edges[..., 2]
    side = torch.linalg.det(corners).sign()[:, None]
    right, up = side * edges[..., 0], side * edges[..., 1]
    # A ray upon an edge counts as if moved infinitesimally to the right and, far less, down.
    upon = (areas == 0) & ((right > 0) | ((right == 0) & (up < 0)))
    return areas, ((side * areas > 0) | upon).all(-1)


def _edge(start: Tensor, end: Tensor) -> Tensor:
    """start × end (N, 3), rounded alike from both of its sides: −_edge(end, start) exactly."""
    x_first = start[:, 0] != end[:, 0]
    swap = torch.where(x_first, start[:, 0] > end[:, 0], start[:, 1] > end[:, 1])[:, None]
    cross = torch.linalg.cross(torch.where(swap, end, start), torch.where(swap, start, end))
    return torch.where(swap, -cross, cross)


def _boxes(corners: Tensor, camera: Camera, size: tuple[int, int]) -> Tensor:
    """First column, first row, columns and rows (F, 4) that a face may cover: all where it is clipped."""
    height, width = size
    depth = torch.ones_like(corners[..., 2]) if camera.orthographic else corners[..., 2]
    in_front = corners.isfinite().flatten(1).all(-1)
    if not camera.orthographic:
        in_front &= (depth >= camera.near).all(-1)
    plane = corners[..., :2] / torch.where(in_front[:, None], depth, 1.0)[..., None]
    pixels_per_unit = width / 2 / camera.half_width
    across = width / 2 + plane[..., 0] * pixels_per_unit
    down = height / 2 - plane[..., 1] * pixels_per_unit
    ends = []
    for position, pixels in ((across, width), (down, height)):
        first = torch.where(in_front, position.amin(-1).floor() - BOX_MARGIN, 0).clamp(0, pixels)
        end = torch.where(in_front, position.amax(-1).ceil() + BOX_MARGIN, pixels).clamp(0, pixels)
        ends.append((first, end - first))
    (left, columns), (top, rows) = ends
    return torch.stack((left, top, columns, rows), dim=-1).long()


def _candidates(faces: Tensor, boxes: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Every (face, pixel) of the faces' boxes, flat."""
    left, top, columns, rows = boxes[faces].unbind(-1)
    count = columns * rows
    box = torch.repeat_interleave(count)
    within = torch.arange(len(box), device=box.device) - (count.cumsum(0) - count)[box]
    row = top[box] + within // columns[box]
    return faces[box], row * width + left[box] + within % columns[box]


def _chunks(faces: Tensor, boxes: Tensor) -> list[Tensor]:
    """The faces in groups of about PAIRS_AT_ONCE candidates, without those that have none."""
    count = boxes[faces, 2] * boxes[faces, 3]
    faces, count = faces[count > 0], count[count > 0]
    group = count.cumsum(0) // PAIRS_AT_ONCE
    return list(faces.split(group.unique_consecutive(return_counts=True)[1].tolist()))
