"""A few heads instead of endless ones, for asking how many it takes."""

from __future__ import annotations

import copy

import torch

from ftb.maths.random import generator_for
from ftb.scene.heads import Head, HeadSource


class FewHeads(HeadSource):
    """`count` heads of another source, in turns: the chunks of a split that are count apart share a head.

    Head i is the one that the other source gives chunk i of (seed, split), so that few heads are the first of
    many. `turn` gives the source of one chunk.
    """

    def __init__(self, source: HeadSource, count: int, *, seed: int, split: str) -> None:
        if count < 1:
            raise ValueError(f"count: expected 1 head or more, got {count}")
        self.name = source.name
        self.recurring = source.recurring
        self._source, self._count = source, count
        self._seed, self._split = seed, split
        self._number = 0

    def turn(self, chunk: int) -> FewHeads:
        """This source with the head of chunk number `chunk`."""
        one = copy.copy(self)
        one._number = chunk % self._count
        return one

    def head(self, generator: torch.Generator) -> Head:
        """The head whose turn it is, whatever `generator` holds."""
        return self._source.head(generator_for(self._seed, self._split, self._number, "head"))
