"""Shape checks for public boundaries."""

from __future__ import annotations

import re
from functools import lru_cache

from torch import Tensor

_TOKEN = re.compile(r"(\d*)([A-Za-z_]\w*)?")


def expect_shape(x: Tensor, shape: str, *, name: str, dims: dict[str, int] | None = None) -> dict[str, int]:
    """Check a tensor's shape against tokens such as "B H W 3", and say which sizes the letters have.

    A token is a size ("3"), a letter or word that stands for one ("B"), a multiple of one that is
    already known ("2H"), or, first only, "..." for any leading dimensions. Hand the same `dims` to
    several calls to make their letters agree; it is filled in and returned.

    >>> expect_shape(torch.zeros(4, 32, 64, 3), "B H 2H 3", name="environment")
    {'B': 4, 'H': 32}

    Raises ValueError "radiance: expected (B, H, W, 3), got (4, 3)".
    """
    dims = {} if dims is None else dims
    open_ended, tokens = _parse(shape)
    if not isinstance(x, Tensor):
        raise ValueError(f"{name}: expected a tensor ({_written(shape)}), got {type(x).__name__}")
    sizes = tuple(x.shape)
    found = dict(dims)
    fits = len(sizes) >= len(tokens) if open_ended else len(sizes) == len(tokens)
    trailing = sizes[len(sizes) - len(tokens) :] if fits else ()
    for size, (factor, letter) in zip(trailing, tokens if fits else (), strict=True):
        if letter:
            found.setdefault(letter, size // factor)
        fits = fits and size == factor * (found[letter] if letter else 1)
    if not fits:
        known = ", ".join(f"{letter} = {size}" for letter, size in dims.items() if letter in shape)
        where = f" with {known}" if known else ""
        raise ValueError(f"{name}: expected ({_written(shape)}){where}, got {sizes}")
    dims.update(found)
    return dims


def _written(shape: str) -> str:
    return ", ".join(shape.split())


@lru_cache(maxsize=256)
def _parse(shape: str) -> tuple[bool, tuple[tuple[int, str], ...]]:
    """Whether the shape starts with "...", and (factor, letter) of each further token."""
    words = shape.split()
    open_ended = bool(words) and words[0] == "..."
    tokens = []
    for word in words[1:] if open_ended else words:
        match = _TOKEN.fullmatch(word)
        if match is None or not word:
            raise ValueError(f"shape: expected tokens such as '... B 3 2H', got {shape!r}")
        tokens.append((int(match[1] or 1), match[2] or ""))
    return open_ended, tuple(tokens)
