"""What makes one person look like themselves apart from shape: skin, hair, brows, beard, eyes, clothes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch

from ftb.scene.heads_curtain import Curtain
from ftb.scene.heads_identity import Identity
from ftb.scene.skin_noise import NOISE_FIELDS
from ftb.scene.skin_styles import HAIR_COLOURS, IRIS_COLOURS, STYLES

# How much lighter (log of albedo) each of `skin_fields.ZONES` is than the rest: mean and half the range.
# Cheeks and forehead of photographs are lighter than even skin would be, lids and jaws darker; and no two
# faces agree, so that a network had better not take such a thing for light.
ZONE_LIGHTNESS = {
    "cheek": (0.14, 0.20),
    "forehead": (0.04, 0.18),
    "temple": (0.0, 0.12),
    "lid": (0.0, 0.20),
    "nose": (0.0, 0.16),
    "upper_lip": (0.04, 0.16),
    "chin": (0.0, 0.18),
    "jaw": (-0.03, 0.18),
}
_HAIR_PALETTE, _IRIS_PALETTE = (np.array(list(colours.values())) for colours in (HAIR_COLOURS, IRIS_COLOURS))


@dataclass(frozen=True, kw_only=True)
class SkinLook:
    """tone: Monk tone 1 to 10; blood: share of the dermis; carotene: relative; roughness: perceptual; age:
    Anny's; lipstick: linear albedo (3,); lip_blood: as blood; shuffle (3,): which freckles, which pores,
    which strands; creases: power of the openness that darkens folds; zones (Z,): log of the lightness of
    each of `ZONE_LIGHTNESS`; the rest strengths in about [0, 1]."""

    tone: float
    blood: float
    carotene: float
    blotches: float
    redness: float
    freckles: float
    under_eye: float
    oil: float
    roughness: float
    age: float
    lip_blood: float
    lipstick: np.ndarray
    lipstick_strength: float
    shuffle: tuple[float, float, float]
    creases: float
    zones: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class HairLook:
    """colour: linear albedo (3,); grey: share; style: key of STYLES; thickness: top and sides, cm; hairline,
    temple, fringe: rise of the hairline, of its temples, and how far the front hangs down, cm; crown:
    balding from the top; brow: thickness (cm), lift (cm), density; beard: density, length (cm)."""

    colour: np.ndarray
    grey: float
    style: str
    thickness: tuple[float, float]
    opacity: float
    hairline: float
    temple: float
    fringe: float
    crown: float
    curtain: Curtain
    brow: tuple[float, float, float]
    beard: tuple[float, float]
    moustache: float
    stubble: float
    lashes: float


@dataclass(frozen=True, kw_only=True)
class EyeLook:
    """iris: linear albedo (3,); iris_size: its angle from the eye's axis, radians; pupil: share of the iris;
    sclera: albedo."""

    iris: np.ndarray
    iris_size: float
    pupil: float
    sclera: float


@dataclass(frozen=True, kw_only=True)
class Look:
    """One person. cloth: linear albedo (3,); neckline: height of the collar above the eyes, cm; noise: mixing
    weights of the fields' noise banks, for each bank three sets (3, K) of unit norm."""

    skin: SkinLook
    hair: HairLook
    eyes: EyeLook
    cloth: np.ndarray
    neckline: float
    noise: tuple[np.ndarray, ...]


def _between(ends: tuple[float, float] | None, draw: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * draw if ends else 0.0


def _clip(value: float, low: float = 0.0, high: float = 1.0) -> float:
    return min(max(value, low), high)


def _pick(shares: Sequence[float], draw: float) -> int:
    ends = list(accumulate(shares))
    return min(bisect_left([end / ends[-1] for end in ends], draw), len(ends) - 1)


class _Stream:
    """Uniform numbers in a fixed order from one block of draws.

    Plain floats: numpy takes longer to find out what one number is than to compute with it.
    """

    def __init__(self, values: torch.Tensor) -> None:
        self._next = iter(values.tolist()).__next__

    def __call__(self, low: float = 0.0, high: float = 1.0, power: float = 1.0) -> float:
        value = self._next()
        return low + (high - low) * (value if power == 1.0 else value**power)


def _bell(stream: _Stream) -> float:
    """In [−1, 1], most often about 0: standard deviation 0.41."""
    return stream() + stream() - 1.0


def _hair_colour(stream: _Stream, tone: float, age: float) -> tuple[np.ndarray, float]:
    """Darker skin goes with darker hair; grey comes with age."""
    light = _clip((6.0 - tone) / 5.0)
    shares = (0.30 + 1.2 * (1 - light), 0.35, 0.30 * light + 0.02, 0.18 * light, 0.14 * light, 0.05 * light)
    first, second, mix = _pick(shares, stream()), _pick(shares, stream()), stream(0.0, 0.35)
    colour = _HAIR_PALETTE[first] ** (1 - mix) * _HAIR_PALETTE[second] ** mix * np.exp(stream(-0.25, 0.25))
    dyed = stream() < 0.02 and age > 0.5
    hue = np.array([stream(0.02, 0.5), stream(0.01, 0.2), stream(0.02, 0.4)])
    onset = _clip((age - 0.77) / 0.20)  # Anny's age: 2/3 is 25 years, 1 is 90
    grey = _clip(onset * 1.3 + stream(-0.5, 0.5)) * (onset > 0)
    return (hue if dyed else colour), grey


def _style(stream: _Stream, identity: Identity) -> str:
    woman = identity.gender
    shares = {name: (1 - woman) * style.share[0] + woman * style.share[1] for name, style in STYLES.items()}
    shares["afro"] *= 0.15 + 4.0 * identity.ancestry["african"]
    if identity.age < 0.5:
        shares["bald"] = 0.0
    return list(shares)[_pick(list(shares.values()), stream())]


def _sample_skin(stream: _Stream, identity: Identity, made_up: bool) -> SkinLook:
    old = _clip((identity.age - 0.68) / 0.3)
    return SkinLook(
        tone=identity.tone,
        blood=stream(0.012, 0.034),
        carotene=stream(0.4, 1.3),
        blotches=stream(0.3, 1.0),
        redness=stream(0.1, 1.0, 1.5),
        freckles=0.8 * stream() ** 5 * _clip((7.0 - identity.tone) / 4.0),
        under_eye=stream(0.1, 1.2, 1.2) * (0.6 + 0.6 * old),
        oil=stream(),
        roughness=stream(0.37, 0.54),
        age=identity.age,
        lip_blood=stream(0.035, 0.085),
        lipstick=np.array([stream(0.12, 0.40), stream(0.02, 0.10), stream(0.03, 0.12)]),
        lipstick_strength=stream(0.2, 0.75) * made_up,
        shuffle=(stream(), stream(), stream()),
        creases=stream(0.1, 1.5) + 0.3 * old,
        zones=tuple(mean + spread * _bell(stream) for mean, spread in ZONE_LIGHTNESS.values()),
    )


def _sample_hair(stream: _Stream, identity: Identity, made_up: bool) -> HairLook:
    grown = _grown(identity)
    male = _clip((0.5 - identity.gender) / 0.2) * grown
    old = _clip((identity.age - 0.68) / 0.3)
    colour, grey = _hair_colour(stream, identity.tone, identity.age)
    name = _style(stream, identity)
    style = STYLES[name]
    bearded, moustached = stream() < 0.30 * male, stream() < 0.14 * male
    return HairLook(
        colour=colour,
        grey=grey,
        style=name,
        thickness=(stream(*style.top), stream(*style.side)),
        opacity=stream(*style.opacity),
        hairline=stream(-0.6, 0.8) + 1.2 * old * male * stream(),
        temple=stream(-0.8, 0.6) + male * stream(0.0, 2.2, 2.0),
        fringe=max(0.0, stream(-5.0, 4.2)) * (style.top[1] > 1.0),
        crown=stream(0.0, 1.0, 2.0) * old * male,
        curtain=Curtain(
            fall=_between(style.fall, stream()),
            opening=stream(52.0, 84.0),
            volume=stream(0.2, 1.3),
            waves=(stream(0.1, 0.9), stream(0.0, 6.28), stream(0.0, 6.28)),
        ),
        brow=(stream(0.28, 0.48) + 0.14 * male * stream(), stream(-0.45, 0.05), stream(0.75, 1.1)),
        beard=(stream(0.6, 1.0) * bearded, stream(0.15, 1.6, 2.0) * bearded),
        moustache=stream(0.6, 1.0) * float(bearded or moustached),
        stubble=stream(0.0, 1.0, 1.2) * male,
        lashes=stream(0.35, 0.75) + 0.25 * made_up,
    )


def _sample_eyes(stream: _Stream, tone: float) -> EyeLook:
    light = _clip((5.5 - tone) / 4.5)
    shares = (0.95 - 0.6 * light, 0.40, 0.2 * light, 0.15 * light, 0.35 * light, 0.12 * light)
    return EyeLook(
        iris=_IRIS_PALETTE[_pick(shares, stream())] * np.exp(stream(-0.35, 0.35)),
        iris_size=stream(0.40, 0.45),
        pupil=stream(0.26, 0.5),
        sclera=stream(0.40, 0.70),
    )


def _grown(identity: Identity) -> float:
    """0 for children, 1 for adults."""
    return _clip((identity.age - 0.48) / 0.12)


def sample_look(identity: Identity, *, generator: torch.Generator) -> Look:
    """Draw a look that goes with the identity; always the same number of draws."""
    return sample_looks([identity], generators=[generator])[0]


def sample_looks(identities: Sequence[Identity], *, generators: Sequence[torch.Generator]) -> list[Look]:
    """As `sample_look`, of several people, each from their own generator."""
    streams, weights = [], []
    for generator in generators:
        streams.append(_Stream(torch.rand(96, generator=generator, dtype=torch.float64)))
        weights.append(torch.randn(3 * sum(NOISE_FIELDS), generator=generator, dtype=torch.float64).numpy())
    noise = zip(*_unit_weights(np.stack(weights)), strict=True)
    return [_look(*person) for person in zip(streams, identities, noise, strict=True)]


def _look(stream: _Stream, identity: Identity, noise: tuple[np.ndarray, ...]) -> Look:
    made_up = stream() < 0.35 * _grown(identity) * _clip((identity.gender - 0.4) / 0.2)
    return Look(
        skin=_sample_skin(stream, identity, made_up),
        hair=_sample_hair(stream, identity, made_up),
        eyes=_sample_eyes(stream, identity.tone),
        cloth=np.array([stream(0.01, 0.6, 2.0), stream(0.01, 0.6, 2.0), stream(0.01, 0.6, 2.0)]),
        neckline=stream(-24.0, -15.5),
        noise=noise,
    )


def _unit_weights(values: np.ndarray) -> list[np.ndarray]:
    """Of values (H, 3 · fields) three sets for each bank, (H, 3, K) of unit rows."""
    banks, end = [], 0
    for count in NOISE_FIELDS:
        rows = values[:, end : end + 3 * count].reshape(-1, 3, count)
        banks.append((rows / np.sqrt((rows * rows).sum(axis=2, keepdims=True))).astype(np.float32))
        end += 3 * count
    return banks
