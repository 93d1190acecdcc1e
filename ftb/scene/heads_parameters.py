"""What a drawn head was made from, as plain numbers that can be written down."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

DIGITS = 6


def plain_parameters(value: Any) -> Any:
    """Dataclasses as objects, arrays and tuples as lists, floats to six significant digits."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: plain_parameters(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, dict):
        return {str(key): plain_parameters(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain_parameters(value.tolist())
    if isinstance(value, list | tuple):
        return [plain_parameters(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    return value
