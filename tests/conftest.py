"""What all tests share."""

from __future__ import annotations

import pytest
import torch

# One thread: the suite is many small tensors, and sums keep their order.
torch.set_num_threads(1)


@pytest.fixture
def cuda() -> torch.device:
    """A CUDA device; the test is skipped where there is none."""
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device: none is usable here")
    return torch.device("cuda")


@pytest.fixture
def generator() -> torch.Generator:
    """A seeded generator, new for each test."""
    return torch.Generator().manual_seed(0)
