"""The report as one HTML page that needs nothing beside it: tables, histograms, pictures."""

from __future__ import annotations

import html
from typing import Any

from ftb.evaluation.pictures import DIFFERENCE_GAIN, PictureRow
from ftb.evaluation.sections import Section, sections_of

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --bar: #4a7ab5; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1180px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { margin-top: 2.5rem; font-size: 1.2rem; }
h3 { margin-top: 2rem; font-size: 1rem; }
p.note { opacity: .75; max-width: 60rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: right; }
td { white-space: nowrap; } th { vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; }
thead th { border-bottom-width: 2px; }
td { vertical-align: top; } small { opacity: .65; }
tbody tr:hover { background: var(--soft); }
.plots { display: flex; flex-wrap: wrap; gap: 1.5rem; }
figure { margin: 0; } figcaption { font-size: 13px; opacity: .75; }
svg text { font-size: 11px; fill: currentColor; }
.cases { display: grid; grid-template-columns: repeat(auto-fill, minmax(560px, 1fr)); gap: .8rem 1.5rem; }
.case { font-size: 12px; } .case div { display: flex; gap: 4px; }
.case figure { width: 25%; } .case img { width: 100%; display: block; border-radius: 3px; }
"""

_HISTOGRAM_TITLES = {"direction_error_deg": "direction error, degrees", "ball_rmse": "ball RMSE"}
_WIDTH, _HEIGHT, _FOOT, _SIDE = 540, 190, 24, 34


def html_page(report: dict[str, Any], pictures: dict[str, list[PictureRow]]) -> str:
    """The page. pictures: rows of the first candidate by heading."""
    judged = ", ".join(report["judged"])
    body = [f"<h1>{_text(judged)}</h1>", _about(report)]
    sections = sections_of(report)
    body += [_section(section) for section in sections if section.level == 2]
    if "split" in report:
        body += [_histograms(name, one) for name, one in report["split"]["candidates"].items()]
    body += [_cases(next(iter(report["judged"])), pictures)] if pictures else []
    body += [_section(section) for section in sections if section.level == 3]
    head = f'<meta charset="utf-8"><title>{_text(judged)}</title><style>{_STYLE}</style>'
    viewport = '<meta name="viewport" content="width=device-width">'
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}{viewport}</head><body>\n'
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _text(value: str) -> str:
    return html.escape(value, quote=True)


def _about(report: dict[str, Any]) -> str:
    parts = [f"ftb {report['ftb']}"]
    if "split" in report:
        split = report["split"]
        parts.append(f"split {split['manifest_sha256'][:12]}, part {split['part']}, {split['size']} pixels")
    for name, one in report["judged"].items():
        if "sha256" in one:
            parts.append(f"{name}: sha256 {one['sha256'][:12]}")
    return f'<p class="note">{_text("; ".join(parts))}. All numbers, by every group, are in metrics.json.</p>'


def _section(section: Section) -> str:
    head = "".join(f"<th>{_text(cell)}</th>" for cell in section.columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>\n" for row in section.rows
    )
    note = f'<p class="note">{_text(section.note)}</p>' if section.note else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table>"
    return f'<h{section.level}>{_text(section.title)}</h{section.level}>{note}<div class="wide">{table}</div>'


def _cell(text: str) -> str:
    """An interval stands small below its mean, so that tables stay narrow."""
    mean, bracket, interval = text.partition(" [")
    return f"{_text(mean)}<br><small>[{_text(interval)}</small>" if bracket else _text(text)


def _histograms(name: str, one: dict[str, Any]) -> str:
    plots = "".join(
        f"<figure>{_bars(one['histograms'][metric])}<figcaption>{_text(title)}</figcaption></figure>"
        for metric, title in _HISTOGRAM_TITLES.items()
    )
    return f'<h2>{_text(name)}: how errors are spread</h2><div class="plots">{plots}</div>'


def _bars(histogram: dict[str, list[float]]) -> str:
    """An SVG of counts; the last bin also holds what lies beyond it."""
    edges, counts = histogram["edges"], histogram["counts"]
    most, step = max([*counts, 1]), (_WIDTH - _SIDE) / len(counts)
    tall = _HEIGHT - _FOOT - 12
    bars = "".join(
        f'<rect x="{_SIDE + place * step:.1f}" y="{12 + tall * (1 - count / most):.1f}" '
        f'width="{step - 1:.1f}" height="{tall * count / most:.1f}" fill="var(--bar)"><title>'
        f"{edges[place]:g} to {edges[place + 1]:g}: {count}</title></rect>"
        for place, count in enumerate(counts)
    )
    every = max(1, len(edges) // 6)
    marks = "".join(
        f'<text x="{_SIDE + place * step:.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{edges[place]:g}</text>'
        for place in range(0, len(edges), every)
    )
    axis = f'<line x1="{_SIDE}" x2="{_WIDTH}" y1="{12 + tall}" y2="{12 + tall}" stroke="var(--line)"/>'
    top = f'<text x="{_SIDE - 4}" y="20" text-anchor="end">{most}</text>'
    label = f'viewBox="0 0 {_WIDTH + 16} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img"'
    return f"<svg {label}>{axis}{bars}{marks}{top}</svg>"


def _cases(name: str, pictures: dict[str, list[PictureRow]]) -> str:
    note = (
        f"By ball RMSE. Difference: predicted less true, of encoded values, {DIFFERENCE_GAIN:g} times as "
        "large, about mid-grey."
    )
    parts = [f'<h2>{_text(name)}: best, median and worst</h2><p class="note">{note}</p>']
    for heading, rows in pictures.items():
        cases = "".join(_case(row) for row in rows)
        parts.append(f'<h3>{_text(heading.capitalize())}</h3><div class="cases">{cases}</div>')
    return "".join(parts)


def _case(row: PictureRow) -> str:
    figures = "".join(
        f'<figure><img alt="{_text(caption)}" src="{uri}"><figcaption>{_text(caption)}</figcaption></figure>'
        for caption, uri in row.pictures.items()
    )
    about = f"sample {row.sample}, {row.kind.replace('_', ' ')}: ball RMSE {row.ball_rmse:.4f}"
    return f'<div class="case">{_text(about)}<div>{figures}</div></div>'
