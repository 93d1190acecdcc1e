"""Light from nothing but numbers: one function a kind, each `(draws, config) -> LightParts`.

Camera frame: +X image right, +Y up, +Z from the subject towards the camera. Powers are relative;
`lights.sample_lighting` brings them to one scale.
"""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

from ftb.maths import sphere
from ftb.scene.lights_color import Triple, black_body_linear, draw_color, times, towards, triple
from ftb.scene.lights_config import LightConfig
from ftb.scene.lights_draws import Draws
from ftb.scene.lights_paint import (
    Cap,
    Gradient,
    KeyLight,
    LightParts,
    Panel,
    Patch,
    Picture,
    area_light,
    cap_coverage,
    constant,
    cross,
    grid,
    joined,
)

STAGE_LIGHTS = 100
WHITE = (1.0, 1.0, 1.0)
# Sine of the elevation over which sky goes over into ground: one texel.
_HORIZON = math.pi / 32


def direction_at(azimuth: float, elevation: float) -> Triple:
    """Unit; azimuth 0 towards the camera and +90° at image right, elevation up; radians."""
    level = math.cos(elevation)
    return level * math.sin(azimuth), math.sin(elevation), level * math.cos(azimuth)


def direction_off_axis(angle: float, roll: float) -> Triple:
    """Unit, `angle` from the camera's axis (+Z), at `roll` around it (0 = right, 90° = up); radians."""
    side = math.sin(angle)
    return side * math.cos(roll), side * math.sin(roll), math.cos(angle)


def draw_off_axis(draws: Draws, max_degrees: float, upward: float) -> Triple:
    """A light's direction: off-axis angle uniform in [0, max], any roll, `upward` of them turned up.

    Uniform in the angle and not in area, because a subject mostly looks about where the camera is.
    """
    angle = math.radians(draws.uniform(0.0, max_degrees))
    roll = draws.uniform(-math.pi, math.pi)
    return direction_off_axis(angle, abs(roll) if draws.chance(upward) else roll)


def _unit(vector: Triple) -> Triple:
    return times(vector, 1.0 / math.hypot(*vector))


def _tilted_up(draws: Draws) -> Triple:
    """The world's vertical as a hand-held camera sees it."""
    pitch, roll = draws.normal(math.radians(8.0)), draws.normal(math.radians(3.0))
    return _unit((math.sin(roll), math.cos(roll) * math.cos(pitch), math.sin(pitch)))


def _irradiance(planes: Tensor, direction: Tensor) -> Tensor:
    """(3,) irradiance of (3, 2048) radiance on a surface that faces `direction`."""
    return planes @ ((grid().directions @ direction).clamp_min(0.0) * grid().solid_angles)


def _room(draws: Draws, config: LightConfig) -> Gradient:
    """A dim room: ceiling, walls and floor of different greys, and one lighter or darker wall."""
    tint = black_body_linear(draws.log_uniform(2500.0, 9000.0))
    tint = towards(WHITE, tint, draws.uniform(0.0, 0.6))
    floor, wall, ceiling = draws.uniform(0.05, 0.6), draws.uniform(0.4, 1.0), draws.uniform(0.5, 1.5)
    up = _tilted_up(draws)
    direction = direction_at(draws.uniform(-math.pi, math.pi), draws.normal(math.radians(15.0)))
    radius, amount = draws.uniform(0.5, 1.2), draws.uniform(-0.7, 1.0)
    # The mean over the sphere of a room's radiance is about 1: irradiance `level` from all sides.
    level = draws.log_uniform(*config.ambient) / math.pi
    return Gradient(
        below=times(tint, floor * level),
        level=times(tint, wall * level),
        above=times(tint, ceiling * level),
        up=up,
        patch=Patch(direction=direction, radius=radius, amount=amount, edge=0.5),
    )


def sky(draws: Draws, config: LightConfig) -> LightParts:
    """Open sky over ground: clear with a sun, or overcast; sometimes something tall shades one side."""
    up = torch.tensor(_tilted_up(draws))
    clear = not draws.chance(config.overcast_share)
    elevation = math.radians(draws.uniform(2.0, 75.0))
    sun = torch.tensor(direction_at(draws.uniform(-math.pi, math.pi), elevation))
    warmth = 1.0 - math.exp(-elevation / math.radians(15.0))
    sun_color = torch.tensor(black_body_linear(2000.0 + 3800.0 * warmth))[:, None]  # (3, 1), as all here
    haze, brightening = draws.uniform(), draws.uniform(0.5, 3.0)
    zenith = torch.tensor(black_body_linear(draws.uniform(7500.0, 12000.0)))[:, None]
    white = torch.tensor(black_body_linear(draws.uniform(5500.0, 7500.0)))[:, None]
    heights = grid().directions @ up  # (2048,)
    if clear:
        angles = torch.acos((grid().directions @ sun).clamp(-1.0, 1.0))
        glow = draws.uniform(0.5, 4.0) * torch.exp(-angles / draws.uniform(0.15, 0.5))
        band = brightening * (1.0 - heights.clamp(0.0, 1.0)) ** 4
        dome = zenith + haze * (white - zenith) + band * white + glow * sun_color
    else:
        dome = white * (1.0 + 2.0 * heights.clamp_min(0.0)) / 3.0  # CIE overcast sky
    above = (heights / _HORIZON + 0.5).clamp(0.0, 1.0)  # a horizon as soft as the texels are large
    dome = dome * above
    power = draws.log_uniform(0.4, 10.0) * (1.0 - 0.7 * haze)
    radius = math.radians(draws.log_uniform(0.27, 3.0))
    light = _irradiance(dome, up)
    irradiance = sun_color[:, 0] * power * float(light.mean())
    irradiance = irradiance if clear else torch.zeros(3)
    tone = torch.tensor([draws.log_uniform(0.05, 0.5)])
    ground = tone * (0.7 + 0.3 * torch.tensor(draw_color(draws, (2500.0, 6500.0), 0.05)))
    received = light + irradiance * max(float(sun @ up), 0.0)
    planes = dome + (1.0 - above) * (ground * received / math.pi)[:, None]
    shaded = draws.chance(0.35)
    direction = torch.tensor(direction_at(draws.uniform(-math.pi, math.pi), draws.uniform(0.0, 0.6)))
    extent, darkness = draws.uniform(0.6, 1.3), draws.uniform(0.5, 0.9)
    if shaded:
        planes = planes * (1.0 - darkness * cap_coverage(direction, extent, edge=0.3))
        hidden = max(0.0, min(1.0, (extent - math.acos(float((direction @ sun).clamp(-1.0, 1.0)))) / 0.1))
        irradiance = irradiance * (1.0 - hidden)
    key = KeyLight(direction=triple(sun), irradiance=triple(irradiance), radius=radius)
    return LightParts(layers=(Picture(planes=planes),), keys=(key,))


def softboxes(draws: Draws, config: LightConfig) -> LightParts:
    """One to three area lights of any size, colour and power in a dim room."""
    parts = [LightParts(layers=(_room(draws, config),))]
    kelvin = draws.log_uniform(*config.kelvin)
    for light in range(1 + draws.index((0.35, 0.4, 0.25))):
        off_axis = draw_off_axis(draws, 90.0 if light == 0 else 160.0, upward=0.75)
        radius = math.radians(draws.log_uniform(4.0, 40.0))
        # Lamps of one set mostly share one colour.
        spread = (kelvin, kelvin * 1.05) if draws.chance(0.7) else config.kelvin
        power = 1.0 if light == 0 else draws.log_uniform(0.15, 1.2)
        parts.append(area_light(off_axis, radius, times(draw_color(draws, spread, config.gel_share), power)))
    return joined(*parts)


def window(draws: Draws, config: LightConfig) -> LightParts:
    """A bright rectangle at one side, sky above and ground below seen through it, and the room's answer."""
    side = 1.0 if draws.chance(0.5) else -1.0
    azimuth = side * math.radians(draws.uniform(15.0, 150.0))
    direction = direction_at(azimuth, math.radians(draws.uniform(-10.0, 30.0)))
    half_width = math.tan(math.radians(draws.uniform(8.0, 35.0)))
    half_height = math.tan(math.radians(draws.uniform(12.0, 35.0)))
    light = Panel(
        direction=direction,
        right=_unit(cross((0.0, 1.0, 0.0), direction)),
        half_width=half_width,
        half_height=half_height,
        irradiance=draw_color(draws, (4500.0, 12000.0), 0.0),
        rise=draws.uniform(0.0, 0.8),
    )
    walls = (draws.uniform(0.4, 1.0), draws.uniform(0.4, 0.95), draws.uniform(0.3, 0.9))
    walls = times(walls, draws.log_uniform(0.02, 0.3) / math.pi)
    # The wall opposite is lit most.
    bounce = Gradient(below=times(walls, 1.7), level=walls, above=times(walls, 0.3), up=direction)
    return LightParts(layers=(light, bounce, _room(draws, config).weighted(0.3)))


def ring_flash(draws: Draws, config: LightConfig) -> LightParts:
    """A flash around or right beside the lens, in a room that is dark to dim."""
    direction = direction_off_axis(math.radians(draws.uniform(0.0, 8.0)), draws.uniform(-math.pi, math.pi))
    radius = math.radians(draws.log_uniform(1.0, 9.0))
    flash = area_light(direction, radius, draw_color(draws, (4800.0, 7000.0), 0.0))
    room = _room(draws, config)
    return joined(flash, LightParts(layers=(room.weighted(draws.log_uniform(0.1, 2.0)),)))


def flash_in_dark(draws: Draws, config: LightConfig) -> LightParts:
    """One small flash, strongly off-axis ones included, and almost no other light."""
    direction = draw_off_axis(draws, config.max_off_axis_deg, upward=0.1)
    radius = math.radians(draws.log_uniform(config.radius_deg[0], 5.0))
    flash = area_light(direction, radius, draw_color(draws, config.kelvin, config.gel_share))
    ambient = times(draw_color(draws, config.kelvin, 0.0), draws.log_uniform(1e-3, 3e-2) / math.pi)
    return joined(flash, LightParts(layers=(constant(ambient),)))


def one_light(draws: Draws, config: LightConfig) -> LightParts:
    """A single key light and the same weak grey light from all sides."""
    direction = draw_off_axis(draws, config.max_off_axis_deg, upward=0.5)
    radius = math.radians(draws.log_uniform(*config.radius_deg))
    key = area_light(direction, radius, draw_color(draws, config.kelvin, config.gel_share))
    ambient = times(WHITE, draws.log_uniform(*config.ambient) / math.pi)
    return joined(key, LightParts(layers=(constant(ambient),)))


@functools.lru_cache(maxsize=1)
def _stage() -> tuple[Tensor, Tensor]:
    """Directions (100, 3) of a stage's lights, and their painted radiance of irradiance 1 (100, 2048)."""
    directions = sphere.fibonacci_directions(STAGE_LIGHTS).float()
    radius = math.radians(8.0)
    lights = [Cap(direction=triple(d), irradiance=WHITE, radius=radius) for d in directions]
    return directions, torch.stack([light.radiance()[:, 0] for light in lights])


def light_stage(draws: Draws, config: LightConfig) -> LightParts:
    """A sphere of 100 equal lamps: one, a few, or a smooth pattern of them switched on."""
    directions, painted = _stage()
    ambient = LightParts(layers=(constant(times(WHITE, draws.log_uniform(1e-3, 0.1) / math.pi)),))
    pattern, count = draws.index((0.35, 0.35, 0.3)), 2 + draws.index((1.0, 1.0, 1.0, 1.0))
    if pattern < 2:
        lamps = []
        for light in range(1 if pattern == 0 else count):
            wanted = torch.tensor(draw_off_axis(draws, 120.0 if light == 0 else 180.0, upward=0.5))
            lamp = directions[int((directions @ wanted).argmax())]
            power = draws.log_uniform(0.2, 1.0)
            color = times(draw_color(draws, config.kelvin, config.gel_share), power)
            lamps.append(area_light(triple(lamp), math.radians(8.0), color))
        return joined(*lamps, ambient)
    axis = torch.tensor(draw_off_axis(draws, 180.0, upward=0.5))
    sharpness, offset = draws.log_uniform(1.0, 12.0), draws.uniform(-0.6, 0.6)
    levels = torch.sigmoid(sharpness * (directions @ axis - offset))
    first, second = (
        torch.tensor(draw_color(draws, config.kelvin, config.gel_share))[:, None] for _ in range(2)
    )
    colors = levels * first + 0.3 * draws.uniform() * (1.0 - levels) * second  # (3, 100)
    return joined(LightParts(layers=(Picture(planes=colors @ painted / 25.0),)), ambient)
