"""The report as Markdown."""

from __future__ import annotations

from typing import Any

from ftb.evaluation.sections import Section, sections_of


def markdown_page(report: dict[str, Any]) -> str:
    """Every table, under the names of who was judged."""
    judged = ", ".join(report["judged"])
    parts = [f"# {judged}", *(_section(section) for section in sections_of(report))]
    return "\n\n".join(parts) + "\n"


def markdown_summary(report: dict[str, Any]) -> str:
    """The tables that tell the outcome, for the terminal."""
    shown = [section for section in sections_of(report) if section.level == 2]
    return "\n\n".join(_section(section) for section in [*shown[:1], *shown[3:]])


def _section(section: Section) -> str:
    lines = [f"{'#' * section.level} {section.title}", ""]
    if section.note:
        lines += [section.note, ""]
    lines.append(_line(section.columns))
    lines.append("|---|" + "---:|" * (len(section.columns) - 1))
    lines += [_line(row) for row in section.rows]
    return "\n".join(lines)


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
