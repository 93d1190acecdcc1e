"""Key lights as other programs want them: one by one, strength and colour apart."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ftb.types import Lighting

Triple = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class KeyLight:
    """direction: unit, towards the light, camera frame. irradiance: of the strongest channel on a surface
    that faces it; color_linear: the channels over it, the largest is 1. angle_deg: its diameter."""

    direction: Triple
    irradiance: float
    color_linear: Triple
    angle_deg: float


def key_lights(lighting: Lighting) -> Iterator[KeyLight]:
    """The key lights of an unbatched lighting that shine, the strongest first."""
    light = lighting.map(lambda tensor: tensor.detach().cpu().double())
    order = light.key_irradiance.amax(-1).argsort(descending=True)
    for number in order.tolist():
        strength = float(light.key_irradiance[number].max())
        if strength > 0.0:
            yield KeyLight(
                direction=_triple(light.key_dirs[number].tolist()),
                irradiance=strength,
                color_linear=_triple((light.key_irradiance[number] / strength).tolist()),
                angle_deg=math.degrees(2.0 * float(light.key_angular_radius[number])),
            )


def frame_of(direction: Triple) -> tuple[Triple, Triple, Triple]:
    """Unit right-handed axes x, y, z of a lamp that shines along its −z, with z = `direction`."""
    z = direction
    helper = (0.0, 1.0, 0.0) if abs(z[1]) < 0.9 else (1.0, 0.0, 0.0)
    x = _unit(_cross(helper, z))
    return x, _cross(z, x), z


def _cross(a: Triple, b: Triple) -> Triple:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def _unit(a: Triple) -> Triple:
    length = math.sqrt(sum(value * value for value in a))
    return (a[0] / length, a[1] / length, a[2] / length)


def _triple(values: list[float]) -> Triple:
    x, y, z = values
    return (x, y, z)
