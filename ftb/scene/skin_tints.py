"""What painting asks of a look: colours, and numbers that follow from what was drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ftb.scene.skin_color import melanin_of_tone, skin_reflectance
from ftb.scene.skin_look import Look
from ftb.scene.skin_styles import GREY

LEAST_HAIR = -0.9 - 1.6  # cm: the softest edge, and noise


def skin_tints(looks: Sequence[Look]) -> tuple[np.ndarray, np.ndarray]:
    """Of H people's skin (H, 3, 3): its albedo, and the log of it a relative change of melanin and of blood;
    albedo of lips (H, 3), which have little melanin of their own and much blood."""
    skins = [look.skin for look in looks]
    tones, carotene = np.array([[skin.tone, skin.carotene] for skin in skins]).T[..., None]  # (H, 1) each
    melanin = melanin_of_tone(tones) * np.array([1.0, 1.25, 1.0, 0.75])
    blood = np.array([[skin.blood, skin.blood, 1.5 * skin.blood, skin.lip_blood] for skin in skins])
    base, darker, redder, lips = skin_reflectance(melanin, blood, carotene).swapaxes(0, 1)
    bare = lips * np.array([0.92, 0.80, 0.80])
    strength = np.array([[skin.lipstick_strength] for skin in skins])
    painted = bare * (1 - strength) + np.stack([skin.lipstick for skin in skins]) * strength
    return np.stack([base, np.log(darker / base) / 0.25, np.log(redder / base) / 0.5], axis=1), painted


def mottling(looks: Sequence[Look], by_melanin: np.ndarray) -> np.ndarray:
    """(H,) how strongly melanin varies over the skin, of slope `by_melanin` (H, 3) as of `skin_tints`: the
    same relative change of it shows more on dark skin, which is not more mottled for that."""
    blotches = np.array([look.skin.blotches for look in looks])
    return blotches * np.minimum(1.0, 0.45 / np.abs(by_melanin[:, 1]))


def hair_colours(looks: Sequence[Look]) -> np.ndarray:
    """(H, 3) linear albedo."""
    grey = np.array([[look.hair.grey] for look in looks])
    colour = np.stack([look.hair.colour for look in looks])
    return (colour * (1.0 - grey) + np.array(GREY) * grey).astype(np.float32)


def grain_shift(look: Look) -> int:
    """Where in the white noise this person's pores begin."""
    return int(look.skin.shuffle[1] * 4096)


def oldness(look: Look) -> float:
    """0 up to middle age, 1 in old age."""
    return min(max((look.skin.age - 0.7) / 0.25, 0.0), 1.0)


def lowest_hair(look: Look) -> float:
    """The lowest place above the hairline, cm, that this person's hair can reach; `LEAST_HAIR` includes what
    noise adds to the edge, six deviations of it."""
    return LEAST_HAIR + look.hair.hairline + min(look.hair.temple, 0.0) - max(look.hair.fringe, 0.0)


def hair_softness(look: Look) -> float:
    """Half the width of the hair's edge, cm."""
    return 0.5 if max(look.hair.thickness) > 0.5 else 0.9
