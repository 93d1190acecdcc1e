"""What faces do: facial actions, gaze and the turn of the neck, drawn from one generator."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

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


_NAMES, _SHARES = list(EXPRESSIONS), list(accumulate(share for share, _ in EXPRESSIONS.values()))


@dataclass(frozen=True, kw_only=True)
class Expression:
    """strengths: action name → weight; gaze_deg: sideways (+ to the subject's left, +X), up; neck_deg: yaw,
    pitch, roll of the shoulders against the head."""

    name: str
    strengths: dict[str, float]
    gaze_deg: tuple[float, float]
    neck_deg: tuple[float, float, float]


class _Move(NamedTuple):
    """One action that an expression may use: its number and name, whose draw it takes, range, habit."""

    index: int
    action: str
    first: int
    low: float
    high: float
    habit: float


@lru_cache(maxsize=64)
def _moves(action_names: tuple[str, ...], expression: str) -> list[_Move]:
    """The two sides of an action share the draw of their first, so that faces stay nearly symmetric."""
    ranges = EXPRESSIONS[expression][1]
    found = []
    for index, action in enumerate(action_names):
        family = action.removesuffix("Left").removesuffix("Right")
        second = action.endswith("Right") and action_names[index - 1].startswith(family)
        if family in ranges or family in HABITS:
            low, high = ranges.get(family, (0.0, 0.0))
            first = index - 1 if second else index
            found.append(_Move(index, action, first, low, high, HABITS.get(family, 0.0)))
    return found


def sample_expression(action_names: Sequence[str], *, generator: torch.Generator) -> Expression:
    """Mostly mild, sometimes strong. The number of draws is always the same."""
    count = len(action_names)
    uniform = torch.rand(4 + 2 * count, generator=generator, dtype=torch.float64).tolist()
    normal = torch.randn(8, generator=generator, dtype=torch.float64).tolist()
    name = _NAMES[min(bisect_left(_SHARES, uniform[0]), len(_NAMES) - 1)]
    strengths: dict[str, float] = {}
    for index, action, first, low, high, habit in _moves(tuple(action_names), name):
        even = low + (high - low) * uniform[4 + first]
        usual = habit * uniform[4 + count + first] ** 2
        side = 1.0 + 0.3 * (uniform[4 + count + index] - 0.5)
        if (even + usual) * side > 1e-3:
            strengths[action] = min((even + usual) * side, 1.0)
    sideways, up = (
        min(max(draw * spread, -limit), limit)
        for draw, spread, limit in zip(normal[:2], GAZE_DEG, GAZE_LIMIT_DEG, strict=True)
    )
    strengths |= _lids_follow(sideways, up)
    neck = tuple(
        min(max(draw, -2.0), 2.0) * spread for draw, spread in zip(normal[2:5], NECK_DEG, strict=True)
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
