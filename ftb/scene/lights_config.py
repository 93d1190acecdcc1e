"""What a user may set about the light of the scenes."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class LightShares:
    """How often each kind of light is drawn, relative to the others; 0 switches a kind off.

    `hdri` counts only where environments are given.
    """

    sky: float = 0.6
    softboxes: float = 0.7
    window: float = 0.5
    ring_flash: float = 0.2
    flash_in_dark: float = 1.2
    one_light: float = 1.0
    light_stage: float = 0.6
    hdri: float = 1.5
    mixture: float = 0.6

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value >= 0.0:
                raise ValueError(f"light.shares.{name}: expected a number >= 0, got {value}")
        if not any(value > 0.0 for name, value in vars(self).items() if name != "hdri"):
            raise ValueError("light.shares: expected at least one kind besides hdri above 0")


@dataclass(frozen=True, kw_only=True)
class LightConfig:
    """Ranges of the light. Degrees and kelvin; `ambient` and powers relative to a key light of 1.

    radius_deg: of small key lights. kelvin: of lamps. ambient: irradiance of a dim room. gel_share: of
    lamps with a saturated colour. max_off_axis_deg: of a single light from the camera's axis.
    tilt_deg: deviation of an environment's vertical. tint: deviation of an environment's colour gain.
    """

    shares: LightShares = field(default_factory=LightShares)
    radius_deg: tuple[float, float] = (0.2, 15.0)
    kelvin: tuple[float, float] = (2000.0, 12000.0)
    ambient: tuple[float, float] = (0.02, 0.5)
    gel_share: float = 0.08
    overcast_share: float = 0.3
    max_off_axis_deg: float = 130.0
    tilt_deg: float = 6.0
    tint: float = 0.08

    def __post_init__(self) -> None:
        for name, least, most in (
            ("radius_deg", 0.2, 15.0),
            ("kelvin", 2000.0, 12000.0),
            ("ambient", 1e-4, 100.0),
        ):
            low, high = getattr(self, name)
            if not least <= low <= high <= most:
                expected = f"{least:g} <= low <= high <= {most:g}"
                raise ValueError(f"light.{name}: expected {expected}, got ({low}, {high})")
        for name in ("gel_share", "overcast_share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"light.{name}: expected a share in [0, 1], got {getattr(self, name)}")
        if not 0.0 < self.max_off_axis_deg <= 180.0:
            raise ValueError(f"light.max_off_axis_deg: expected (0, 180], got {self.max_off_axis_deg}")
        if not 0.0 <= self.tilt_deg <= 45.0:
            raise ValueError(f"light.tilt_deg: expected [0, 45], got {self.tilt_deg}")
        if not 0.0 <= self.tint <= 1.0:
            raise ValueError(f"light.tint: expected [0, 1], got {self.tint}")
