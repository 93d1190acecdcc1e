"""What faces do: facial actions, gaze and the turn of the neck, drawn from one generator."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

# Each action's strength is drawn in its range; a name without a side moves both sides, slightly unevenly.
# Shares sum to 1; the first entry is a resting face.
EXPRESSIONS: dict[str, tuple[float, dict[str, tuple[float, float]]]] = {
    "rest": (0.38, {}),
    "smile": (0.16, {"mouthSmile": (0.2, 0.7), "cheekSquint": (0.1, 0.6), "eyeSquint": (0.0, 0.4)}),
    "laugh": (
        0.09,
        {
            "mouthSmile": (0.4, 0.8),
            "jawOpen": (0.12, 0.4),
            "mouthUpperUp": (0.1, 0.45),
            "cheekSquint": (0.3, 0.8),
            "eyeSquint": (0.1, 0.6),
        },
    ),
    "talk": (
        0.12,
        {
            "jawOpen": (0.04, 0.3),
            "mouthFunnel": (0.0, 0.35),
            "mouthLowerDown": (0.0, 0.4),
            "browInnerUp": (0.0, 0.4),
        },
    ),
    "frown": (0.06, {"browDown": (0.3, 0.9), "mouthFrown": (0.1, 0.6), "eyeSquint": (0.0, 0.4)}),
    "surprise": (
        0.04,
        {"browInnerUp": (0.4, 0.9), "browOuterUp": (0.4, 0.9), "eyeWide": (0.3, 0.9), "jawOpen": (0.05, 0.4)},
    ),
    "closed": (0.05, {"eyeBlink": (0.85, 1.0), "mouthSmile": (0.0, 0.3)}),
    "squint": (
        0.05,
        {"eyeSquint": (0.4, 1.0), "cheekSquint": (0.3, 0.9), "browDown": (0.1, 0.7), "eyeBlink": (0.1, 0.35)},
    ),
    "pout": (0.03, {"mouthPucker": (0.15, 0.55), "mouthShrugLower": (0.0, 0.3)}),
    "disgust": (0.02, {"noseSneer": (0.2, 0.6), "mouthUpperUp": (0.1, 0.5), "browDown": (0.1, 0.6)}),
}
HABITS = {
    "browInnerUp": 0.10,
    "browOuterUp": 0.10,
    "browDown": 0.12,
    "mouthPress": 0.12,
    "mouthFrown": 0.08,
    "mouthSmile": 0.10,
    "eyeSquint": 0.12,
    "eyeBlink": 0.10,
    "eyeWide": 0.65,  # the mesh at rest is sleepier than people who are photographed
    "mouthStretch": 0.08,
    "mouthDimple": 0.15,
}
GAZE_DEG, GAZE_LIMIT_DEG = (9.0, 5.0), (26.0, 16.0)  # spread and limit: sideways, up
NECK_DEG = (11.0, 6.0, 5.0)  # spread of yaw, pitch, roll of the head over the shoulders


@dataclass(frozen=True, kw_only=True)
class Expression:
    """strengths: action name → weight; gaze_deg: sideways (+ to the subject's left, +X), up; neck_deg: yaw,
    pitch, roll of the shoulders against the head."""

    name: str
    strengths: dict[str, float]
    gaze_deg: tuple[float, float]
    neck_deg: tuple[float, float, float]


@lru_cache(maxsize=4)
def _sides(action_names: tuple[str, ...]) -> list[tuple[str, int]]:
    """Of each action its name without a side, and whose draw it takes: the two sides share that of their
    first, so that faces stay nearly symmetric."""
    found = []
    for index, action in enumerate(action_names):
        family = action.removesuffix("Left").removesuffix("Right")
        second = action.endswith("Right") and action_names[index - 1].startswith(family)
        found.append((family, index - 1 if second else index))
    return found


def sample_expression(action_names: list[str], *, generator: torch.Generator) -> Expression:
    """Mostly mild, sometimes strong. The number of draws is always the same."""
    uniform = torch.rand(4 + 2 * len(action_names), generator=generator, dtype=torch.float64).tolist()
    normal = torch.randn(8, generator=generator, dtype=torch.float64).numpy()
    shares = np.cumsum([share for share, _ in EXPRESSIONS.values()])
    name = list(EXPRESSIONS)[min(int(np.searchsorted(shares, uniform[0])), len(EXPRESSIONS) - 1)]
    ranges = EXPRESSIONS[name][1]
    strengths: dict[str, float] = {}
    for index, (family, first) in enumerate(_sides(tuple(action_names))):
        low, high = ranges.get(family, (0.0, 0.0))
        even = low + (high - low) * uniform[4 + first]
        habit = HABITS.get(family, 0.0) * uniform[4 + len(action_names) + first] ** 2
        side = 1.0 + 0.3 * (uniform[4 + len(action_names) + index] - 0.5)
        if (even + habit) * side > 1e-3:
            strengths[action_names[index]] = float(min((even + habit) * side, 1.0))
    sideways, up = (
        float(np.clip(draw * spread, -limit, limit))
        for draw, spread, limit in zip(normal[:2], GAZE_DEG, GAZE_LIMIT_DEG, strict=True)
    )
    strengths |= _lids_follow(sideways, up)
    neck = tuple(
        float(np.clip(draw, -2.0, 2.0) * spread) for draw, spread in zip(normal[2:5], NECK_DEG, strict=True)
    )
    return Expression(name=name, strengths=strengths, gaze_deg=(sideways, up), neck_deg=neck)


def _lids_follow(sideways: float, up: float) -> dict[str, float]:
    """Eyelid actions that go with a gaze; the eyeballs themselves are turned rigidly elsewhere."""
    look = {"eyeLookUp": max(up, 0.0) / 30.0, "eyeLookDown": max(-up, 0.0) / 25.0}
    lids = {f"{action}{side}": weight for action, weight in look.items() for side in ("Left", "Right")}
    lids |= {
        "eyeLookOutLeft": max(sideways, 0.0) / 40.0,
        "eyeLookInRight": max(sideways, 0.0) / 40.0,
        "eyeLookInLeft": max(-sideways, 0.0) / 40.0,
        "eyeLookOutRight": max(-sideways, 0.0) / 40.0,
    }
    return {action: weight for action, weight in lids.items() if weight > 1e-3}
