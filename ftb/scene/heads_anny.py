"""Procedural heads: Anny's blendshapes, a random person with a random expression each time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from ftb.scene.heads import Head, HeadSource
from ftb.scene.heads_anatomy import load_anatomy
from ftb.scene.heads_expression import Expression, sample_expression
from ftb.scene.heads_geometry import Figure, shape_heads
from ftb.scene.heads_identity import Identity, sample_identity, slider_spread
from ftb.scene.heads_parameters import plain_parameters
from ftb.scene.skin_fused import paint_heads
from ftb.scene.skin_hair import hair_thicknesses
from ftb.scene.skin_look import Look, sample_looks


class AnnyHeads(HeadSource):
    """Endless people: phenotype, face shape, expression, gaze, neck; skin, hair and eyes
    (`ftb.scene.skin`)."""

    name = "anny"

    def __init__(self, texture_size: int = 256) -> None:
        self.anatomy = load_anatomy()
        self.texture_size = texture_size
        self.action_names = tuple(self.anatomy.actions)
        self.slider_spread = np.array(
            [slider_spread(name, travel) for name, travel in self.anatomy.slider_travel.items()]
        )

    def head(self, generator: torch.Generator) -> Head:
        """Draw one person."""
        return self.heads([generator])[0]

    def heads(self, generators: Sequence[torch.Generator]) -> list[Head]:
        """Draw people; each has the same bits whoever the others are."""
        identities, expressions = [], []
        for generator in generators:
            identities.append(sample_identity(self.slider_spread, generator=generator))
            expressions.append(sample_expression(self.action_names, generator=generator))
        looks = sample_looks(identities, generators=generators)
        people = list(zip(identities, expressions, looks, strict=True))
        figures = [
            Figure(identity=identity, expression=expression, thickness=thickness, curtain=look.hair.curtain)
            for (identity, expression, look), thickness in zip(people, hair_thicknesses(looks), strict=True)
        ]
        shapes, skins = shape_heads(self.anatomy, figures), paint_heads(self.texture_size, looks)
        return [
            Head(
                mesh=geometry.mesh,
                albedo_linear=albedo_linear,
                material=material,
                landmarks=geometry.landmarks,
                tone=look.skin.tone,
                name=f"anny, {expression.name}, {look.hair.style}",
                describe=partial(self._parameters, identity, expression, look),
            )
            for (identity, expression, look), geometry, (albedo_linear, material) in zip(
                people, shapes, skins, strict=True
            )
        ]

    def _parameters(self, identity: Identity, expression: Expression, look: Look) -> dict[str, Any]:
        """What was drawn; sliders by name, and expression strengths only where they are not 0."""
        person = plain_parameters(identity)
        person["sliders"] = dict(zip(self.anatomy.slider_travel, person["sliders"], strict=True))
        face = plain_parameters(expression)
        face["strengths"] = {name: strength for name, strength in face["strengths"].items() if strength}
        return {"identity": person, "expression": face, "look": plain_parameters(look)}
