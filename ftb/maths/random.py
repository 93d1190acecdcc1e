"""Counter-based seeding: the draws for a sample depend on its name, never on who drew before.

Sample i of a split is a function of (seed, split, i) alone, so it does not matter how many workers
there are, in which order they run, or how large the batches are. Streams keep the draws for one part
of a scene (say, its light) from moving when another part (its head) takes more or fewer of them.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache

import torch


def seed_for(seed: int, split: str, index: int, stream: str) -> int:
    """A 63-bit seed for one stream of draws of one sample: the same in every process and on every machine.

    The first eight bytes, little-endian, of BLAKE2b (Saarinen & Aumasson 2015, RFC 7693) of the four
    values written as JSON, without the sign bit. `seed_for(0, "train", 0, "light")` is
    6267243397801156969.
    """
    message = f"[{int(seed)}, {_quoted(str(split))}, {int(index)}, {_quoted(str(stream))}]"
    digest = hashlib.blake2b(message.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") & (2**63 - 1)


@lru_cache(maxsize=64)
def _quoted(name: str) -> str:
    """As JSON writes it: few names are asked for millions of times."""
    return json.dumps(name)


def generator_for(seed: int, split: str, index: int, stream: str) -> torch.Generator:
    """A fresh generator seeded with `seed_for`.

    On the CPU, always: the draws are then the same on every device.
    """
    return torch.Generator(device="cpu").manual_seed(seed_for(seed, split, index, stream))
