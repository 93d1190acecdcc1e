"""Strict TOML for trees of frozen dataclasses: every message names the place, the key and the nearest key.

Understands whole and real numbers, strings, true and false, tuples (TOML arrays), Literal, optional values
and nested dataclasses (TOML tables). Does not: dates, dictionaries with free keys.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import tomllib
import types
import typing
from collections.abc import Callable
from typing import Any, TypeVar

Tree = TypeVar("Tree")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Place:
    """Where a value stands: the name of the text, the dotted key, the kind of the whole tree."""

    where: str
    root: type
    key: str = ""

    def at(self, name: str) -> _Place:
        return dataclasses.replace(self, key=f"{self.key}.{name}" if self.key else name)

    def error(self, expected: str, got: Any) -> ValueError:
        return ValueError(f"{self.where}: {self.key}: expected {expected}, got {got!r}")

    def unknown_key(self) -> ValueError:
        nearest = difflib.get_close_matches(self.key, known_keys(self.root), n=1, cutoff=0.0)[0]
        return ValueError(f'{self.where}: unknown key "{self.key}"; the nearest known one is "{nearest}"')


def known_keys(kind: type) -> list[str]:
    """Every dotted key of a dataclass tree, tables included."""
    keys = []
    for name, hint in _hints(kind).items():
        keys.append(name)
        if dataclasses.is_dataclass(hint):
            keys += [f"{name}.{key}" for key in known_keys(typing.cast(type, hint))]
    return keys


def parse(kind: type[Tree], text: str, *, where: str) -> Tree:
    """Build a `kind` from TOML text; `where` names the text in messages."""
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits and deep nests are neither
        raise ValueError(f"{where}: not valid TOML: {error}") from error
    return _build(kind, table, _Place(where=where, root=kind))


def apply_settings(tree: Tree, settings: tuple[str, ...]) -> Tree:
    """A copy of `tree` with `a.b=value` settings applied together, values in TOML, a bare word a string."""
    place = _Place(where="--set", root=type(tree))
    known = known_keys(type(tree))
    table = tomllib.loads(to_toml(tree))
    for setting in settings:
        key, separator, text = (part.strip() for part in setting.partition("="))
        if not separator or not key:
            raise ValueError(f'--set: expected key=value such as train.steps=200, got "{setting}"')
        if key not in known:
            raise place.at(key).unknown_key()
        *folders, name = key.split(".")
        node = table
        for folder in folders:
            node = node.setdefault(folder, {})
        node[name] = _setting_value(text)
    return _build(type(tree), table, place)


def _setting_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def flatten(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Every value of a dataclass tree by its dotted key, in the order of definition."""
    values: dict[str, Any] = {}
    for item in dataclasses.fields(tree):
        value = getattr(tree, item.name)
        if dataclasses.is_dataclass(value):
            values.update(flatten(value, f"{prefix}{item.name}."))
        else:
            values[prefix + item.name] = value
    return values


def to_toml(tree: Any) -> str:
    """The tree as TOML text that reads back equal; values of None are left out."""
    return "\n".join(_tables(tree, "")).lstrip("\n") + "\n"


def _hints(kind: type) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {item.name: hints[item.name] for item in dataclasses.fields(kind) if item.init}  # type: ignore[arg-type]


def _build(kind: type, table: dict[str, Any], place: _Place) -> Any:
    hints = _hints(kind)
    values = {}
    for name, value in table.items():
        if name not in hints:
            raise place.at(name).unknown_key()
        values[name] = _convert(hints[name], value, place.at(name))
    return _construct(lambda: kind(**values), place)


def _construct(make: Callable[[], Any], place: _Place) -> Any:
    """Run a dataclass's own range checks, with the name of the text in front of their message."""
    try:
        return make()
    except ValueError as error:
        message = str(error)
        if message.startswith(f"{place.where}: "):
            raise
        raise ValueError(f"{place.where}: {message}") from error


def _convert(hint: Any, value: Any, place: _Place) -> Any:
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise place.error("a table", value)
        return _build(typing.cast(type, hint), value, place)
    generic = _GENERIC.get(typing.get_origin(hint))
    if generic is not None:
        return generic(hint, value, place)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise place.error(_NAMES.get(hint, str(hint)), value)
    return value


def _convert_union(hint: Any, value: Any, place: _Place) -> Any:
    options = [option for option in typing.get_args(hint) if option is not type(None)]
    for option in options[:-1]:
        try:
            return _convert(option, value, place)
        except ValueError:
            continue
    return _convert(options[-1], value, place)


def _convert_tuple(hint: Any, value: Any, place: _Place) -> tuple[Any, ...]:
    items = typing.get_args(hint)
    if not isinstance(value, list):
        raise place.error("an array in brackets", value)
    kinds = (items[0],) * len(value) if items[-1] is Ellipsis else items
    if len(kinds) != len(value):
        raise place.error(f"{len(kinds)} values", value)
    return tuple(
        _convert(kind, item, dataclasses.replace(place, key=f"{place.key}[{number}]"))
        for number, (kind, item) in enumerate(zip(kinds, value, strict=True))
    )


def _convert_literal(hint: Any, value: Any, place: _Place) -> Any:
    options = typing.get_args(hint)
    if value not in options:
        raise place.error("one of " + ", ".join(map(str, options)), value)
    return value


_NAMES = {float: "a number", int: "a whole number", str: "a string", bool: "true or false"}
_GENERIC: dict[Any, Callable[[Any, Any, _Place], Any]] = {
    typing.Union: _convert_union,
    types.UnionType: _convert_union,
    tuple: _convert_tuple,
    typing.Literal: _convert_literal,
}


def _tables(node: Any, prefix: str) -> list[str]:
    lines, nested = [], []
    for item in dataclasses.fields(node):
        value = getattr(node, item.name)
        if dataclasses.is_dataclass(value):
            name = f"{prefix}{item.name}"
            nested += ["", f"[{name}]", *_tables(value, f"{name}.")]
        elif value is not None:
            lines.append(f"{item.name} = {_toml_value(value)}")
    return lines + nested


def _toml_value(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml_value(item) for item in value) + "]"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    # JSON writes strings, whole numbers, true and false exactly as TOML does
    return json.dumps(value, ensure_ascii=False)
