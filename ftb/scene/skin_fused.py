"""Paints a person's look by kernels; `ftb.scene.skin_paint` is the readable twin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ftb.kernels.lanes import WIDTH as LANES
from ftb.kernels.starting import Packed, launch, packed
from ftb.scene import skin_rows
from ftb.scene.skin_charts import MATERIALS, inside_charts
from ftb.scene.skin_eyes import edge_widths, eye_dimness, eye_shade, eye_sides
from ftb.scene.skin_fields import Fields, build_fields, ramp
from ftb.scene.skin_layers import BYTE_FIELDS, NUMBERS, SHORT_FIELDS, SPARSE
from ftb.scene.skin_look import EyeLook, Look
from ftb.scene.skin_texels import empty_texels
from ftb.scene.skin_tints import (
    grain_shift,
    hair_colours,
    hair_softness,
    lowest_hair,
    mottling,
    oldness,
    skin_tints,
)

NO_HAIR = -30.0  # cm above the hairline
# Fields of a texel that no layer touches.
UNTOUCHED = {"brow_across": 9.0, "up": 1000.0}


@dataclass(frozen=True)
class SkinTable:
    """Fields of one texture size, for the kernels. table: of blocks of texels of head and torso, as
    `skin_rows.Table`; steps: by name of a field in bytes, what one step of each of its
    rows is; columns: their places among all rows; inside: of texels of all other charts, as
    `skin_rows.Inside`; parts: by chart, the slice of their values among all."""

    table: Packed
    steps: dict[str, np.ndarray]
    columns: dict[str, slice]
    inside: Packed
    parts: dict[str, slice]


def _in_bytes(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows (K, N) as int8, and the step of each (K,)."""
    steps = np.abs(rows).max(axis=1) / 127.0
    return np.rint(rows / steps[:, None]).astype(np.int8), steps


def _sparse_fields(fields: Fields) -> dict[str, tuple[np.ndarray, tuple[np.ndarray, ...]]]:
    """Of each layer that touches few texels: those (n,), and its fields there, in the order of `SPARSE`."""
    openness = fields.atlas.masks["openness"].astype(np.float32)
    lid = fields.lid
    line = fields.upper_lid * ramp(0.22, 0.08, lid) + (1 - fields.upper_lid) * 0.5 * ramp(0.16, 0.03, lid)
    torso = fields.atlas.rows["torso"]
    point = fields.atlas.point * np.float32(100.0)
    named = {
        "SPOTS": ("spots", (fields.spot, fields.spot_rank)),
        "LIPS": ("lips", (fields.atlas.masks["lips"], ramp(0.75, 0.4, openness))),
        "BROWS": ("brows", (fields.brow_along, fields.brow_across, fields.brow_hair)),
        "LASH": ("lash", (line,)),
        "BEARD": ("beard", (fields.beard, fields.moustache)),
        "NOSTRILS": ("nostrils", (fields.nostril,)),
    }
    found = {name: (fields.regions[region], values) for name, (region, values) in named.items()}
    found["CLOTH"] = (np.arange(torso.start, torso.stop), (point[:, 0], point[:, 1]))
    return found


def _sparse_table(fields: Fields, texels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(blocks · layers,) where the fields of each layer begin in (n,), or −1, of texels (blocks, 16)."""
    starts = np.full((len(texels), len(SPARSE)), -1, dtype=np.int32)
    parts, end = [], 0
    for layer, (where, values) in enumerate(_sparse_fields(fields).values()):
        touched = np.zeros(len(fields.hairline), dtype=bool)
        touched[where] = True
        blocks = np.flatnonzero(touched[texels].any(axis=1))
        names = list(SPARSE.values())[layer]
        rows = [
            np.where(touched[texels[blocks]], value[texels[blocks]], UNTOUCHED.get(name, 0.0))
            for name, value in zip(names, values, strict=True)
        ]
        part = np.stack(rows, axis=1).astype(np.float32)  # (blocks, fields, 16)
        starts[blocks, layer] = end + np.arange(len(blocks)) * part[0].size
        parts.append(part.ravel())
        end += part.size
    return starts.ravel(), np.concatenate(parts)


@lru_cache(maxsize=4)
def build_table(size: int) -> SkinTable:
    """Pack `build_fields(size)`; size a multiple of 4."""
    fields = build_fields(size)
    rows = fields.atlas.rows
    bare = np.zeros(len(fields.hairline), dtype=bool)
    bare[rows["head"]] = bare[rows["torso"]] = True
    on_head = np.zeros(len(bare), dtype=bool)
    on_head[rows["head"]] = True
    every = fields.atlas.fill.reshape(-1, LANES)  # (all blocks, 16)
    places = np.flatnonzero(bare[every].any(axis=1))
    texels = every[places]
    single = (fields.under_eye, fields.flush, fields.thin, fields.t_zone)
    parts = [fields.noise[1], fields.noise[2], fields.noise[0], fields.zones, *(row[None] for row in single)]
    found = [_in_bytes(part) for part in parts]
    shorts = _short_rows(fields, on_head)
    whole = np.concatenate([rows for rows, _ in found])
    starts, layers = _sparse_table(fields, texels)
    grains, grain_steps = _in_bytes(fields.grain[None])
    hairline = np.where(on_head, fields.hairline, NO_HAIR).astype(np.float32)
    arrays = {
        "places": places.astype(np.int32),
        "bytes": whole[:, texels].transpose(1, 0, 2).ravel(),
        "shorts": shorts[:, texels].transpose(1, 0, 2).ravel(),
        "short_steps": np.array(list(SHORT_FIELDS.values()), dtype=np.float32),
        "highest": hairline[texels].max(axis=1),
        "layer_starts": starts,
        "layers": layers,
        "grain_rows": texels.astype(np.int32).ravel(),
        "grains": grains.ravel(),
    }
    tensors = {name: torch.from_numpy(np.ascontiguousarray(part)) for name, part in arrays.items()}
    inside, parts = _inside_table(fields, np.flatnonzero(~bare[fields.atlas.fill]))
    return SkinTable(
        table=packed(skin_rows.Table, **tensors, grain_step=float(grain_steps[0])),
        steps=dict(zip(BYTE_FIELDS, [steps for _, steps in found], strict=True)),
        columns=_slices(BYTE_FIELDS),
        inside=inside,
        parts=parts,
    )


def _slices(counts: dict[str, int]) -> dict[str, slice]:
    """Where each lies, by name, if so many of each follow each other."""
    ends = np.cumsum([0, *counts.values()]).tolist()
    return {name: slice(*ends[k : k + 2]) for k, name in enumerate(counts)}


def _inside_table(fields: Fields, texels: np.ndarray) -> tuple[Packed, dict[str, slice]]:
    """Of a `SkinTable` what is about the charts that no layer touches, and cover `texels` (n,)."""
    atlas = fields.atlas
    parts = _slices({chart: atlas.rows[chart].stop - atlas.rows[chart].start for chart in MATERIALS})
    place = np.zeros(len(atlas.chart), dtype=np.int32)
    for chart, part in parts.items():
        place[atlas.rows[chart]] = np.arange(part.start, part.stop)
    counts = [part.stop - part.start for part in parts.values()]
    arrays = {
        "polar": atlas.eye_polar[:, 0].astype(np.float32),
        "side": eye_sides(fields).astype(np.float32),
        "veins": fields.eye_veins,
        "fibre": fields.iris_fibre,
        "dim": (eye_dimness(fields) * eye_shade(fields)).astype(np.float32),
        "texels": texels.astype(np.int32),
        "sources": place[atlas.fill[texels]],
        "materials": np.repeat(np.array(list(MATERIALS.values()), dtype=np.float32), counts, axis=0).ravel(),
    }
    tensors = {name: torch.from_numpy(np.ascontiguousarray(part)) for name, part in arrays.items()}
    return packed(skin_rows.Inside, **tensors, first=parts["eye"].start), parts


def _short_rows(fields: Fields, on_head: np.ndarray) -> np.ndarray:
    """(K, N) int16 of `SHORT_FIELDS`."""
    hairline = np.where(on_head, np.clip(fields.hairline, NO_HAIR, -NO_HAIR), NO_HAIR)
    shade = np.log(np.maximum(fields.atlas.masks["openness"], 0.05)) * on_head
    rows = (hairline, fields.temple, *fields.front_crown, shade, *fields.strands)
    steps = SHORT_FIELDS.values()
    return np.stack([np.rint(row / step) for row, step in zip(rows, steps, strict=True)]).astype(np.int16)


def _mixing(table: SkinTable, looks: Sequence[Look], by_melanin: np.ndarray) -> Tensor:
    """(H, 3, fields) weights of the fields in bytes for noise, melanin and blood."""
    skins = [look.skin for look in looks]
    mottled = mottling(looks, by_melanin)
    broad, patch, fine = (np.stack([look.noise[bank] for look in looks]) for bank in range(3))  # (H, 3, K)
    zones = np.array([skin.zones for skin in skins]) / by_melanin[:, 1:2]
    under_eye = np.array([[skin.under_eye] for skin in skins])
    # Steps are single precision, and so is what is multiplied by them but zones and eyes.
    dry, patches, broads, red = np.array(
        [
            [-0.07 * skin.oil for skin in skins],
            0.05 * mottled,
            0.07 * mottled,
            [skin.redness for skin in skins],
        ],
        dtype=np.float32,
    )[..., None]  # (H, 1) each
    weights = [
        {"PATCH": patch[:, 0], "FINE": fine[:, 0], "T_ZONE": dry},
        {"PATCH": patches * patch[:, 1], "BROAD": broads * broad[:, 0]}
        | {"ZONES": zones, "UNDER_EYE": 0.35 * under_eye},
        {"UNDER_EYE": 0.4 * under_eye, "FLUSH": red, "THIN": np.float32(0.7)},
    ]
    mixing = np.zeros((len(looks), 3, sum(BYTE_FIELDS.values())), dtype=np.float32)
    for row, named in enumerate(weights):
        for name, weight in named.items():
            mixing[:, row, table.columns[name]] = table.steps[name] * weight
    return torch.from_numpy(mixing)


def _numbers(looks: Sequence[Look], tints: np.ndarray, lips: np.ndarray) -> Tensor:
    """(H, n) what `COLOURS` and `NUMBERS` name."""
    cloth = np.stack([look.cloth for look in looks])
    melanin = 0.03 * mottling(looks, tints[:, 1])
    rows = [_person(look, fine) for look, fine in zip(looks, melanin.tolist(), strict=True)]
    parts = [tints.reshape(len(looks), -1), lips, hair_colours(looks), cloth]
    numbers = [[row[name] for name in NUMBERS] for row in rows]
    return torch.from_numpy(np.concatenate([*parts, numbers], axis=1, dtype=np.float32, casting="same_kind"))


def _person(look: Look, melanin_fine: float) -> dict[str, float]:
    """`NUMBERS` by name."""
    skin, hair = look.skin, look.hair
    thickness, lift, density = hair.brow
    return {
        "MELANIN_FINE": melanin_fine,
        "MELANIN_GRAIN": 0.04,
        "BLOOD_MIDDLE": 0.16 * skin.blotches,
        "BLOOD_FINE": 0.10 * skin.blotches,
        "ROUGHNESS": skin.roughness + 0.04 * oldness(look),
        "CREASES": skin.creases,
        "SHUFFLE": skin.shuffle[0],
        "FRECKLES": skin.freckles,
        "OLDNESS": oldness(look),
        "LIP_ROUGHNESS": 0.36 - 0.08 * skin.lipstick_strength,
        "BROW_THICKNESS": thickness,
        "BROW_LIFT": lift,
        "BROW_DENSITY": density,
        "LASHES": hair.lashes,
        "STUBBLE": hair.stubble,
        "BEARD_DENSITY": hair.beard[0],
        "MOUSTACHE_DENSITY": hair.moustache,
        "HAIRLINE_RISE": hair.hairline,
        "TEMPLE_RISE": hair.temple,
        "FRINGE": hair.fringe,
        "CROWN_FALL": 9.0 * hair.crown,
        "LOWEST_HAIR": lowest_hair(look),
        "HAIR_SOFT": hair_softness(look),
        "OPACITY": hair.opacity,
        "GREY_HAIR": hair.grey,
        "NECKLINE": look.neckline,
    }


def paint_head(size: int, look: Look) -> tuple[Tensor, Tensor]:
    """Textures of one person: albedo_linear (T, T, 3), material (T, T, 2), T = size, a multiple of 4."""
    return paint_heads(size, [look])[0]


def paint_heads(size: int, looks: Sequence[Look]) -> list[tuple[Tensor, Tensor]]:
    """The same of several people, whose bits do not depend on each other."""
    table, heads = build_table(size), len(looks)
    tints, lips = skin_tints(looks)
    texels = empty_texels(heads, size)
    values = table.parts[list(MATERIALS)[-1]].stop
    colours = torch.empty(heads, 3, values)
    for chart, colour in inside_charts(build_fields(size), looks, lips).items():
        colours.numpy()[:, :, table.parts[chart]] = colour
    shifts = torch.tensor([grain_shift(look) for look in looks], dtype=torch.int32)
    eyes = torch.tensor([_eye_numbers(look.eyes, size) for look in looks])
    inputs = [table.table, table.inside, heads, _numbers(looks, tints, lips)]
    inputs += [_mixing(table, looks, tints[:, 1]), shifts, eyes, colours, torch.empty(values, 4)]
    launch(skin_rows.paint, 1, [*inputs, texels], texels.device)
    albedo, material = texels.split((3, 2), dim=-1)
    return list(zip(albedo.unbind(), material.unbind(), strict=True))


def _eye_numbers(eyes: EyeLook, size: int) -> list[float]:
    """The fields of `skin_rows.Eyes`."""
    return [*eyes.iris.tolist(), eyes.iris_size, eyes.pupil, eyes.sclera, *edge_widths(size, eyes.iris_size)]
