"""Paints a person's look into the atlas: albedo, roughness and F0 of every texel."""

from __future__ import annotations

import numpy as np

from ftb.scene.heads import SKIN_F0
from ftb.scene.skin_color import melanin_of_tone, skin_reflectance
from ftb.scene.skin_eyes import paint_eyes, paint_inside
from ftb.scene.skin_fields import Fields
from ftb.scene.skin_look import GREY, Look

# Perceptual roughness and F0 of what is not skin.
MATERIALS = {"eye": (0.10, 0.04), "socket": (0.25, 0.03), "mouth": (0.35, 0.03), "teeth": (0.25, 0.05),
             "tongue": (0.35, 0.03)}
HAIR_MATERIAL, CLOTH_MATERIAL = (0.50, 0.046), (0.85, 0.03)


def _ramp(low: float, high: float, value: np.ndarray) -> np.ndarray:
    """Smoothstep, float32."""
    share = np.clip((value - np.float32(low)) * np.float32(1.0 / (high - low)), 0.0, 1.0)
    return share * share * (np.float32(3.0) - np.float32(2.0) * share)


def _mix(bank: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """One noise field (N,) from a bank (K, N); a loop, so that its bits do not depend on BLAS's threads."""
    total = bank[0] * weights[0]
    for field, weight in zip(bank[1:], weights[1:], strict=True):
        total += field * weight
    return total


def _blend(albedo: np.ndarray, colour: np.ndarray, share: np.ndarray) -> None:
    """In place: albedo (N, 3) towards colour (3,) or (N, 3) by share (N,)."""
    albedo += (colour - albedo) * share[:, None]


class Canvas:
    """One person's texels while they are painted: N rows of albedo and material, and the noise they share."""

    def __init__(self, fields: Fields, look: Look) -> None:
        count = len(fields.hairline)
        self.fields, self.look = fields, look
        self.broad, self.middle, self.fine = (_mix(bank, weights[0])
                                              for bank, weights in zip(fields.noise, look.noise, strict=True))
        self.patch = _mix(fields.noise[1], look.noise[1][1])
        self.speck = _mix(fields.noise[2], look.noise[2][1])
        grain = np.random.default_rng(7).normal(size=count + 4096).astype(np.float32)
        shift = int(look.moles[0, 2] * 4096)
        self.grain = grain[shift : shift + count]  # pores: white per texel, the same white each time, shifted
        self.albedo = np.empty((count, 3), dtype=np.float32)
        self.material = np.empty((count, 2), dtype=np.float32)
        self.melanin = melanin_of_tone(look.tone)
        self.hair = (look.hair * (1.0 - look.grey) + np.array(GREY) * look.grey).astype(np.float32)


def paint_skin(canvas: Canvas) -> None:
    """Bare skin: local changes of melanin and blood about the person's own, to first order in log albedo."""
    fields, look = canvas.fields, canvas.look
    base = skin_reflectance(canvas.melanin, look.blood, look.carotene)
    by_melanin = np.log(skin_reflectance(canvas.melanin * 1.25, look.blood, look.carotene) / base) / 0.25
    by_blood = np.log(skin_reflectance(canvas.melanin, look.blood * 1.5, look.carotene) / base) / 0.5
    old = float(np.clip((look.age - 0.7) / 0.25, 0.0, 1.0))
    freckle = _ramp(1.0, 1.9, canvas.speck + 0.3 * canvas.patch)
    face = np.exp(-((fields.atlas.point[:, 1] * 100 + 2.0) / 9.0) ** 2).astype(np.float32)
    melanin = (look.blotches * (0.07 * canvas.broad + 0.05 * canvas.patch + 0.03 * canvas.fine)
               + 0.05 * canvas.grain + look.freckles * 1.4 * freckle * face
               + 0.5 * old * _ramp(1.4, 2.2, canvas.speck) + 0.35 * look.under_eye * fields.under_eye)
    blood = (look.blotches * (0.16 * canvas.middle + 0.10 * canvas.fine)
             + look.redness * (1.1 * fields.cheek + 1.3 * fields.nose) + 0.7 * fields.atlas.masks["ears"]
             + 0.4 * look.under_eye * fields.under_eye + 0.5 * _ramp(0.35, 0.0, fields.lid))
    log_albedo = melanin[:, None] * by_melanin.astype(np.float32) + blood[:, None] * by_blood.astype(np.float32)
    np.multiply(np.exp(log_albedo), base.astype(np.float32), out=canvas.albedo)
    canvas.albedo *= (1.0 - 0.55 * fields.nostril)[:, None]
    rough = (look.roughness - 0.09 * look.oil * fields.t_zone + 0.02 * canvas.middle + 0.015 * canvas.grain
             + 0.04 * old)
    canvas.material[:, 0] = np.clip(rough, 0.28, 0.6)
    canvas.material[:, 1] = SKIN_F0


def lip_colour(canvas: Canvas) -> np.ndarray:
    """Lips have little melanin of their own and much blood."""
    look = canvas.look
    bare = skin_reflectance(canvas.melanin * 0.75, look.lip_blood, look.carotene) * np.array([0.92, 0.80, 0.80])
    return bare * (1 - look.lipstick_strength) + look.lipstick * look.lipstick_strength


def paint_lips(canvas: Canvas) -> np.ndarray:
    """Lips over the skin; returns their colour (3,)."""
    colour = lip_colour(canvas)
    share = _ramp(0.25, 0.75, canvas.fields.atlas.masks["lips"])
    folds = 1.0 + 0.05 * canvas.fine + 0.04 * canvas.grain
    _blend(canvas.albedo, colour.astype(np.float32) * folds[:, None], 0.9 * share)
    canvas.material[:, 0] += share * (0.34 - 0.08 * canvas.look.lipstick_strength - canvas.material[:, 0])
    return colour


def paint_brows(canvas: Canvas) -> None:
    """Eyebrows: a band along the brow's line, thinning to its tail, broken up into hairs; and the lashes."""
    fields, look = canvas.fields, canvas.look
    thickness, lift, density = look.brow
    along, across = fields.brow_along, fields.brow_across - np.float32(lift)
    width = thickness * (0.75 + 0.5 * np.clip(along * 3.0, 0.0, 1.0)) * (1.0 - 0.75 * np.clip(along, 0.0, 1.0) ** 3)
    ends = _ramp(-0.06, 0.14, along) * _ramp(1.06, 0.86, along)
    hairs = 1.0 + 0.45 * canvas.speck + 0.25 * canvas.grain
    brow = np.exp(-((across / width) ** 2)) * ends * np.clip(hairs, 0.2, 1.3) * density
    colour = canvas.hair * 0.8 + 0.2 * np.float32(0.02)
    _blend(canvas.albedo, colour, np.clip(brow, 0.0, 0.95))
    lash = fields.upper_lid * _ramp(0.22, 0.05, fields.lid) + (1 - fields.upper_lid) * 0.55 * _ramp(0.16, 0.03, fields.lid)
    _blend(canvas.albedo, np.minimum(colour, 0.03), np.float32(look.lashes) * lash)


def paint_beard(canvas: Canvas) -> None:
    """The shadow of shaved stubble, then beard and moustache."""
    fields, look = canvas.fields, canvas.look
    density, _ = look.beard
    hairs = np.clip(0.75 + 0.25 * canvas.fine + 0.25 * canvas.grain, 0.2, 1.2)
    grow = np.maximum(fields.beard, fields.moustache)
    colour = canvas.hair * 0.9
    _blend(canvas.albedo, colour, np.clip(0.45 * look.stubble * grow * hairs, 0.0, 0.6))
    full = np.maximum(fields.beard * density, fields.moustache * look.moustache)
    edge = np.clip(_ramp(0.35, 0.75, full + 0.10 * canvas.middle * (full > 0.05)) * hairs, 0.0, 0.97)
    _blend(canvas.albedo, colour * (1.0 + 0.18 * canvas.grain[:, None]), edge)
    canvas.material[:, 0] += edge * (0.6 - canvas.material[:, 0])


def hair_height(hairline: np.ndarray, temple: np.ndarray, point_cm: np.ndarray, look: Look) -> np.ndarray:
    """Signed distance (N,) above this person's hairline, cm; shared by texels and vertices."""
    front = np.exp(-((point_cm[:, 0] / 5.0) ** 2)) * (point_cm[:, 2] > -4.0)
    crown = np.exp(-(((point_cm[:, 1] - 11.0) / 4.0) ** 2) - ((point_cm[:, 2] + 10.0) / 5.0) ** 2)
    return hairline - look.hairline - look.temple * temple + look.fringe * front - 9.0 * look.crown * crown


def paint_hair(canvas: Canvas) -> None:
    """The hair cap, uneven at its edge, streaked along the strands."""
    fields, look = canvas.fields, canvas.look
    point_cm = fields.atlas.point * np.float32(100.0)
    height = hair_height(fields.hairline, fields.temple, point_cm, look).astype(np.float32)
    soft = 0.5 if max(look.thickness) > 0.5 else 0.9
    height = height + 0.28 * canvas.fine + 0.18 * canvas.grain + 0.25 * fields.strands[1]
    share = _ramp(-soft, soft, height) * np.float32(look.opacity)
    streak = np.exp(0.22 * fields.strands[0] + 0.10 * canvas.grain + 0.10 * canvas.middle)
    white = np.clip(look.grey * 0.5 * fields.strands[1], -0.2, 0.4)
    colour = canvas.hair * streak[:, None] * (1.0 + white)[:, None]
    _blend(canvas.albedo, colour, share)
    canvas.material += share[:, None] * (np.array(HAIR_MATERIAL, dtype=np.float32) - canvas.material)


def paint_cloth(canvas: Canvas) -> None:
    """Below the neckline, on the torso: one colour of cloth."""
    rows = canvas.fields.atlas.rows["torso"]
    point = canvas.fields.atlas.point[rows] * np.float32(100.0)
    collar = np.float32(canvas.look.neckline) + 0.012 * point[:, 0] ** 2
    share = _ramp(0.25, -0.25, point[:, 1] - collar)
    weave = 1.0 + 0.06 * canvas.grain[rows] + 0.08 * canvas.middle[rows]
    _blend(canvas.albedo[rows], canvas.look.cloth.astype(np.float32) * weave[:, None], share)
    canvas.material[rows] += share[:, None] * (np.array(CLOTH_MATERIAL, dtype=np.float32) - canvas.material[rows])


def paint_head(fields: Fields, look: Look) -> tuple[np.ndarray, np.ndarray]:
    """Textures of one person: albedo_linear (T, T, 3), material (T, T, 2), float32."""
    canvas = Canvas(fields, look)
    paint_skin(canvas)
    lip = paint_lips(canvas)
    paint_brows(canvas)
    paint_beard(canvas)
    paint_hair(canvas)
    paint_cloth(canvas)
    rows = fields.atlas.rows
    inside = paint_inside(fields, look, lip) | {"eye": paint_eyes(fields, look)}
    for chart, colour in inside.items():
        canvas.albedo[rows[chart]] = colour
        canvas.material[rows[chart]] = MATERIALS[chart]
    size = fields.atlas.size
    albedo = np.clip(canvas.albedo, 0.003, 0.9)[fields.atlas.fill].reshape(size, size, 3)
    return albedo, np.clip(canvas.material, 0.02, 1.0)[fields.atlas.fill].reshape(size, size, 2)
