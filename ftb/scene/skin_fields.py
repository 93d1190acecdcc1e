"""Where things are on a face: static fields over the atlas's texels, in centimetres of the template.

Template frame: origin between the eyes, +Y up, +Z forward; the pupils are at x = ±3, the mouth at
y = −6.7, the chin at −11, the crown at 11.5, the back of the skull at z = −16.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ftb.scene.heads_anatomy import load_anatomy
from ftb.scene.skin_atlas import Atlas, build_atlas, template_vertices
from ftb.scene.skin_hairline import hair_growth, hairline_height
from ftb.scene.skin_noise import noise_banks, strands


@dataclass(frozen=True)
class Fields:
    """Per texel (N,), float32. hairline (cm above), temple; beard, moustache: where they grow; brow_along,
    brow_across; lid: cm to the eyelids' margin; upper_lid; flush, thin: where blood shows; under_eye;
    t_zone: where skin is oily; nostril: inside of the nostrils; zones (Z, N): parts of the face that are
    lighter or darker as a whole, in the order of `ZONES`; front_crown (2, N). noise: one (K,
    N) bank for each wavelength, unit variance, to be mixed with K weights of unit norm; strands (2, N):
    fine streaks that run along the hair; spot, spot_rank: closeness to a freckle's place, [0, 1], and that
    freckle's rank; brow_hair: strokes along the brow's hairs, unit variance; curtain_waves (2 · waves, Nc):
    sine and cosine of each of `CURTAIN_WAVES`, over the texels of hanging hair; iris_fibre, eye_veins (Ne,)
    over the eye's texels; grain (N + 4096,): white noise; regions: name → texels (int) where something can
    be painted at all."""

    atlas: Atlas
    hairline: np.ndarray
    temple: np.ndarray
    beard: np.ndarray
    moustache: np.ndarray
    brow_along: np.ndarray
    brow_across: np.ndarray
    lid: np.ndarray
    upper_lid: np.ndarray
    flush: np.ndarray
    thin: np.ndarray
    under_eye: np.ndarray
    t_zone: np.ndarray
    nostril: np.ndarray
    zones: np.ndarray
    front_crown: np.ndarray
    mouth_depth: np.ndarray
    noise: tuple[np.ndarray, ...]
    strands: np.ndarray
    spot: np.ndarray
    spot_rank: np.ndarray
    brow_hair: np.ndarray
    grain: np.ndarray
    curtain_waves: np.ndarray
    iris_fibre: np.ndarray
    eye_veins: np.ndarray
    regions: dict[str, np.ndarray]


# Parts of the face by centre and radius, cm: `SkinLook.zones` makes each lighter or darker.
ZONES = {
    "cheek": ((3.1, -3.2, 0.5), (1.9, 1.7, 3.0)),
    "forehead": ((0.0, 5.0, 1.0), (5.5, 2.8, 4.5)),
    "temple": ((6.0, 1.5, -3.0), (1.8, 3.0, 3.0)),
    "lid": ((3.0, 0.75, 1.0), (2.1, 0.75, 2.0)),
    "nose": ((0.0, -2.6, 2.6), (1.2, 2.3, 2.5)),
    "upper_lip": ((0.0, -5.6, 2.0), (2.4, 0.8, 2.5)),
    "chin": ((0.0, -9.6, 1.0), (2.6, 2.0, 3.0)),
    "jaw": ((5.2, -7.0, -2.0), (2.2, 2.8, 3.5)),
}


# Streaks of hanging hair: waves in a decimetre around the head, and how they bend a decimetre down.
CURTAIN_WAVES = ((41, 2.0), (67, -3.0), (97, 1.0), (137, 4.0), (29, 1.5))


def _curtain_waves(atlas: Atlas) -> np.ndarray:
    around, down = (atlas.point[atlas.rows["curtain"], axis].astype(np.float64) * 10.0 for axis in (0, 1))
    waves = [count * around + bend * down for count, bend in CURTAIN_WAVES]
    return np.stack([part(wave) for wave in waves for part in (np.sin, np.cos)])


def front_and_crown(point_cm: np.ndarray) -> np.ndarray:
    """(2, N) where a fringe hangs, and where baldness begins."""
    front = np.exp(-((point_cm[:, 0] / 5.0) ** 2)) * (point_cm[:, 2] > -4.0)
    crown = np.exp(-(((point_cm[:, 1] - 11.0) / 4.0) ** 2) - ((point_cm[:, 2] + 10.0) / 5.0) ** 2)
    return np.stack([front, crown])


def ramp(low: float, high: float, value: np.ndarray) -> np.ndarray:
    """Smoothstep from 0 at low to 1 at high (which may be the smaller), in the value's own precision."""
    share = np.clip((value - np.float32(low)) * np.float32(1.0 / (high - low)), 0.0, 1.0)
    return share * share * (np.float32(3.0) - np.float32(2.0) * share)


def _spot(
    point: np.ndarray, centre: tuple[float, float, float], radius: tuple[float, float, float]
) -> np.ndarray:
    """Gaussian about a centre on both halves of the face."""
    place = np.stack([np.abs(point[:, 0]), point[:, 1], point[:, 2]], axis=1)
    return np.exp(-((((place - np.array(centre)) / np.array(radius)) ** 2).sum(axis=1)))


def beard_fields(point: np.ndarray, lips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where beards and moustaches grow, [0, 1]."""
    across, up, forward = np.abs(point[:, 0]), point[:, 1], point[:, 2]
    # Upper edge: from the sideburn (before the ear) down along the cheek to the corner of the mouth.
    edge = np.interp(across, (0.0, 1.9, 2.6, 4.2, 5.6, 6.8, 7.6), (-7.3, -7.2, -6.4, -5.6, -4.2, -1.8, 0.5))
    lower = np.interp(forward, (-9.0, -5.0, -1.0), (-9.0, -11.5, -13.0))
    beard = ramp(-0.5, 0.7, edge - up) * ramp(-0.8, 0.6, up - lower) * ramp(-7.2, -6.0, forward)
    moustache = (
        ramp(0.2, -0.25, np.abs(up + 5.75 + 0.13 * across) - 0.55)
        * ramp(3.2, 2.5, across)
        * ramp(-1.0, 0.5, forward)
    )
    beard = np.maximum(
        beard,
        0.8
        * ramp(0.5, 0.1, np.abs(across - 2.9))
        * ramp(-5.6, -6.2, up)
        * ramp(-9.0, -7.5, up)
        * ramp(-1.0, 0.5, forward),
    )
    clear = 1.0 - ramp(0.5, 0.8, lips)
    return beard * clear, moustache * clear


def _lid_distance(point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance (cm) to the eyelids' margin, and 1 on the upper lid's side."""
    anatomy = load_anatomy()
    head, socket = (
        set(anatomy.corner_vertex[anatomy.corner_chart == anatomy.charts.index(name)].tolist())
        for name in ("head", "socket")
    )
    margin = template_vertices(anatomy)[sorted(head & socket)] * 100.0
    margin[:, 0] = np.abs(margin[:, 0])
    place = np.stack([np.abs(point[:, 0]), point[:, 1], point[:, 2]], axis=1)
    near = np.flatnonzero(
        (place[:, 2] > -1.0) & (np.abs(place[:, 1]) < 2.0) & (np.abs(place[:, 0] - 3.0) < 3.0)
    )
    distance = np.full(len(point), 9.0)
    closest = np.zeros(len(point), dtype=np.int64)
    # Margin vertices are 1–2 mm apart: dense enough once doubled by midpoints of neighbours.
    order = np.argsort(np.arctan2(margin[:, 1], margin[:, 0] - margin[:, 0].mean()))
    ring = margin[order]
    dense = np.concatenate([ring + (np.roll(ring, -1, axis=0) - ring) * k / 6.0 for k in range(6)])
    gap = np.linalg.norm(place[near, None] - dense[None], axis=2)
    distance[near], closest[near] = gap.min(axis=1), gap.argmin(axis=1)
    return distance, (dense[closest, 1] > 0.02).astype(np.float64)


def _brow_coordinates(point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Along the brow (0 at its inner end, 1 at its tail) and across it (cm, up); far away: across = 9."""
    across, up = np.abs(point[:, 0]), point[:, 1]
    along = (across - 1.05) / (5.55 - 1.05)
    line = np.interp(across, (0.8, 1.5, 2.5, 3.5, 4.3, 5.0, 5.8), (1.45, 1.66, 1.98, 2.2, 2.2, 1.9, 1.35))
    return along, np.where(point[:, 2] > -2.0, up - line, 9.0)


def _spots(point: np.ndarray, skin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places where a freckle or a mole may sit: closeness in [0, 1] and rank in [0, 1), by texel."""
    draw = np.random.default_rng(5)
    face = np.flatnonzero((skin > 0) & (point[:, 2] > -7.0) & (point[:, 1] > -12.0) & (point[:, 1] < 6.0))
    face = face[np.argsort(point[face, 0], kind="stable")]  # from side to side: few lie in a spot's reach
    across = point[face, 0]
    place = np.column_stack([draw.uniform(-7.5, 7.5, 700), draw.uniform(-12.0, 6.0, 700)])
    radius, rank = draw.uniform(0.05, 0.13, 700), draw.uniform(size=700)
    closeness, owner = np.zeros(len(point)), np.zeros(len(point))
    for centre, reach, number in zip(place, radius, rank, strict=True):
        begin, end = np.searchsorted(across, (centre[0] - 1.7 * reach, centre[0] + 1.7 * reach))
        beside = face[begin:end]
        gap = np.hypot(point[beside, 0] - centre[0], point[beside, 1] - centre[1]) / reach
        near = beside[gap < 1.6]
        near_gap = np.exp(-(gap[gap < 1.6] ** 2))
        better = near_gap > closeness[near]
        closeness[near[better]], owner[near[better]] = near_gap[better], number
    return closeness, owner


def _brow_hair(along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """(N,) strokes: upright at the brow's inner end, lying along it further out; unit variance."""
    draw = np.random.default_rng(3)
    lean = 0.5 + 1.6 * np.clip(along, 0.0, 1.0)
    total = np.zeros(len(along))
    for _ in range(20):
        waves = 2.0 * np.pi * draw.uniform(2.2, 5.5)  # a centimetre
        total += np.cos(
            waves * (4.5 * along - lean * across * draw.uniform(0.6, 1.4)) + draw.uniform(0.0, 6.28)
        )
    return total / np.sqrt(10.0)


def _eye_lines(eye_polar: np.ndarray) -> dict[str, np.ndarray]:
    """Spokes of the iris, about [−4, 4], and veins of the white, [0, 1]."""
    polar, azimuth = eye_polar.T
    fibre = sum(
        np.cos(waves * azimuth + phase) for waves, phase in ((7, 0.4), (13, 2.0), (23, 4.1), (37, 1.2))
    )
    veins = 0.5 + 0.25 * (np.cos(9 * azimuth + 3.0 * polar) + np.cos(17 * azimuth - 5.0 * polar + 1.0))
    return {"iris_fibre": fibre, "eye_veins": veins}


def _hair_places(atlas: Atlas, point: np.ndarray, skin: np.ndarray) -> dict[str, np.ndarray]:
    """Where hair of every kind grows."""
    neck = skin.copy()
    neck[atlas.rows["torso"]] = 1.0
    temple = hairline_height(point)[1]
    beard, moustache = beard_fields(point, atlas.masks["lips"])
    along, across = _brow_coordinates(point)
    return {
        "hairline": hair_growth(point, atlas.masks["ears"], skin),
        "temple": temple,
        "front_crown": front_and_crown(point),
        "beard": beard * neck,
        "moustache": moustache * skin,
        "brow_along": along,
        "brow_across": np.where(skin > 0, across, 9.0),
        "brow_hair": _brow_hair(along, across),
    }


def _skin_places(atlas: Atlas, point: np.ndarray, skin: np.ndarray) -> dict[str, np.ndarray]:
    """Where skin is redder, darker, oilier, thinner."""
    lid, upper = _lid_distance(point)
    lid = np.where(skin > 0, lid, 9.0)
    cheek = _spot(point, (4.6, -3.4, 0.0), (1.9, 1.6, 3.0))
    nose = _spot(point, (0.0, -3.9, 2.6), (1.5, 1.6, 1.6))
    forehead = _spot(point, (0.0, 4.6, 1.5), (3.0, 2.2, 3.0))
    bridge = _spot(point, (0.0, -2.0, 2.0), (1.0, 3.0, 2.0))
    # The mesh has dimples there and no holes.
    nostril = _spot(point, (0.98, -4.2, 3.2), (0.48, 0.45, 0.62)) * ramp(0.25, -0.15, atlas.normal[:, 1])
    spot, spot_rank = _spots(point, skin)
    return {
        "lid": lid,
        "upper_lid": upper,
        "flush": skin * (1.1 * cheek + 1.3 * nose),
        "thin": atlas.masks["ears"] + 0.7 * ramp(0.35, 0.0, lid),
        "under_eye": skin * _spot(point, (2.9, -1.25, 1.0), (1.6, 0.6, 1.5)),
        "t_zone": skin * np.maximum(forehead, bridge),
        "nostril": skin * ramp(0.2, 0.5, nostril),
        "zones": skin * np.stack([_spot(point, *place) for place in ZONES.values()]),
        "spot": spot,
        "spot_rank": spot_rank,
        "mouth_depth": np.clip((1.6 - point[:, 2]) / 3.0, 0.0, 1.0),
    }


def _regions(atlas: Atlas, fields: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Texels that each kind of paint can touch."""
    inside = {
        "lips": atlas.masks["lips"] > 0.2,
        "brows": np.abs(fields["brow_across"]) < 1.0,
        "lash": fields["lid"] < 0.25,
        "beard": np.maximum(fields["beard"], fields["moustache"]) > 0.01,
        "spots": fields["spot"] > 0.02,
        "nostrils": fields["nostril"] > 0.01,
    }
    return {name: np.flatnonzero(place) for name, place in inside.items()}


@lru_cache(maxsize=4)
def build_fields(size: int) -> Fields:
    """All static fields for one texture size."""
    atlas = build_atlas(size)
    point = atlas.point.astype(np.float64) * 100.0
    skin = np.zeros(len(point))
    skin[atlas.rows["head"]] = 1.0
    fields = _hair_places(atlas, point, skin) | _skin_places(atlas, point, skin) | _eye_lines(atlas.eye_polar)
    fields["curtain_waves"] = _curtain_waves(atlas)
    return Fields(
        atlas=atlas,
        noise=noise_banks(point),
        strands=strands(point),
        grain=np.random.default_rng(7).normal(size=len(point) + 4096).astype(np.float32),
        regions=_regions(atlas, fields),
        **{name: value.astype(np.float32) for name, value in fields.items()},
    )
