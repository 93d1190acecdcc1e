"""Who someone is: age, gender, ancestry, build and the sliders of the face, drawn from one generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

# Anny's age runs 0 (one year), 1/3 (child of ten), 2/3 (25 years), 1 (90 years).
AGES = {"baby": 0.0, "child": 1.0 / 3.0, "young": 2.0 / 3.0, "old": 1.0}
GENDERS = {"male": 0.0, "female": 1.0}
MUSCLES = {"minmuscle": 0.0, "averagemuscle": 0.5, "maxmuscle": 1.0}
WEIGHTS = {"minweight": 0.0, "averageweight": 0.5, "maxweight": 1.0}
ANCESTRIES = ("african", "asian", "caucasian")
CHILD_SHARE = 0.12
# One standard deviation of a slider: share of its range, and at most in metres at the vertex it moves
# farthest, by the beginning of its name (the last that fits). Families of many sliders add up.
SLIDER_SPREAD = 0.33
SLIDER_TRAVEL = {
    "": 2.0e-3,
    "head": 3.5e-3,
    "forehead": 2.5e-3,
    "neck": 3.0e-3,
    "nose": 1.3e-3,
    "nose-nostrils": 0.7e-3,
    "nose-base": 0.7e-3,
    "nose-septum": 0.7e-3,
    "nose-flaring": 0.7e-3,
    "nose-compression": 0.7e-3,
    "mouth": 1.2e-3,
    "eye-": 1.0e-3,
}
CHILD_FACES = 0.6  # small faces vary less in metres


@dataclass(frozen=True, kw_only=True)
class Identity:
    """tone: Monk skin tone, uniform in [1, 10]. Phenotype in [0, 1] each; `ancestry` weights sum to 1;
    sliders (S,) in [−1, 1], one for each pair of opposite shapes; asymmetry: relative difference between
    the two halves' sliders."""

    tone: float
    age: float
    gender: float
    muscle: float
    weight: float
    ancestry: dict[str, float]
    sliders: np.ndarray
    asymmetry: float


def _hats(value: float, anchors: dict[str, float]) -> dict[str, float]:
    """Piecewise linear interpolation weights of a value between named anchors."""
    names, places = list(anchors), np.array(list(anchors.values()))
    step = places[1] - places[0]
    return {
        name: float(max(0.0, 1.0 - abs(value - place) / step))
        for name, place in zip(names, places, strict=True)
    }


def macro_weights(identity: Identity) -> dict[str, float]:
    """Weight of each phenotype corner, by the asset's labels (Anny's multilinear interpolation)."""
    ages, genders = _hats(identity.age, AGES), _hats(identity.gender, GENDERS)
    muscles, weights = _hats(identity.muscle, MUSCLES), _hats(identity.weight, WEIGHTS)
    corners: dict[str, float] = {}
    for gender, by_gender in genders.items():
        for age, by_age in ages.items():
            for muscle, by_muscle in muscles.items():
                for weight, by_weight in weights.items():
                    share = by_gender * by_age * by_muscle * by_weight
                    corners[f"{gender}-{age}-{muscle}-{weight}"] = share
            for race, by_race in identity.ancestry.items():
                corners[f"{race}-{gender}-{age}"] = by_gender * by_age * by_race
    return {label: share for label, share in corners.items() if share > 0.0}


def corner_shares(identities: Sequence[Identity], labels: tuple[str, ...]) -> np.ndarray:
    """As `macro_weights` of H people, fast: (H, L), the shares of the corners that `labels` name."""
    columns = [
        _hat_rows([person.gender for person in identities], GENDERS),
        _hat_rows([person.age for person in identities], AGES),
        _hat_rows([person.muscle for person in identities], MUSCLES),
        _hat_rows([person.weight for person in identities], WEIGHTS),
        np.array([[person.ancestry[name] for name in ANCESTRIES] for person in identities]),
        np.ones((len(identities), 1)),
    ]
    first, second, third, fourth = np.concatenate(columns, axis=1).T[_corner_factors(labels)]  # (L, H) each
    return (first * second * third * fourth).T


def _hat_rows(values: list[float], anchors: dict[str, float]) -> np.ndarray:
    """`_hats` of H values, (H, anchors)."""
    places = np.array(list(anchors.values()))
    return np.maximum(0.0, 1.0 - np.abs(np.array(values)[:, None] - places) / (places[1] - places[0]))


@lru_cache(maxsize=4)
def _corner_factors(labels: tuple[str, ...]) -> np.ndarray:
    """(4, L) columns of `corner_shares` that are multiplied for each label, in this order; the last is 1."""
    names = [*GENDERS, *AGES, *MUSCLES, *WEIGHTS, *ANCESTRIES]
    rows = []
    for label in labels:
        parts = label.split("-")
        parts = parts if len(parts) == 4 else [*parts[1:], parts[0]]  # ancestry comes first by name
        rows.append([names.index(part) for part in parts] + [len(names)] * (4 - len(parts)))
    return np.array(rows).T


def slider_spread(name: str, travel: float) -> float:
    """One standard deviation of a slider's value, that moves its farthest vertex by `travel` metres at 1."""
    limit = [limit for start, limit in SLIDER_TRAVEL.items() if name.startswith(start)][-1]
    return min(SLIDER_SPREAD, limit / travel)


def sample_identity(spread: np.ndarray, *, generator: torch.Generator) -> Identity:
    """Draw a person. spread (S,): one standard deviation of each slider, see `slider_spread`."""
    # Plain floats: numpy takes longer to find out what one number is than to compute with it.
    uniform = torch.rand(8, generator=generator, dtype=torch.float64).tolist()
    normal = torch.randn(2 + len(spread), generator=generator, dtype=torch.float64).numpy()
    exponential = -np.log1p(-torch.rand(3, generator=generator, dtype=torch.float64).numpy())
    child = uniform[0] < CHILD_SHARE
    age = 0.22 + 0.28 * uniform[1] if child else 0.52 + 0.45 * uniform[1] ** 1.5
    # Most people are clearly one or the other; the square keeps the middle rare.
    gender = 0.35 * uniform[2] ** 2
    gender = gender if uniform[3] < 0.5 else 1.0 - gender
    tone = 1.0 + 9.0 * uniform[5]
    # Sharper than uniform on the simplex: recognisable, yet mixed. Tones lean the odds, no more than that.
    dark = (tone - 1.0) / 9.0
    ancestry = exponential**1.6 * (0.25 + 1.5 * dark, 1.1 - 0.5 * dark, 1.4 - 1.1 * dark) + 1e-6
    sliders = np.minimum(np.maximum(normal[2:], -2.3), 2.3) * spread * (CHILD_FACES if child else 1.0)
    heavier, uneven = normal[:2].tolist()
    return Identity(
        tone=tone,
        age=age,
        gender=gender,
        muscle=0.3 + 0.5 * uniform[4],
        weight=min(max(0.5 + 0.2 * heavier, 0.05), 0.98),
        ancestry=dict(zip(ANCESTRIES, (ancestry / ancestry.sum()).tolist(), strict=True)),
        sliders=sliders,
        asymmetry=0.12 * min(max(uneven, -2.0), 2.0),
    )
