"""Pictures that are made at once: of one head, or of several of one topology."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ftb.render.shade import Skin
from ftb.scene.heads import Head
from ftb.scene.sampler import Chunk
from ftb.types import Camera, Mesh, TensorData, concatenate


@dataclass(frozen=True, kw_only=True)
class Sitting(TensorData):
    """S pictures of B heads of one topology, S / B in a row of each.

    mesh (B shapes) and skin (B, T, T, ·) of the heads; camera (S,) from their frames; head: of one that sits
    apart."""

    mesh: Mesh
    skin: Skin
    camera: Camera
    head: Head | None = None


def sittings(chunks: Sequence[Chunk], *, apart: bool) -> list[Sitting]:
    """Chunks that follow each other as one where their heads share faces and texture coordinates and have
    textures of one size. apart: each for itself in any case."""
    return [_sitting(run, apart) for run in _runs(chunks, apart)]


def _runs(chunks: Sequence[Chunk], apart: bool) -> Iterator[Sequence[Chunk]]:
    parted = [apart or not _alike(one, other) for one, other in pairwise(chunks)]
    starts = [0, *(number for number, part in enumerate(parted, start=1) if part), len(chunks)]
    for first, end in pairwise(starts):
        yield chunks[first:end]


def _alike(one: Chunk, other: Chunk) -> bool:
    a, b = one.head, other.head
    shared = a.mesh.faces is b.mesh.faces and a.mesh.uvs is b.mesh.uvs
    sizes = [(len(head.albedo_linear), len(head.material)) for head in (a, b)]
    return shared and sizes[0] == sizes[1] and len(one.index) == len(other.index)


def _sitting(run: Sequence[Chunk], apart: bool) -> Sitting:
    heads = [chunk.head for chunk in run]
    mesh = heads[0].mesh
    cameras = [chunk.camera for chunk in run]
    return Sitting(
        mesh=Mesh(
            vertices=_joined([head.mesh.vertices for head in heads]),
            faces=mesh.faces,
            normals=_joined([head.mesh.normals for head in heads]),
            uvs=mesh.uvs,
        ),
        skin=Skin(
            albedo_linear=_joined([head.albedo_linear[None] for head in heads]),
            material=_joined([head.material[None] for head in heads]),
        ),
        camera=concatenate(cameras) if len(cameras) > 1 else cameras[0],
        head=heads[0] if apart else None,
    )


def _joined(parts: list[Tensor]) -> Tensor:
    """Along the leading dimension, which is 1 of each; without a copy where they lie one behind the other in
    memory already."""
    first = parts[0]
    known, shape, strides = first.untyped_storage().data_ptr(), first.shape, first.stride()
    step = first[0].numel() if first.is_contiguous() else strides[0]
    start = first.storage_offset()
    lie_so = all(
        part.storage_offset() == start + number * step
        and part.untyped_storage().data_ptr() == known
        and part.stride() == strides
        and part.shape == shape
        for number, part in enumerate(parts)
    )
    if lie_so and len(first) == 1:
        return first.as_strided((len(parts), *shape[1:]), (step, *strides[1:]))
    return torch.cat(parts)
