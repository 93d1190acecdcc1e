"""Planes of faces, and how finely a texture covers them."""

from __future__ import annotations

import pytest
import torch

from ftb.render import face_rows
from ftb.render.faces import face_planes, facets
from ftb.types import Mesh
from tests.render.shapes import square


def found_of(mesh: Mesh) -> torch.Tensor:
    return facets(mesh, face_planes(mesh), 64)


def test_planes_are_above_zero_in_front():
    planes = face_planes(square(0.2))
    at = torch.tensor([[0.3, -0.7, 0.05, 1.0], [0.0, 0.0, -0.05, 1.0]])
    torch.testing.assert_close(at @ planes.T, 0.2**2 * torch.tensor([[0.05, 0.05], [-0.05, -0.05]]))


def test_facets_know_their_normals_and_texels():
    found = found_of(square(0.2))
    torch.testing.assert_close(found[:, :3], torch.tensor([0.0, 0.0, 1.0]).expand(2, 3))
    torch.testing.assert_close(found[:, 3], torch.full((2,), 64 / 0.2))


@pytest.mark.parametrize("count", [16, 50])
def test_facets_of_many_faces_are_those_of_each(count, generator, monkeypatch):
    mesh = Mesh(
        vertices=torch.randn(3, 40, 3, generator=generator),
        faces=torch.randint(40, (count, 3), generator=generator),
        normals=torch.zeros(3, 40, 3),
        uvs=torch.rand(40, 2, generator=generator),
    )
    for shape in (mesh, Mesh(vertices=mesh.vertices, faces=mesh.faces, normals=mesh.normals)):
        by_rows = found_of(shape)
        with monkeypatch.context() as patch:
            patch.setattr(face_rows, "LEAST_FACES", count + 1)
            one_by_one = found_of(shape)
        torch.testing.assert_close(by_rows, one_by_one, rtol=1e-5, atol=1e-5)
        assert torch.equal(by_rows.unflatten(0, (3, -1))[1], found_of(shape[1:2]))
        assert (by_rows[:, 3] > 0.0).any() == (shape.uvs is not None)


def test_facets_of_flat_and_bare_faces():
    mesh = square(0.2)
    flat = torch.cat([mesh.faces, torch.tensor([[0, 1, 1]])])
    found = found_of(Mesh(vertices=mesh.vertices, faces=flat, normals=mesh.normals))
    torch.testing.assert_close(found[:2, 3], torch.zeros(2))  # no texture: never coarser than its finest
    torch.testing.assert_close(found[2], torch.zeros(4))
