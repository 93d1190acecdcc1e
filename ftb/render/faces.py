"""What is known of faces before they are shaded: their planes, and how finely a texture covers them."""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.kernels.starting import floats, launch
from ftb.maths.shapes import expect_shape
from ftb.render import face_kernel, face_rows
from ftb.types import Mesh


def face_planes(mesh: Mesh) -> Tensor:
    """(B · F, 4): of each face of B shapes, what times a homogeneous point is above 0 in front of it; its
    first three are the face's normal, twice its area long."""
    shapes, vertices = expect_shape(mesh.vertices, "B V 3", name="mesh.vertices").values()
    faces = mesh.faces.to(torch.int32).contiguous()
    planes = torch.empty(shapes * len(faces), 4, device=faces.device)
    inputs = [faces, vertices, floats(mesh.vertices), planes]
    if _by_rows(faces):
        launch(face_rows.plane_rows, 1, [*inputs, torch.empty(vertices, 4)], faces.device)
    else:
        launch(face_kernel.plane, len(planes), inputs, faces.device)
    return planes


def facets(mesh: Mesh, planes: Tensor, size: int) -> Tensor:
    """Unit normal of each face of B shapes, and how many texels of a texture of `size` × `size` it has a
    metre: (B · F, 4); planes as of `face_planes`."""
    faces = mesh.faces.to(torch.int32).contiguous()
    uvs = mesh.vertices.new_zeros(0, 2) if mesh.uvs is None else mesh.uvs
    expect_shape(uvs, "V 2", name="mesh.uvs")
    found = torch.empty_like(planes)
    kernel, threads = (face_rows.facet_rows, 1) if _by_rows(faces) else (face_kernel.facet, len(planes))
    launch(kernel, threads, [faces, planes, floats(uvs), float(size), found], faces.device)
    return found


def _by_rows(faces: Tensor) -> bool:
    return faces.is_cpu and len(faces) >= face_rows.LEAST_FACES
