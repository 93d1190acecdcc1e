"""Measurements as a table to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ftb.bench.clock import Measurement


def table(about: Mapping[str, object], found: Mapping[str, Sequence[Measurement]]) -> str:
    """Sections of aligned lines: name, value, unit, note."""
    lines = [", ".join(f"{name} {value}" for name, value in about.items())]
    names = [one.name for measured in found.values() for one in measured]
    width = max(map(len, names), default=0)
    for section, measured in found.items():
        lines += ["", section]
        for one in measured:
            note = f"  ({one.note})" if one.note else ""
            lines.append(f"  {one.name:<{width}}  {figure(one.value):>9} {one.unit}{note}")
    return "\n".join(lines)


def figure(value: float) -> str:
    """Three significant digits, without exponents: 1234, 12.3, 0.123."""
    if value == 0.0 or abs(value) >= 100.0:
        return f"{value:,.0f}"
    digits = 1 if abs(value) >= 10.0 else 2 if abs(value) >= 1.0 else 3
    return f"{value:.{digits}f}"
