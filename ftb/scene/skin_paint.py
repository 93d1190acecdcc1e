"""Paints a person's look into the atlas: albedo, roughness and F0 of every texel."""

from __future__ import annotations

import numpy as np

from ftb.scene.heads import SKIN_F0
from ftb.scene.skin_charts import MATERIALS, inside_charts
from ftb.scene.skin_eyes import eye_shade, paint_eyes
from ftb.scene.skin_fields import Fields, ramp
from ftb.scene.skin_look import Look
from ftb.scene.skin_noise import weighted_sum
from ftb.scene.skin_tints import (
    grain_shift,
    hair_colours,
    hair_softness,
    lowest_hair,
    mottling,
    oldness,
    skin_tints,
)

NOSTRIL = np.array([0.012, 0.006, 0.005], dtype=np.float32)  # linear albedo
HAIR_MATERIAL, BEARD_ROUGHNESS, CLOTH_MATERIAL = (0.60, 0.046), 0.62, (0.85, 0.03)


class Canvas:
    """One person's texels while they are painted: albedo (3, N), material (2, N), and the noise of those of
    head and torso, `bare` (Nb,).

    numpy in one thread throughout: bits must not depend on how many threads a worker has.
    """

    def __init__(self, fields: Fields, look: Look) -> None:
        count = len(fields.hairline)
        self.fields, self.look = fields, look
        self.bare = slice(fields.atlas.rows["head"].start, fields.atlas.rows["torso"].stop)
        self.middle, self.fine = (
            weighted_sum(fields.noise[k][:, self.bare], look.noise[k][0]) for k in (1, 2)
        )
        shift = grain_shift(look)
        self.grain = fields.grain[shift : shift + count]  # pores: the same white noise, shifted
        self.albedo = np.empty((3, count), dtype=np.float32)
        self.material = np.empty((2, count), dtype=np.float32)
        (self.skin,), (self.lips,) = skin_tints([look])
        self.hair = hair_colours([look])[0, :, None]

    def blend(self, where: np.ndarray | slice, colour: np.ndarray, share: np.ndarray) -> None:
        """Move the albedo of texels `where` (n,) to colour (3, 1) or (3, n) by share (n,)."""
        here = self.albedo[:, where]
        step = colour - here
        step *= share
        step += here
        self.albedo[:, where] = step

    def blend_material(
        self, where: np.ndarray | slice, roughness: float, f0: float, share: np.ndarray
    ) -> None:
        """As `blend`, for roughness and F0."""
        for row, value in zip(self.material, (roughness, f0), strict=True):
            here = row[where]
            row[where] = here + (np.float32(value) - here) * share


def paint_skin(canvas: Canvas) -> None:
    """Bare skin: local changes of melanin and blood about the person's own, to first order in log albedo."""
    fields, look = canvas.fields, canvas.look
    base, by_melanin, by_blood = canvas.skin
    mottled = float(mottling([look], by_melanin[None])[0])
    bare = canvas.bare
    broad, patch = fields.noise[0][:, bare], fields.noise[1][:, bare]
    grain, under_eye = canvas.grain[bare], fields.under_eye[bare]
    melanin = weighted_sum(
        [*broad, *patch, canvas.fine, grain, under_eye],
        [
            *(0.07 * mottled * look.noise[0][0]),
            *(0.05 * mottled * look.noise[1][1]),
            *(0.03 * mottled, 0.04, 0.35 * look.skin.under_eye),
        ],
    )
    # As melanin, in the amount that changes green by the zone's lightness.
    melanin += weighted_sum(fields.zones[:, bare], [part / float(by_melanin[1]) for part in look.skin.zones])
    melanin[fields.regions["spots"]] += _freckles(fields, look)
    blood = weighted_sum(
        [canvas.middle, canvas.fine, fields.flush[bare], fields.thin[bare], under_eye],
        [
            *(0.16 * look.skin.blotches, 0.10 * look.skin.blotches),
            *(look.skin.redness, 0.7, 0.4 * look.skin.under_eye),
        ],
    )
    for row, more, red, whole in zip(canvas.albedo[:, bare], by_melanin, by_blood, base, strict=True):
        np.exp(weighted_sum([melanin, blood], [more, red]), out=row)
        row *= np.float32(whole)
    roughness = weighted_sum(
        [fields.t_zone[bare], canvas.middle, grain], [-0.07 * look.skin.oil, 0.02, 0.015]
    )
    roughness += np.float32(look.skin.roughness + 0.04 * oldness(look))
    np.clip(roughness, 0.28, 0.6, out=canvas.material[0, bare])
    canvas.material[1, bare] = SKIN_F0


def _freckles(fields: Fields, look: Look) -> np.ndarray:
    """Melanin of freckles, age spots and moles: each head shuffles which of the places carry one."""
    where = fields.regions["spots"]
    rank = (fields.spot_rank[where] * np.float32(37.0) + np.float32(look.skin.shuffle[0])) % np.float32(1.0)
    strength = (rank < look.skin.freckles) * 0.6 + (rank > 0.996) * 1.6 + (rank > 0.93) * 0.8 * oldness(look)
    return fields.spot[where] * strength.astype(np.float32)


def paint_lips(canvas: Canvas) -> None:
    """Lips over the skin."""
    where = canvas.fields.regions["lips"]
    share = ramp(0.25, 0.75, canvas.fields.atlas.masks["lips"][where])
    folds = 1.0 + 0.05 * canvas.fine[where] + 0.04 * canvas.grain[where]
    canvas.blend(where, canvas.lips.astype(np.float32)[:, None] * folds, np.float32(0.9) * share)
    canvas.blend_material(where, 0.36 - 0.08 * canvas.look.skin.lipstick_strength, SKIN_F0, share)


def paint_creases(canvas: Canvas) -> None:
    """Darker where skin folds: nostrils, wings of the nose, corners of eyes and mouth, below brows and lip.

    A mesh of this size is smoother than skin, whose folds trap light and gather shadow at any light;
    without that, a network takes every dark eye socket of a photograph for light from above.
    """
    rows = canvas.fields.atlas.rows["head"]
    openness = canvas.fields.atlas.masks["openness"][rows].astype(np.float32)
    canvas.albedo[:, rows] *= np.maximum(openness, 0.05) ** np.float32(canvas.look.skin.creases)
    # Between closed lips lies a line that no skin colour lightens.
    where = canvas.fields.regions["lips"]
    parting = ramp(0.75, 0.4, canvas.fields.atlas.masks["openness"][where].astype(np.float32))
    canvas.albedo[:, where] *= 1.0 - np.float32(0.8) * parting


def paint_nostrils(canvas: Canvas) -> None:
    """The dark of the nostrils, whose holes the mesh only hints at: no light comes back out of them, and
    nothing shines there."""
    where = canvas.fields.regions["nostrils"]
    share = np.float32(0.97) * canvas.fields.nostril[where]
    canvas.blend(where, NOSTRIL[:, None], share)
    canvas.blend_material(where, 0.9, 0.0, share)


def paint_brows(canvas: Canvas) -> None:
    """Eyebrows: a band along the brow's line, thinning to its tail, broken up into hairs; and the lashes'
    line."""
    fields, look = canvas.fields, canvas.look
    where = fields.regions["brows"]
    thickness, lift, density = look.hair.brow
    hair = fields.brow_hair[where]
    along = fields.brow_along[where] + np.float32(0.02) * hair
    across = fields.brow_across[where] - np.float32(lift) + np.float32(0.05) * hair
    tail = np.clip(along, 0.0, 1.0)
    width = (
        np.float32(thickness)
        * (0.7 + 0.5 * np.clip(along * 3.0, 0.0, 1.0))
        * (1.0 - 0.7 * tail * tail * tail)
    )
    ends = ramp(-0.08, 0.2, along) * ramp(1.08, 0.8, along)
    strokes = np.clip(1.1 + 0.2 * hair + 0.10 * canvas.grain[where], 0.35, 1.4)
    # A band with a body: bell-shaped ones are pale as soon as a camera blurs them.
    brow = np.exp(-((across / width) ** 4)) * ends * strokes * np.float32(density)
    # Brows are darker than the hair of the head, and keep their colour longer.
    colour = canvas.hair * 0.6 + 0.2 * np.float32(0.02)
    canvas.blend(where, colour, np.clip(brow, 0.0, 0.95))
    where = fields.regions["lash"]
    upper, lid = fields.upper_lid[where], fields.lid[where]
    line = upper * ramp(0.22, 0.08, lid) + (1 - upper) * 0.5 * ramp(0.16, 0.03, lid)
    canvas.blend(where, np.minimum(colour, 0.03), np.float32(look.hair.lashes) * line)


def paint_beard(canvas: Canvas) -> None:
    """The shadow of shaved stubble, then beard and moustache."""
    fields, look = canvas.fields, canvas.look
    if look.hair.stubble <= 0.0 and look.hair.beard[0] <= 0.0 and look.hair.moustache <= 0.0:
        return
    where = fields.regions["beard"]
    beard, moustache, grain = fields.beard[where], fields.moustache[where], canvas.grain[where]
    hairs = np.clip(0.92 + 0.10 * canvas.fine[where] + 0.10 * grain, 0.6, 1.1)
    colour = canvas.hair * np.float32(0.9)
    shadow = np.float32(0.42 * look.hair.stubble) * np.maximum(beard, moustache) * hairs
    canvas.blend(where, colour, np.clip(shadow, 0.0, 0.6))
    full = np.maximum(beard * np.float32(look.hair.beard[0]), moustache * np.float32(look.hair.moustache))
    edge = np.clip(ramp(0.3, 0.7, full + 0.06 * canvas.middle[where] * (full > 0.05)) * hairs, 0.0, 0.97)
    canvas.blend(where, colour * (1.0 + 0.15 * grain), edge)
    canvas.blend_material(where, BEARD_ROUGHNESS, 0.04, edge)


def hair_height(hairline: np.ndarray, temple: np.ndarray, front_crown: np.ndarray, look: Look) -> np.ndarray:
    """Signed distance (n,) above this person's hairline, cm; shared by texels and vertices. front_crown
    (2, n): `skin_fields.front_and_crown`."""
    front, crown = front_crown
    return (
        hairline
        - np.float32(look.hair.hairline)
        - np.float32(look.hair.temple) * temple
        + np.float32(look.hair.fringe) * front
        - np.float32(9.0 * look.hair.crown) * crown
    )


def hair_rows(fields: Fields, look: Look) -> slice:
    """Texels of the head above the lowest place of this person's hair: the last of them, as the atlas is
    sorted."""
    head = fields.atlas.rows["head"]
    return slice(head.start + int(np.searchsorted(fields.hairline[head], lowest_hair(look))), head.stop)


def paint_hair(canvas: Canvas) -> None:
    """The hair cap, uneven at its edge, streaked along the strands."""
    fields, look = canvas.fields, canvas.look
    where = hair_rows(fields, look)
    grain, middle = canvas.grain[where], canvas.middle[where]
    streaks, edges = fields.strands[:, where]
    height = hair_height(fields.hairline[where], fields.temple[where], fields.front_crown[:, where], look)
    height += weighted_sum([canvas.fine[where], grain, edges], [0.16, 0.15, 0.15])
    soft = hair_softness(look)
    share = ramp(-soft, soft, height) * np.float32(look.hair.opacity)
    shine = weighted_sum([streaks, grain, middle], [0.22, 0.10, 0.10])
    np.exp(shine, out=shine)
    if look.hair.grey > 0.0:
        shine *= 1.0 + np.clip(np.float32(0.5 * look.hair.grey) * edges, -0.2, 0.4)
    canvas.blend(where, canvas.hair * shine, share)
    canvas.blend_material(where, *HAIR_MATERIAL, share)


def paint_cloth(canvas: Canvas) -> None:
    """Below the neckline, on the torso: one colour of cloth."""
    rows = canvas.fields.atlas.rows["torso"]
    point = canvas.fields.atlas.point[rows] * np.float32(100.0)
    collar = np.float32(canvas.look.neckline) + np.float32(0.012) * point[:, 0] ** 2
    share = ramp(0.15, -0.15, point[:, 1] - collar)
    weave = 1.0 + 0.06 * canvas.grain[rows] + 0.08 * canvas.middle[rows]
    canvas.blend(rows, canvas.look.cloth.astype(np.float32)[:, None] * weave, share)
    canvas.blend_material(rows, *CLOTH_MATERIAL, share)


LAYERS = (
    paint_skin,
    paint_lips,
    paint_creases,
    paint_brows,
    paint_beard,
    paint_nostrils,
    paint_hair,
    paint_cloth,
)


def paint_head_plainly(fields: Fields, look: Look) -> tuple[np.ndarray, np.ndarray]:
    """Textures of one person: albedo_linear (T, T, 3), material (T, T, 2), float32; the readable twin of
    `skin_fused.paint_head`."""
    canvas = Canvas(fields, look)
    for paint in LAYERS:
        paint(canvas)
    rows, size = fields.atlas.rows, fields.atlas.size
    inside = {name: part[0] for name, part in inside_charts(fields, [look], canvas.lips[None]).items()}
    inside["eye"] = paint_eyes(fields, look) * eye_shade(fields)
    for chart, colour in inside.items():
        canvas.albedo[:, rows[chart]] = colour
        canvas.material[:, rows[chart]] = np.array(MATERIALS[chart], dtype=np.float32)[:, None]
    np.clip(canvas.albedo, 0.003, 0.9, out=canvas.albedo)
    albedo = np.stack([row.take(fields.atlas.fill) for row in canvas.albedo], axis=1)
    material = np.stack([row.take(fields.atlas.fill) for row in canvas.material], axis=1)
    return albedo.reshape(size, size, 3), material.reshape(size, size, 2)
