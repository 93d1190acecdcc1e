"""What people choose among: colours of hair and irises, and ways to wear hair."""

from __future__ import annotations

from dataclasses import dataclass

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
