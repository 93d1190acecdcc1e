"""Heads from the user's files."""

from __future__ import annotations

from pathlib import Path

import torch

from ftb.scene.heads import Head, HeadSource


class MeshHeads(HeadSource):
    """GLB, OBJ or PLY heads of a folder."""

    name = "meshes"

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        raise ValueError(f"{directory}: mesh heads are read in the next commit")

    def head(self, generator: torch.Generator) -> Head:
        """Draw one of the folder's heads."""
        raise ValueError(f"{self.directory}: no head")
