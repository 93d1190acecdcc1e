"""The light compass: all directions around the face on one disc, the light a mark on it, as SVG."""

from __future__ import annotations

import math

from ftb.estimation.describe import LEAST_DIRECTIONALITY, azimuth_elevation_deg, describe_light
from ftb.scene.lighting_ops import dominant
from ftb.types import Lighting

_SIZE, _RADIUS = 300, 118
# Words around the disc: what lies there, and where the word stands.
_WORDS = (("above", 0, -1), ("right", 1, 0), ("below", 0, 1), ("left", -1, 0))


def compass_svg(lighting: Lighting, expected_error_deg: float | None = None) -> str:
    """An unbatched lighting's dominant direction seen from the camera.

    The disc's centre is light from the camera, the inner ring light from the side (90°), the rim from
    behind (180°): distance from the centre is the angle off the camera's axis. The pale spot around the
    mark is the expected error.
    """
    direction, directionality = dominant(lighting)
    x, y = place_on_disc(direction.tolist())
    words = describe_light(lighting, expected_error_deg)
    even = float(directionality) < LEAST_DIRECTIONALITY
    spread = _RADIUS * min(expected_error_deg or 0.0, 60.0) / 180.0
    mark = "" if even else _mark(_at(x), _at(y), spread)
    return (
        f'<svg viewBox="0 0 {_SIZE} {_SIZE}" role="img" aria-label="{words}" class="compass">'
        f"<title>{words}</title>{_face()}{mark}</svg>"
    )


def place_on_disc(direction: list[float]) -> tuple[float, float]:
    """Where a unit direction lies on the unit disc: x to the right, y *down*; the rim is behind the face."""
    x, y, z = direction
    across = math.hypot(x, y)
    if across < 1e-9:
        return (0.0, 0.0) if z > 0 else (0.0, -1.0)
    share = math.acos(max(-1.0, min(1.0, z))) / math.pi
    return share * x / across, -share * y / across


def _at(value: float) -> float:
    return round(0.5 * _SIZE + _RADIUS * value, 1)


def _face() -> str:
    middle = 0.5 * _SIZE
    rings = "".join(
        f'<circle cx="{middle}" cy="{middle}" r="{_RADIUS * share}" fill="none" stroke="currentColor" '
        f'stroke-opacity="{opacity}"/>'
        for share, opacity in ((1.0, 0.6), (0.5, 0.35))
    )
    lines = "".join(
        f'<line x1="{_at(-dx)}" y1="{_at(-dy)}" x2="{_at(dx)}" y2="{_at(dy)}" stroke="currentColor" '
        'stroke-opacity="0.15"/>'
        for dx, dy in ((1, 0), (0, 1))
    )
    words = "".join(
        f'<text x="{middle + 134 * dx}" y="{middle + 134 * dy}" text-anchor="middle" '
        f'dominant-baseline="middle" font-size="13" fill="currentColor">{word}</text>'
        for word, dx, dy in _WORDS
    )
    side = (
        f'<text x="{middle + 4}" y="{middle - 0.5 * _RADIUS - 5}" font-size="11" fill="currentColor" '
        'fill-opacity="0.75">from the side</text>'
        f'<text x="{middle + 4}" y="{middle - _RADIUS + 14}" font-size="11" fill="currentColor" '
        'fill-opacity="0.75">from behind</text>'
    )
    return rings + lines + words + side


def _mark(x: float, y: float, spread: float) -> str:
    return (
        f'<circle cx="{x}" cy="{y}" r="{spread:.1f}" fill="#ffb300" fill-opacity="0.3"/>'
        f'<line x1="{x}" y1="{y}" x2="{0.5 * _SIZE}" y2="{0.5 * _SIZE}" stroke="#e09000" stroke-width="2"/>'
        f'<circle cx="{x}" cy="{y}" r="8" fill="#ffb300" stroke="#7a4d00" stroke-width="1.5"/>'
    )


def azimuth_text(lighting: Lighting) -> str:
    """Azimuth and elevation of the dominant direction in figures."""
    azimuth, elevation = azimuth_elevation_deg(dominant(lighting)[0].tolist())
    return f"azimuth {azimuth:+.0f}°, elevation {elevation:+.0f}°"
