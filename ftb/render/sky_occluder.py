"""What hides the sky: by kind of device, and kept from head to head."""

from __future__ import annotations

import threading

from torch import Tensor

from ftb.render.occlusion import Occluder
from ftb.render.wide_tree import WideTree
from ftb.types import Mesh

# By kind of device.
OCCLUDERS: dict[str, type[Occluder] | type[WideTree]] = {"cpu": WideTree, "cuda": Occluder}
MOST_KEPT = 4


class _Kept(threading.local):
    """The occluders that a thread asked last, with the faces and chosen vertices they were built for."""

    def __init__(self) -> None:
        self.occluders: list[tuple[Tensor, Tensor | None, Occluder | WideTree]] = []


_KEPT = _Kept()


def kept_occluder(faces: Tensor, rest: Tensor, chosen: Tensor | None = None) -> Occluder | WideTree:
    """For `sky_rows_of` shapes, of triangles `faces` (F, 3) between their vertices `chosen` (V,), or between
    all; this thread's alone.

    The tree is always the one of `rest` (V, 3), whatever was asked before: answers depend on the arguments
    alone.
    """
    for known, known_chosen, occluder in _KEPT.occluders:
        if known is faces and known_chosen is chosen:
            return occluder
    mesh = Mesh(vertices=rest[None], faces=faces, normals=rest[None])
    occluder = OCCLUDERS[rest.device.type](mesh, chosen)
    _KEPT.occluders = [(faces, chosen, occluder), *_KEPT.occluders[: MOST_KEPT - 1]]
    return occluder
