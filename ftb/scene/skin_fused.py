"""Paints a person's look by kernels; `ftb.scene.skin_paint` is the readable twin."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ftb.kernels.start import wp
from ftb.kernels.starting import Packed, launch, packed
from ftb.scene import skin_rows
from ftb.scene.skin_atlas import Atlas
from ftb.scene.skin_charts import MATERIALS, inside_charts
from ftb.scene.skin_eyes import edge_widths, eye_dimness, eye_shade, eye_sides
from ftb.scene.skin_fields import Fields, build_fields, ramp
from ftb.scene.skin_layers import BYTE_FIELDS, COLOURS, NUMBERS, SHORT_FIELDS, SPARSE
from ftb.scene.skin_look import Look
from ftb.scene.skin_tints import (
    grain_shift,
    hair_colour,
    hair_softness,
    lowest_hair,
    mottling,
    oldness,
    skin_tints,
)

LANES = 16
NO_HAIR = -30.0  # cm above the hairline
# Fields of a texel that no layer touches.
UNTOUCHED = {"brow_across": 9.0, "up": 1000.0}


@dataclass(frozen=True)
class SkinTable:
    """Fields of one texture size, for the kernels. table: of blocks of texels of head and torso, as
    `skin_rows.Table`; steps: by name of a field in bytes, what one step of each of its
    rows is; inside: texels of all other charts; sources: which of the values of `parts` each takes; parts: by
    chart, their slice of all values; materials (2, values); eyes: fields of the eyes' texels, as
    `skin_rows.paint_eyes` asks for them."""

    table: Packed
    steps: dict[str, np.ndarray]
    inside: Tensor
    sources: Tensor
    parts: dict[str, slice]
    materials: Tensor
    eyes: list[Tensor]


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
    return SkinTable(
        table=packed(skin_rows.Table, **tensors, grain_step=float(grain_steps[0])),
        steps=dict(zip(BYTE_FIELDS, [steps for _, steps in found], strict=True)),
        eyes=_eye_fields(fields),
        **_inside_table(fields.atlas, np.flatnonzero(~bare[fields.atlas.fill])),
    )


def _eye_fields(fields: Fields) -> list[Tensor]:
    dim = eye_dimness(fields) * eye_shade(fields)
    found = (fields.atlas.eye_polar[:, 0], eye_sides(fields), fields.eye_veins, fields.iris_fibre, dim)
    return [torch.from_numpy(np.ascontiguousarray(field, dtype=np.float32)) for field in found]


def _inside_table(atlas: Atlas, texels: np.ndarray) -> dict[str, Any]:
    """Of a `SkinTable` what is about the charts that no layer touches, and cover `texels` (n,)."""
    ends = np.cumsum([0, *(atlas.rows[chart].stop - atlas.rows[chart].start for chart in MATERIALS)]).tolist()
    parts = {chart: slice(*ends[k : k + 2]) for k, chart in enumerate(MATERIALS)}
    place = np.zeros(len(atlas.chart), dtype=np.int32)
    materials = np.zeros((2, ends[-1]), dtype=np.float32)
    for chart, part in parts.items():
        place[atlas.rows[chart]] = np.arange(part.start, part.stop)
        materials[:, part] = np.array(MATERIALS[chart])[:, None]
    return {
        "inside": torch.from_numpy(texels.astype(np.int32)),
        "sources": torch.from_numpy(place[atlas.fill[texels]]),
        "parts": parts,
        "materials": torch.from_numpy(materials),
    }


def _short_rows(fields: Fields, on_head: np.ndarray) -> np.ndarray:
    """(K, N) int16 of `SHORT_FIELDS`."""
    hairline = np.where(on_head, np.clip(fields.hairline, NO_HAIR, -NO_HAIR), NO_HAIR)
    shade = np.log(np.maximum(fields.atlas.masks["openness"], 0.05)) * on_head
    rows = (hairline, fields.temple, *fields.front_crown, shade, *fields.strands)
    steps = SHORT_FIELDS.values()
    return np.stack([np.rint(row / step) for row, step in zip(rows, steps, strict=True)]).astype(np.int16)


def _mixing(table: SkinTable, look: Look, by_melanin: np.ndarray) -> Tensor:
    """(3 · fields,) weights of the fields in bytes for noise, melanin and blood."""
    mottled = mottling(look, by_melanin)
    zones = np.array(look.skin.zones) / float(by_melanin[1])
    under_eye = np.float64(look.skin.under_eye)  # steps are single
    weights = [
        {"PATCH": look.noise[1][0], "FINE": look.noise[2][0], "T_ZONE": -0.07 * look.skin.oil},
        {"PATCH": 0.05 * mottled * look.noise[1][1], "BROAD": 0.07 * mottled * look.noise[0][0]}
        | {"ZONES": zones, "UNDER_EYE": 0.35 * under_eye},
        {"UNDER_EYE": 0.4 * under_eye, "FLUSH": look.skin.redness, "THIN": 0.7},
    ]
    rows = [table.steps[name] * row.get(name, 0.0) for row in weights for name in BYTE_FIELDS]
    return torch.from_numpy(np.concatenate(rows).astype(np.float32))


def _numbers(look: Look, tints: np.ndarray, lips: np.ndarray) -> Tensor:
    """What `COLOURS` and `NUMBERS` name."""
    skin, hair = look.skin, look.hair
    colours = dict(zip(COLOURS, (*tints, lips, hair_colour(look), look.cloth), strict=True))
    thickness, lift, density = hair.brow
    numbers = {
        "MELANIN_FINE": 0.03 * mottling(look, tints[1]),
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
    flat = np.concatenate([colours[name] for name in COLOURS] + [[numbers[name] for name in NUMBERS]])
    return torch.from_numpy(flat.astype(np.float32))


def paint_head(size: int, look: Look) -> tuple[Tensor, Tensor]:
    """Textures of one person: albedo_linear (T, T, 3), material (T, T, 2), T = size, a multiple of 4."""
    table = build_table(size)
    tints, lips = skin_tints(look)
    albedo, material = torch.empty(size, size, 3), torch.empty(size, size, 2)
    mixing = _mixing(table, look, tints[1])
    inputs = [table.table, _numbers(look, tints, lips), mixing, grain_shift(look), albedo, material]
    launch(skin_rows.paint, 1, inputs, albedo.device)
    colours = torch.empty(3, table.materials.shape[1])
    for chart, colour in inside_charts(build_fields(size), look, lips).items():
        colours.numpy()[:, table.parts[chart]] = colour
    _paint_eyes(table, look, size, colours)
    inputs = [table.inside, table.sources, colours, table.materials, albedo, material]
    launch(skin_rows.put_inside, len(table.inside), inputs, albedo.device)
    return albedo, material


def _paint_eyes(table: SkinTable, look: Look, size: int, colours: Tensor) -> None:
    """Fill the eyes' part of the values (3, n) of all charts that no layer touches."""
    eyes, part = look.eyes, table.parts["eye"]
    limbus, pupil, iris = edge_widths(size, eyes.iris_size)
    person = packed(
        skin_rows.Eyes,
        iris=wp.vec3(*eyes.iris.tolist()),
        iris_size=eyes.iris_size,
        pupil=eyes.pupil,
        sclera=eyes.sclera,
        limbus_width=limbus,
        pupil_width=pupil,
        iris_width=iris,
    )
    inputs = [person, *table.eyes, part.start, colours]
    launch(skin_rows.paint_eyes, part.stop - part.start, inputs, colours.device)
