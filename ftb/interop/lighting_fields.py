"""Strict reading of JSON objects: every field is asked for, checked, and named in one-line errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

_MISSING = object()


class Fields:
    """A JSON object whose fields are taken one by one."""

    def __init__(self, values: Any, where: str) -> None:
        if not isinstance(values, dict):
            raise ValueError(f"{where}: expected an object {{...}}, got {_short(values)}")
        self._values = dict(values)
        self._where = where
        self._last: Any = None

    @classmethod
    def from_text(cls, path: Path) -> Fields:
        """The object that a JSON file holds; NaN, infinities and repeated names are errors."""
        try:
            text = path.read_text(encoding="utf-8-sig")
            values = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_without_repetition)
        except UnicodeDecodeError:
            raise ValueError(f"{path}: expected JSON text in UTF-8, got other bytes") from None
        except RecursionError:
            raise ValueError(f"{path}: expected JSON of a lighting, got one nested too deeply") from None
        except ValueError as error:
            raise ValueError(f"{path}: expected JSON, but {error}") from None
        return cls(values, str(path))

    def problem(self, name: str, expected: str) -> ValueError:
        """The error that the field just taken is not as expected."""
        return _problem(f"{self._where}: {name}", expected, self._last)

    def take(self, name: str, default: Any = _MISSING) -> Any:
        """The field's value, whatever it is; raises where it is missing without a default."""
        if name not in self._values and default is _MISSING:
            raise ValueError(f"{self._where}: expected a field {name!r}, it is missing")
        self._last = self._values.pop(name, default)
        return self._last

    def number(self, name: str, low: float, high: float, default: Any = _MISSING) -> float | None:
        """A number in [low, high], or the default where the field is missing."""
        value = self.take(name, default)
        if value is default:
            return value
        if not _is_number(value) or not low <= value <= high:
            raise self.problem(name, f"a number from {low:g} to {high:g}")
        return float(value)

    def integer(self, name: str, low: int, high: int) -> int:
        """A whole number in [low, high]."""
        value = self.take(name)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.problem(name, f"a whole number from {low} to {high}")
        return value

    def triple(self, name: str) -> Tensor:
        """(3,) float32."""
        value = self.take(name)
        if not _is_triple(value):
            raise self.problem(name, "three numbers")
        return torch.tensor(value, dtype=torch.float32)

    def triples(self, name: str, count: int) -> Tensor:
        """(count, 3) float32."""
        value = self.take(name)
        if not isinstance(value, list) or len(value) != count:
            got = f" (it has {len(value)})" if isinstance(value, list) else ""
            raise self.problem(name, f"a list of {count} triples{got}")
        for row, triple in enumerate(value):
            if not _is_triple(triple):
                raise _problem(f"{self._where}: {name}[{row}]", "three numbers", triple)
        return torch.tensor(value, dtype=torch.float32)

    def numbers(self, name: str, count: int) -> tuple[float, ...]:
        """A list of `count` numbers."""
        value = self.take(name)
        if not isinstance(value, list) or len(value) != count or not all(map(_is_number, value)):
            raise self.problem(name, f"a list of {count} numbers")
        return tuple(map(float, value))

    def lines(self, name: str) -> tuple[str, ...]:
        """A list of texts, () where the field is missing."""
        value = self.take(name, [])
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise self.problem(name, "a list of texts")
        return tuple(value)

    def objects(self, name: str, default: Any = _MISSING) -> list[Fields]:
        """A list of objects."""
        value = self.take(name, default)
        if not isinstance(value, list):
            raise self.problem(name, "a list")
        return [Fields(item, f"{self._where}: {name}[{row}]") for row, item in enumerate(value)]

    def texts(self, name: str) -> dict[str, str]:
        """An object of strings, {} where the field is missing."""
        value = self.take(name, {})
        if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
            raise self.problem(name, "an object of strings")
        return value

    def expect_nothing_left(self) -> None:
        """Raise where a field was not taken: it would have no effect."""
        if self._values:
            raise ValueError(f"{self._where}: unknown field {next(iter(self._values))!r}")


def check_finite(values: Tensor, name: str) -> None:
    """Raise ValueError where a tensor holds NaN or infinity."""
    if not bool(torch.isfinite(values).all()):
        raise ValueError(f"{name}: expected finite numbers, got NaN or infinity")


def _problem(where: str, expected: str, value: Any) -> ValueError:
    error = ValueError(f"{where}: expected {expected}, got {_short(value)}")
    return error


def _is_number(value: Any) -> bool:
    # Beyond float32 a value would become infinite.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 3e38


def _is_triple(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(map(_is_number, value))


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def _refuse_constant(name: str) -> float:
    raise ValueError(f"it holds {name}")


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            raise ValueError(f"the field {name!r} occurs twice")
        values[name] = value
    return values
