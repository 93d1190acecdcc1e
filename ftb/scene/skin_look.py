"""What makes one person look like themselves apart from shape: skin, hair, brows, beard, eyes, clothes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ftb.scene.heads_curtain import Curtain
from ftb.scene.heads_identity import Identity
from ftb.scene.skin_noise import NOISE_FIELDS

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
# Linear albedo of hair, from black to white; draws run along this line and mix neighbours.
HAIR_COLOURS = {
    "black": (0.011, 0.0095, 0.009),
    "dark": (0.028, 0.018, 0.012),
    "brown": (0.065, 0.036, 0.020),
    "light": (0.14, 0.080, 0.040),
    "blond": (0.30, 0.20, 0.105),
    "red": (0.16, 0.050, 0.018),
}
GREY = (0.42, 0.41, 0.39)
IRIS_COLOURS = {
    "dark": (0.030, 0.014, 0.007),
    "brown": (0.085, 0.040, 0.016),
    "hazel": (0.13, 0.090, 0.035),
    "green": (0.11, 0.13, 0.070),
    "blue": (0.13, 0.20, 0.28),
    "grey": (0.18, 0.20, 0.21),
}


@dataclass(frozen=True, kw_only=True)
class HairStyle:
    """Thickness (cm) at the top and at the sides, unevenness of it, opacity of the cap, and the share each
    style has among (men, women); `fall`: length of hanging hair, cm below the eyes, or None."""

    top: tuple[float, float]
    side: tuple[float, float]
    uneven: float
    opacity: tuple[float, float]
    share: tuple[float, float]
    fall: tuple[float, float] | None = None


STYLES: dict[str, HairStyle] = {
    "bald": HairStyle(top=(0.0, 0.0), side=(0.0, 0.02), uneven=0.0, opacity=(0.0, 0.35), share=(0.10, 0.01)),
    "buzz": HairStyle(top=(0.15, 0.4), side=(0.1, 0.3), uneven=0.1, opacity=(0.6, 0.92), share=(0.18, 0.03)),
    "short": HairStyle(top=(1.0, 2.2), side=(0.4, 1.0), uneven=0.35, opacity=(0.95, 1.0), share=(0.36, 0.10)),
    "full": HairStyle(top=(2.2, 4.0), side=(0.7, 1.6), uneven=0.5, opacity=(1.0, 1.0), share=(0.20, 0.08)),
    "afro": HairStyle(top=(2.0, 6.0), side=(1.5, 5.0), uneven=0.3, opacity=(1.0, 1.0), share=(0.04, 0.06)),
    "tied": HairStyle(top=(0.6, 1.2), side=(0.4, 0.8), uneven=0.12, opacity=(0.97, 1.0), share=(0.02, 0.20)),
    "bob": HairStyle(
        top=(1.2, 2.4), side=(1.2, 2.4), uneven=0.3, opacity=(1.0, 1.0), share=(0.06, 0.20), fall=(4.0, 13.0)
    ),
    "long": HairStyle(
        top=(1.0, 2.2), side=(1.0, 2.0), uneven=0.3, opacity=(1.0, 1.0), share=(0.04, 0.32), fall=(14.0, 26.0)
    ),
}


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


def _pick(shares: np.ndarray, draw: float) -> int:
    return min(int(np.searchsorted(np.cumsum(shares) / shares.sum(), draw)), len(shares) - 1)


class _Stream:
    """Uniform numbers in a fixed order from one block of draws."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = iter(values.tolist())

    def __call__(self, low: float = 0.0, high: float = 1.0, power: float = 1.0) -> float:
        return low + (high - low) * next(self._values) ** power


def _bell(stream: _Stream) -> float:
    """In [−1, 1], most often about 0: standard deviation 0.41."""
    return stream() + stream() - 1.0


def _hair_colour(stream: _Stream, tone: float, age: float) -> tuple[np.ndarray, float]:
    """Darker skin goes with darker hair; grey comes with age."""
    light = np.clip((6.0 - tone) / 5.0, 0.0, 1.0)
    shares = np.array(
        [0.30 + 1.2 * (1 - light), 0.35, 0.30 * light + 0.02, 0.18 * light, 0.14 * light, 0.05 * light]
    )
    first, second, mix = _pick(shares, stream()), _pick(shares, stream()), stream(0.0, 0.35)
    palette = np.array(list(HAIR_COLOURS.values()))
    colour = palette[first] ** (1 - mix) * palette[second] ** mix * np.exp(stream(-0.25, 0.25))
    dyed = stream() < 0.02 and age > 0.5
    hue = np.array([stream(0.02, 0.5), stream(0.01, 0.2), stream(0.02, 0.4)])
    onset = np.clip((age - 0.77) / 0.20, 0.0, 1.0)  # Anny's age: 2/3 is 25 years, 1 is 90
    grey = np.clip(onset * 1.3 + stream(-0.5, 0.5), 0.0, 1.0) * (onset > 0)
    return (hue if dyed else colour), float(grey)


def _style(stream: _Stream, identity: Identity) -> str:
    shares = np.array(
        [
            (1 - identity.gender) * style.share[0] + identity.gender * style.share[1]
            for style in STYLES.values()
        ]
    )
    names = list(STYLES)
    shares[names.index("afro")] *= 0.15 + 4.0 * identity.ancestry["african"]
    if identity.age < 0.5:
        shares[names.index("bald")] = 0.0
    return names[_pick(shares, stream())]


def _sample_skin(stream: _Stream, identity: Identity, made_up: bool) -> SkinLook:
    old = np.clip((identity.age - 0.68) / 0.3, 0.0, 1.0)
    return SkinLook(
        tone=identity.tone,
        blood=stream(0.012, 0.034),
        carotene=stream(0.4, 1.3),
        blotches=stream(0.3, 1.0),
        redness=stream(0.1, 1.0, 1.5),
        freckles=0.8 * stream() ** 5 * np.clip((7.0 - identity.tone) / 4.0, 0.0, 1.0),
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
    male = np.clip((0.5 - identity.gender) / 0.2, 0.0, 1.0) * grown
    old = np.clip((identity.age - 0.68) / 0.3, 0.0, 1.0)
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
    light = np.clip((5.5 - tone) / 4.5, 0.0, 1.0)
    shares = np.array([0.95 - 0.6 * light, 0.40, 0.2 * light, 0.15 * light, 0.35 * light, 0.12 * light])
    palette = np.array(list(IRIS_COLOURS.values()))
    return EyeLook(
        iris=palette[_pick(shares, stream())] * np.exp(stream(-0.35, 0.35)),
        iris_size=stream(0.40, 0.45),
        pupil=stream(0.26, 0.5),
        sclera=stream(0.40, 0.70),
    )


def _grown(identity: Identity) -> float:
    """0 for children, 1 for adults."""
    return float(np.clip((identity.age - 0.48) / 0.12, 0.0, 1.0))


def sample_look(identity: Identity, *, generator: torch.Generator) -> Look:
    """Draw a look that goes with the identity; always the same number of draws."""
    stream = _Stream(torch.rand(96, generator=generator, dtype=torch.float64).numpy())
    weights = torch.randn(3 * sum(NOISE_FIELDS), generator=generator, dtype=torch.float64).numpy()
    made_up = stream() < 0.35 * _grown(identity) * np.clip((identity.gender - 0.4) / 0.2, 0.0, 1.0)
    return Look(
        skin=_sample_skin(stream, identity, made_up),
        hair=_sample_hair(stream, identity, made_up),
        eyes=_sample_eyes(stream, identity.tone),
        cloth=np.array([stream(0.01, 0.6, 2.0), stream(0.01, 0.6, 2.0), stream(0.01, 0.6, 2.0)]),
        neckline=stream(-24.0, -15.5),
        noise=_unit_weights(weights),
    )


def _unit_weights(values: np.ndarray) -> tuple[np.ndarray, ...]:
    """Three sets for each bank, (3, K) of unit rows."""
    parts = np.split(values, np.cumsum([3 * count for count in NOISE_FIELDS])[:-1])
    sets = [part.reshape(3, -1) for part in parts]
    return tuple(
        (rows / np.sqrt((rows * rows).sum(axis=1, keepdims=True))).astype(np.float32) for rows in sets
    )
