"""Soft edges by Warp kernels: a pass over faces, one over edges, two over pixels; CPU and CUDA, no gradients.

`ftb.render.antialias` is the readable twin.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.maths.shapes import expect_shape
from ftb.render import antialias_kernel
from ftb.render.antialias import Outlines
from ftb.render.row_kernel import Row
from ftb.render.warp_start import launch, wp
from ftb.types import Mesh


def soften(linear: Tensor, outlines: Outlines) -> None:
    """Soften the edges of pictures (S, 3, H, H) in place, H a multiple of 16.

    The result of a picture does not depend on the others.
    """
    samples, size = expect_shape(linear, "S 3 H H", name="linear")["S"], linear.shape[-1]
    device = linear.device
    marks = torch.zeros(samples, 2, size, size, dtype=torch.int32, device=device)
    views, planes = _views(outlines), _vectors(outlines.planes, wp.vec4)
    fronts = torch.empty(samples * len(outlines.planes), dtype=torch.uint8, device=device)
    launch(antialias_kernel.mark_fronts, len(fronts), [views, planes, fronts], device)
    edges = [len(outlines.edges), wp.from_torch(outlines.edges, dtype=wp.vec4i)]
    shape = [len(outlines.planes), fronts, _vectors(outlines.mesh.vertices[0])]
    depth = outlines.depth.float().contiguous()
    inputs = [views, *edges, *shape, depth, marks]
    launch(antialias_kernel.mark_outlines, samples * len(outlines.edges), inputs, device)
    rows = linear.numel() // 48
    touched = torch.empty(rows, dtype=torch.uint8, device=device)
    mixed, colours = _rows(torch.empty_like(linear)), _rows(linear)
    known = wp.from_torch(marks.view(-1, 16), dtype=antialias_kernel.Marks)
    launch(antialias_kernel.mix, rows, [size, 16, known, marks, linear, mixed, touched], device)
    launch(antialias_kernel.put_back, rows, [size * size // 16, touched, mixed, colours], device)


def face_planes(mesh: Mesh) -> Tensor:
    """(F, 4): of each face of one shape, what times a homogeneous point is above 0 in front of it."""
    faces = mesh.faces.to(torch.int32).contiguous()
    planes = torch.empty(len(faces), 4, device=faces.device)
    inputs = [
        wp.from_torch(faces, dtype=wp.vec3i),
        _vectors(mesh.vertices[0]),
        _vectors(planes, wp.vec4),
    ]
    launch(antialias_kernel.planes_of, len(faces), inputs, faces.device)
    return planes


def _views(outlines: Outlines) -> antialias_kernel.Views:
    camera = outlines.camera
    rotations, moves = camera.cam_from_world[:, :3, :3].float(), camera.cam_from_world[:, :3, 3].float()
    if camera.orthographic:
        eyes = torch.nn.functional.pad(rotations[:, 2], (0, 1))
    else:
        place = -(rotations.transpose(-1, -2) @ moves[..., None])[..., 0]
        eyes = torch.nn.functional.pad(place, (0, 1), value=1.0)
    views = antialias_kernel.Views()
    views.size, views.orthographic = outlines.depth.shape[-1], camera.orthographic
    views.culled = outlines.culled
    views.half_width, views.near = _scalars(camera.half_width), _scalars(camera.near)
    views.rotations, views.translations = _vectors(rotations, wp.mat33), _vectors(moves)
    views.eyes = _vectors(eyes, wp.vec4)
    return views


def _rows(planes: Tensor) -> wp.array:
    return wp.from_torch(planes.view(-1, 16), dtype=Row)


def _vectors(tensor: Tensor, dtype: type = wp.vec3) -> wp.array:
    return wp.from_torch(tensor.detach().float().contiguous(), dtype=dtype)


def _scalars(tensor: Tensor) -> wp.array:
    return wp.from_torch(tensor.detach().float().contiguous().view(-1))
