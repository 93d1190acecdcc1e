"""Several faces in one photograph stand in one light: their answers are joined, their differences told."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ftb.maths.color import luminance
from ftb.maths.rotation import normalize
from ftb.scene.lighting_ops import angle_deg, dominant
from ftb.types import Lighting, stack

# Expected error of an answer that does not tell its own, degrees.
_UNKNOWN_ERROR = 30.0


def combine_lights(
    lightings: Sequence[Lighting], errors_deg: Sequence[float | None]
) -> tuple[Lighting, list[float]]:
    """One light of several estimates of it, and the angle of each from it, degrees.

    All unbatched, in one frame, at one exposure, with as many key lights. Weights go with 1 / error². The
    key lights are joined slot by slot: one light, in the mean direction weighted by brightness, not one a
    face.
    """
    weights = torch.tensor([1.0 / max(_UNKNOWN_ERROR if e is None else e, 1.0) ** 2 for e in errors_deg])
    weights = weights / weights.sum()  # (F,)
    each: Lighting = stack(list(lightings))
    irradiance = (weights[:, None, None] * each.key_irradiance).sum(0)  # (N, 3)
    strength = weights[:, None] * luminance(each.key_irradiance).clamp_min(1e-12)  # (F, N)
    joined = Lighting(
        sh_coeffs=(weights[:, None, None] * each.sh_coeffs).sum(0),
        key_dirs=normalize((strength[..., None] * each.key_dirs).sum(0)),
        key_irradiance=irradiance,
        key_angular_radius=(strength * each.key_angular_radius).sum(0) / strength.sum(0),
    )
    angles = angle_deg(dominant(each)[0], dominant(joined)[0].expand(len(weights), 3))
    return joined, [float(angle) for angle in angles]


def combined_error_deg(errors_deg: Sequence[float | None], angles_deg: Sequence[float]) -> float | None:
    """What to expect of the joined answer: the mean error, but no less than how far the faces disagree.

    Not less for more faces: one network sees them all, and errs alike.
    """
    known = [error for error in errors_deg if error is not None]
    if not known:
        return None
    mean = (sum(1.0 / max(e, 1.0) for e in known) / len(known)) ** -1  # harmonic, as the weights are
    spread = (sum(angle * angle for angle in angles_deg) / len(angles_deg)) ** 0.5
    return max(mean, spread)
