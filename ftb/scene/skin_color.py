"""Skin reflectance from what absorbs in it: melanin above, blood below; and the ten Monk tones as a ruler."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

# L* of the ten swatches of the Monk Skin Tone Scale (E. Monk, 2022), from their published sRGB values.
MONK_LIGHTNESS = (94.2, 92.3, 93.1, 87.6, 77.9, 55.1, 42.5, 30.7, 21.1, 14.6)
# Swatches span more than skin reflects: their L* is laid linearly on what spectrophotometers find on faces.
SKIN_LIGHTNESS = (75.0, 27.0)
# Swatches 2 and 3 swap in L*; a ruler is monotone.
_TONES, _RULER = np.arange(1, 11), np.sort(np.array(MONK_LIGHTNESS))[::-1]
# Molar extinction of oxygenated and deoxygenated haemoglobin, cm⁻¹/M, each 10 nm from 400 to 700 nm
# (S. Prahl, Oregon Medical Laser Center, 1999).
_OXY = (
    266232,
    466840,
    480360,
    246072,
    102580,
    62816,
    44480,
    33209,
    26629,
    23684,
    20933,
    20035,
    24202,
    39957,
    53236,
    43016,
    32613,
    44496,
    50104,
    14401,
    3200,
    1506,
    942,
    610,
    442,
    368,
    320,
    294,
    278,
    276,
    290,
)
_DEOXY = (
    223296,
    303956,
    407560,
    528600,
    413280,
    103292,
    23389,
    16156,
    14550,
    16684,
    20862,
    25774,
    31590,
    39036,
    46592,
    53412,
    53788,
    45072,
    37020,
    28324,
    14677,
    9444,
    6510,
    5149,
    4345,
    3750,
    3227,
    2795,
    2408,
    2052,
    1794,
)
_WAVELENGTH = np.arange(400.0, 701.0, 10.0)
_SATURATION, _HAEMOGLOBIN = 0.75, 150.0 / 64500.0  # oxygenated share; mol per litre of blood
_EPIDERMIS, _DERMIS = 0.008, 0.20  # cm
_XYZ_TO_RGB = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])


def _bump(peak: float, left: float, right: float) -> np.ndarray:
    width = np.where(_WAVELENGTH < peak, left, right)
    return np.exp(-0.5 * ((_WAVELENGTH - peak) * width) ** 2)


@lru_cache(maxsize=1)
def _rgb_weights() -> np.ndarray:
    """(31, 3) linear Rec. 709 response under a flat spectrum: a white reflector is (1, 1, 1).

    Colour matching after Wyman, Sloan & Shirley, JCGT 2(2), 2013 (multi-lobe fit).
    """
    x = (
        1.056 * _bump(599.8, 0.0264, 0.0323)
        + 0.362 * _bump(442.0, 0.0624, 0.0374)
        - 0.065 * _bump(501.1, 0.0490, 0.0382)
    )
    y = 0.821 * _bump(568.8, 0.0213, 0.0247) + 0.286 * _bump(530.9, 0.0613, 0.0322)
    z = 1.217 * _bump(437.0, 0.0845, 0.0278) + 0.681 * _bump(459.0, 0.0385, 0.0725)
    rgb = np.stack([x, y, z], axis=1) @ _XYZ_TO_RGB.T
    return rgb / rgb.sum(axis=0)


@dataclass(frozen=True)
class _Spectra:
    """Coefficients at each wavelength (31,), 1/cm unless they say otherwise: of bloodless skin, of melanin at
    a volume share of 1, of blood so (before its vessels are reckoned with), of carotene at 1, of scattering
    in the dermis; reflectance that the epidermis adds."""

    base: np.ndarray
    melanin: np.ndarray
    blood: np.ndarray
    carotene: np.ndarray
    scattering: np.ndarray
    veil: np.ndarray


@lru_cache(maxsize=1)
def _spectra() -> _Spectra:
    slope = _WAVELENGTH / 550.0
    haemoglobin = _SATURATION * np.array(_OXY) + (1.0 - _SATURATION) * np.array(_DEOXY)
    return _Spectra(
        base=0.244 + 85.3 * np.exp(-(_WAVELENGTH - 154.0) / 66.2),  # Jacques 1998
        melanin=495.0 * (0.35 * slope**-3.33 + 0.65 * slope**-1.6),
        blood=2.303 * haemoglobin * _HAEMOGLOBIN,
        carotene=2.5 * np.exp(-0.5 * ((_WAVELENGTH - 455.0) / 28.0) ** 2),
        scattering=1.5 * (2e5 * _WAVELENGTH**-1.5 + 2e12 * _WAVELENGTH**-4.0) * 0.75,
        # The epidermis itself scatters a little back, which keeps dark skin from being saturated.
        veil=0.016 * slope**-1.0,
    )


def skin_reflectance(melanin: np.ndarray, blood: np.ndarray, carotene: np.ndarray) -> np.ndarray:
    """Diffuse linear albedo (..., 3) of skin.

    melanin: volume share of melanosomes in the epidermis, 0.005 to 0.5; blood: volume share in the dermis,
    0.002 to 0.1; carotene: relative, 0 to 2. Epidermis: Beer–Lambert, twice through; melanin absorbs 495
    cm⁻¹ at 550 nm (Jacques 1998), a third of it as his λ^−3.33 and the rest as λ^−1.6, the flatter slope
    found in vivo, which puts the hues of dark skin where the Monk swatches have them; dermis: Kubelka–Munk
    of a finite layer on a bright ground.
    """
    melanin, blood, carotene = (
        np.asarray(part, dtype=np.float64)[..., None] for part in (melanin, blood, carotene)
    )
    spectra = _spectra()
    epidermis = melanin * spectra.melanin + (1.0 - melanin) * spectra.base
    # Blood sits in vessels, whose cores light does not reach where it absorbs most: the ceiling flattens.
    absorbing = blood * spectra.blood
    absorbing = absorbing / (1.0 + absorbing / 90.0)
    absorption = 2.0 * (absorbing + carotene * spectra.carotene + spectra.base)
    ratio = 1.0 + absorption / spectra.scattering
    infinite = ratio - np.sqrt(ratio * ratio - 1.0)
    decay = np.exp(-np.sqrt(absorption * (absorption + 2.0 * spectra.scattering)) * 2.0 * _DERMIS)
    dermis = infinite + (0.4 - infinite) * decay
    spectrum = spectra.veil + np.exp(-2.0 * _EPIDERMIS * epidermis) * dermis
    return np.clip(spectrum @ _rgb_weights(), 0.005, 0.95)


def lightness(albedo_linear: np.ndarray) -> np.ndarray:
    """CIE L* of linear Rec. 709 (..., 3), white (1, 1, 1)."""
    luminance = albedo_linear @ np.array([0.2126, 0.7152, 0.0722])
    return np.where(luminance > 0.008856, 116.0 * np.cbrt(luminance) - 16.0, 903.3 * luminance)


def tone_lightness(tone: np.ndarray | float) -> np.ndarray:
    """L* of facial skin of Monk tones (...) in [1, 10]."""
    light, dark = SKIN_LIGHTNESS
    swatch = np.interp(tone, _TONES, _RULER)
    return dark + (swatch - _RULER[-1]) * (light - dark) / (_RULER[0] - _RULER[-1])


@lru_cache(maxsize=1)
def _melanin_table() -> tuple[np.ndarray, np.ndarray]:
    """Melanin against L* at the middle of the other parameters, for inversion."""
    melanin = np.geomspace(0.004, 0.9, 256)
    return lightness(skin_reflectance(melanin, np.full(256, 0.02), np.full(256, 0.6))), melanin


def melanin_of_tone(tone: np.ndarray | float) -> np.ndarray:
    """Melanin shares (...) whose L* is that of the Monk tones (...)."""
    values, melanin = _melanin_table()
    return np.interp(-tone_lightness(tone), -values, melanin)
