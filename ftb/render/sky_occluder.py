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
    """The occluders that a thread asked last, with the faces they were built for."""

    def __init__(self) -> None:
        self.occluders: list[tuple[Tensor, Occluder | WideTree]] = []


_KEPT = _Kept()


def kept_occluder(faces: Tensor, rest: Tensor) -> Occluder | WideTree:
    """For `sky_rows_of` shapes of triangles `faces` (F, 3); this thread's alone.

    The tree is always the one of `rest` (V, 3), whatever was asked before: answers depend on the arguments
    alone.
    """
    for known, occluder in _KEPT.occluders:
        if known is faces:
            return occluder
    occluder = OCCLUDERS[rest.device.type](Mesh(vertices=rest[None], faces=faces, normals=rest[None]))
    _KEPT.occluders = [(faces, occluder), *_KEPT.occluders[: MOST_KEPT - 1]]
    return occluder
