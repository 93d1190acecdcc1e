"""Materials of the reference balls."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class BallMaterial:
    """An isotropic, opaque, colourless surface.

    albedo: of its Lambert part, [0, 1]. f0: specular reflectance head on, or None without a specular
    part. alpha: GGX roughness², 0 for a perfect mirror. The parts mix as in glTF 2.0, appendix B:
    (1 − F) albedo/π + F D G / (4 (n·v) (n·l)), G separable Smith, single scatter.
    """

    albedo: float
    f0: float | None
    alpha: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.albedo <= 1.0:
            raise ValueError(f"albedo: expected [0, 1], got {self.albedo}")
        if self.f0 is not None and not 0.0 <= self.f0 <= 1.0:
            raise ValueError(f"f0: expected None or [0, 1], got {self.f0}")
        if not (self.alpha == 0.0 or 0.04 <= self.alpha <= 1.0):
            raise ValueError(f"alpha: expected 0 for a mirror or [0.04, 1], got {self.alpha}")


BALL_MATERIALS: dict[str, BallMaterial] = {
    "matte": BallMaterial(albedo=0.18, f0=None, alpha=1.0),
    "gray": BallMaterial(albedo=0.18, f0=0.04, alpha=0.25),  # satin paint, roughness 0.5
    "silver": BallMaterial(albedo=0.0, f0=1.0, alpha=0.1),
    "mirror": BallMaterial(albedo=0.0, f0=1.0, alpha=0.0),
}


def ball_material(name: str) -> BallMaterial:
    """The material of this name; raises ValueError with the known names."""
    if name not in BALL_MATERIALS:
        raise ValueError(f"material: expected one of {', '.join(BALL_MATERIALS)}, got {name!r}")
    return BALL_MATERIALS[name]
