"""Heads: the seam every source of heads answers with, and the choice between sources."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ftb.types import Mesh, TensorData

SKIN_F0 = 0.028  # specular reflectance at normal incidence (refractive index 1.4)


@dataclass(frozen=True, kw_only=True)
class Head(TensorData):
    """One head in its own frame: +Y up, +Z where the face looks, metres, origin between the ears at eye
    level.

    mesh (batch of 1; faces and uvs are the same for every head of a procedural source); albedo_linear (T,
    T, 3) in [0, 1]; material (T, T, 2): perceptual roughness and specular reflectance F0; landmarks (5,
    3): eye centres (−X first), nose tip, mouth corners (−X first), YuNet's order as seen in a picture;
    tone: Monk skin tone 1 (lightest) to 10; name: what it was made from; describe: gives `parameters`.
    """

    mesh: Mesh
    albedo_linear: Tensor
    material: Tensor
    landmarks: Tensor
    tone: float
    name: str
    describe: Callable[[], dict[str, Any]] = dict

    @property
    def parameters(self) -> dict[str, Any]:
        """Of a drawn head all that was drawn, as plain numbers by name; empty for one read from a file.

        Written down when asked for: few who draw heads ask.
        """
        return self.describe()


class HeadSource(ABC):
    """Where heads come from. `head` is a function of the generator's state alone.

    recurring: the same geometry comes back under the same `Head.name`, so that what is computed from it
    can be kept.
    """

    name: str
    recurring: bool = False

    @abstractmethod
    def head(self, generator: torch.Generator) -> Head:
        """Draw one head; every draw is made from `generator`, in a fixed order."""

    def heads(self, generators: Sequence[torch.Generator]) -> list[Head]:
        """Draw a head from each generator, with the bits that `head` gives it: for sources to which many at
        once are cheaper."""
        return [self.head(generator) for generator in generators]


def resolve_heads(heads_dir: Path | None) -> HeadSource:
    """The user's meshes where a folder is given, else endless procedural heads."""
    from ftb.scene.heads_anny import AnnyHeads
    from ftb.scene.heads_mesh import MeshHeads

    return AnnyHeads() if heads_dir is None else MeshHeads(Path(heads_dir))
