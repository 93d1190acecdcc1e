"""What is set about scenes: how faces stand in the picture, and how finely all is rendered.

Apart from what draws them: who reads a configuration, to estimate the light of a photograph say, need not
load kernels that paint.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ftb.scene.capture import CaptureConfig
from ftb.scene.lights_config import LightConfig


@dataclass(frozen=True, kw_only=True)
class FramingConfig:
    """How the face stands in the picture. Angles are standard deviations in degrees.

    chin_up: the middle of the pitches, degrees: the heads at rest bow a little, people before a camera do
    not. Side of the square picture over the distance from the eyes' midpoint to the mouth's, in the photo:
    a share `detected` of photographs is framed by `scene.framing`, as the estimator frames them, with a
    relative error of `jitter`; the others within `crop`, tight ones more often: 1.6 cuts the chin, 5 is head
    and shoulders. shift: of the centre, in sides. distance: camera to face, metres.
    """

    yaw: float = 16.0
    pitch: float = 10.0
    chin_up: float = 4.0
    roll: float = 5.0
    detected: float = 0.4
    jitter: float = 0.1
    crop: tuple[float, float] = (1.2, 5.0)
    shift: float = 0.055
    distance: tuple[float, float] = (0.45, 2.5)


@dataclass(frozen=True, kw_only=True)
class SceneConfig:
    """Everything random about a scene, and how finely it is rendered. sky_receivers, sky_directions: how many
    places and directions the self-shadowing of the environment is sampled at (`ftb.render.sky`). antialias:
    whether outlines are soft in the photographs (`ftb.render.antialias`). scatter_mm: how far red light
    of key lights spreads below the skin, a standard deviation, log-uniform over heads
    (`ftb.render.scatter`); (0, 0): not at all.

    Raises ValueError for a scatter_mm that is not a range.
    """

    samples_per_head: int = 8
    sky_receivers: int = 1000
    sky_directions: int = 160
    antialias: bool = True
    scatter_mm: tuple[float, float] = (0.0, 0.0)
    framing: FramingConfig = field(default_factory=FramingConfig)
    light: LightConfig = field(default_factory=LightConfig)
    capture: CaptureConfig = field(default_factory=CaptureConfig)

    def __post_init__(self) -> None:
        low, high = self.scatter_mm
        if not (low == high == 0.0 or 0.1 <= low <= high <= 20.0):
            raise ValueError(
                f"scene.scatter_mm: expected 0.1 <= low <= high <= 20 or (0, 0), got {(low, high)}"
            )
