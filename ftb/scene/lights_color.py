"""Colours of light: black bodies, gels and greys, as linear Rec. 709 of luminance 1.

Three plain floats each: as tensors, numbers this few cost far more than they compute.
"""

from __future__ import annotations

import colorsys
import functools
import math

from torch import Tensor

from ftb.scene.lights_draws import Draws

Triple = tuple[float, float, float]

REC709_LUMINANCE = (0.2126, 0.7152, 0.0722)
MIN_KELVIN, MAX_KELVIN = 2000.0, 12000.0

# Multi-lobe fit to the CIE 1931 observer (Wyman, Sloan, Shirley 2013, eq. 4): per lobe the weight,
# centre (nm), and inverse widths (1/nm) below and above the centre.
_OBSERVER_LOBES = (
    ((0.362, 442.0, 0.0624, 0.0374), (1.056, 599.8, 0.0264, 0.0323), (-0.065, 501.1, 0.0490, 0.0382)),
    ((0.821, 568.8, 0.0213, 0.0247), (0.286, 530.9, 0.0613, 0.0322)),
    ((1.217, 437.0, 0.0845, 0.0278), (0.681, 459.0, 0.0385, 0.0725)),
)
# IEC 61966-2-1, linear Rec. 709 from CIE XYZ (D65).
_REC709_FROM_XYZ = ((3.2406, -1.5372, -0.4986), (-0.9689, 1.8758, 0.0415), (0.0557, -0.2040, 1.0570))
_TABLE_SIZE = 128


def planckian_xyz(kelvin: float) -> Triple:
    """CIE 1931 XYZ of a black body of `kelvin`, scaled to Y = 1 (Planck's law under a fitted observer)."""
    totals = [0.0, 0.0, 0.0]
    for wavelength in range(360, 831, 5):  # nm
        power = wavelength**-5.0 / (math.exp(1.438777e7 / (wavelength * kelvin)) - 1.0)
        for axis, seen in enumerate(_observer(wavelength)):
            totals[axis] += power * seen
    return totals[0] / totals[1], 1.0, totals[2] / totals[1]


@functools.cache
def _observer(wavelength: int) -> Triple:
    x, y, z = (sum(_lobe(wavelength, *lobe) for lobe in lobes) for lobes in _OBSERVER_LOBES)
    return x, y, z


def _lobe(wavelength: float, weight: float, centre: float, below: float, above: float) -> float:
    width = below if wavelength < centre else above
    return weight * math.exp(-0.5 * ((wavelength - centre) * width) ** 2)


@functools.lru_cache(maxsize=1)
def _planckian_table() -> list[Triple]:
    """Linear Rec. 709 colours, uniform in reciprocal temperature from MAX_KELVIN to MIN_KELVIN."""
    table = []
    for step in range(_TABLE_SIZE):
        mired = 1e6 / MAX_KELVIN + (1e6 / MIN_KELVIN - 1e6 / MAX_KELVIN) * step / (_TABLE_SIZE - 1)
        xyz = planckian_xyz(1e6 / mired)
        rgb = [sum(m * c for m, c in zip(row, xyz, strict=True)) for row in _REC709_FROM_XYZ]
        table.append(_unit_luminance([max(channel, 0.0) for channel in rgb]))
    return table


def triple(numbers: Tensor) -> Triple:
    """Of a tensor (3,)."""
    first, second, third = numbers.tolist()
    return first, second, third


def times(color: Triple, factor: float) -> Triple:
    """A colour, or any three numbers, times a factor."""
    return color[0] * factor, color[1] * factor, color[2] * factor


def level(color: Triple) -> float:
    """Relative luminance of a linear colour."""
    return sum(w * c for w, c in zip(REC709_LUMINANCE, color, strict=True))


def towards(first: Triple, second: Triple, share: float) -> Triple:
    """From one colour, at share 0, to another, at 1."""
    a, b = first, second
    return a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]), a[2] + share * (b[2] - a[2])


def _unit_luminance(rgb: list[float]) -> Triple:
    return times((rgb[0], rgb[1], rgb[2]), 1.0 / level((rgb[0], rgb[1], rgb[2])))


def black_body_linear(kelvin: float) -> Triple:
    """Linear Rec. 709 of a black body, luminance 1; kelvin is clamped to 2000..12000.

    Channels that fall outside Rec. 709 (blue under about 1900 K) are cut at 0.
    """
    kelvin = min(max(kelvin, MIN_KELVIN), MAX_KELVIN)
    position = (1e6 / kelvin - 1e6 / MAX_KELVIN) / (1e6 / MIN_KELVIN - 1e6 / MAX_KELVIN) * (_TABLE_SIZE - 1)
    left = min(int(position), _TABLE_SIZE - 2)
    table = _planckian_table()
    return towards(table[left], table[left + 1], position - left)


def gel_linear(hue: float, saturation: float) -> Triple:
    """Linear Rec. 709 of a coloured gel before a white lamp, luminance 1; both in [0, 1]."""
    return _unit_luminance(list(colorsys.hsv_to_rgb(hue, saturation, 1.0)))


def draw_color(draws: Draws, kelvin: tuple[float, float], gel_share: float) -> Triple:
    """A black body with temperature uniform in mired, or with `gel_share` a gel; luminance 1."""
    mired = draws.uniform(1e6 / kelvin[1], 1e6 / kelvin[0])
    hue, saturation = draws.uniform(), draws.uniform(0.3, 0.9)
    return gel_linear(hue, saturation) if draws.chance(gel_share) else black_body_linear(1e6 / mired)
