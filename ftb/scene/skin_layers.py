"""What paints sixteen texels through all layers, in C++: the names of its tables, and a part for each layer.

`ftb.scene.skin_paint` is the readable twin, layer by layer in the same order. The fields are stored in single
bytes and widened within a register: what painting costs is to read them.
"""

from __future__ import annotations

from ftb.scene.heads import SKIN_F0
from ftb.scene.skin_paint import BEARD_ROUGHNESS, CLOTH_MATERIAL, HAIR_MATERIAL, NOSTRIL

# Fields of all texels, in bytes: how many of each. PATCH, FINE and BROAD are the noise of `skin_noise`.
BYTE_FIELDS = {"PATCH": 8, "FINE": 10, "BROAD": 6, "ZONES": 8, "UNDER_EYE": 1, "FLUSH": 1, "THIN": 1}
BYTE_FIELDS |= {"T_ZONE": 1}
# Fields in two bytes, and what one step of them is.
SHORT_FIELDS = {"HAIRLINE": 1e-3, "TEMPLE": 1e-4, "FRONT": 1e-4, "CROWN": 1e-4, "SHADE": 1e-4}
# A hundredth of a strand's deviation shows on white hair.
SHORT_FIELDS |= {"STREAKS": 1e-3, "EDGES": 1e-3}
# Layers that touch few texels, and their fields.
SPARSE = {
    "SPOTS": ("spot", "rank"),
    "LIPS": ("lips", "parting"),
    "BROWS": ("brow_along", "brow_across", "brow_hair"),
    "LASH": ("line",),
    "BEARD": ("beard", "moustache"),
    "NOSTRILS": ("nostril",),
    "CLOTH": ("across", "up"),
}
# Numbers about the person, three for a colour.
COLOURS = ("BASE", "BY_MELANIN", "BY_BLOOD", "LIP", "HAIR_COLOUR", "CLOTH_COLOUR")
NUMBERS = (
    *("MELANIN_FINE", "MELANIN_GRAIN", "BLOOD_MIDDLE", "BLOOD_FINE", "ROUGHNESS", "CREASES", "SHUFFLE"),
    *("FRECKLES", "OLDNESS", "LIP_ROUGHNESS", "BROW_THICKNESS", "BROW_LIFT", "BROW_DENSITY", "LASHES"),
    *(
        "STUBBLE",
        "BEARD_DENSITY",
        "MOUSTACHE_DENSITY",
        "HAIRLINE_RISE",
        "TEMPLE_RISE",
        "FRINGE",
        "CROWN_FALL",
    ),
    *("LOWEST_HAIR", "HAIR_SOFT", "OPACITY", "GREY_HAIR", "NECKLINE"),
)


def _enumeration(counts: dict[str, int], last: str) -> str:
    places, total = [], 0
    for name, count in counts.items():
        places.append(f"{name} = {total}")
        total += count
    return "enum { " + ", ".join([*places, f"{last} = {total}"]) + " };\n"


_NAMES = (
    _enumeration({f"{name}_BYTES": count for name, count in BYTE_FIELDS.items()}, "BYTE_COUNT")
    + _enumeration({f"{name}_SHORT": 1 for name in SHORT_FIELDS}, "SHORT_COUNT")
    + _enumeration({f"{name}_LAYER": 1 for name in SPARSE}, "LAYER_COUNT")
    + _enumeration({**dict.fromkeys(COLOURS, 3), **dict.fromkeys(NUMBERS, 1)}, "LOOK_COUNT")
)

_CONSTANTS = f"""
const float skin_f0 = {SKIN_F0}f, beard_roughness = {BEARD_ROUGHNESS}f;
const float hair_material[2] = {{{HAIR_MATERIAL[0]}f, {HAIR_MATERIAL[1]}f}};
const float cloth_material[2] = {{{CLOTH_MATERIAL[0]}f, {CLOTH_MATERIAL[1]}f}};
const float nostril[3] = {{{", ".join(f"{float(part):.6g}f" for part in NOSTRIL)}}};
"""

_TOOLS = """
typedef float lanes __attribute__((ext_vector_type(16), aligned(4), may_alias));
typedef int counts __attribute__((ext_vector_type(16)));
typedef signed char bytes __attribute__((ext_vector_type(16), aligned(1), may_alias));
typedef short shorts __attribute__((ext_vector_type(16), aligned(2), may_alias));
const float *person, *to_noise, *to_melanin, *to_blood;
const auto clip = [](lanes value, float low, float high) {
    value = value > low ? value : low;
    return value < high ? value : high;
};
const auto ramp = [&](float low, float high, lanes value) {
    const lanes share = clip((value - low) * (1.0f / (high - low)), 0.0f, 1.0f);
    return share * share * (3.0f - 2.0f * share);
};
// e to the power of r + n log 2: the Taylor series for the first, the exponent's bits for the second.
const auto power_of_e = [&](lanes value) {
    value = clip(value, -80.0f, 80.0f);
    const lanes whole = __builtin_elementwise_rint(value * 1.44269504f);
    const lanes r = value - whole * 0.693147181f;
    lanes sum = r * (1.0f / 720) + 1.0f / 120;
    sum = ((((sum * r + 1.0f / 24) * r + 1.0f / 6) * r + 0.5f) * r + 1.0f) * r + 1.0f;
    return sum * __builtin_bit_cast(lanes, (__builtin_convertvector(whole, counts) + 127) << 23);
};
lanes albedo[3], roughness, f0;
const auto blend = [&](int colour, lanes tone, lanes share) {
    for (int k = 0; k < 3; ++k)
        albedo[k] += (person[colour + k] * tone - albedo[k]) * share;
};
const auto blend_material = [&](float rough, float specular, lanes share) {
    roughness += (rough - roughness) * share;
    f0 += (specular - f0) * share;
};
"""

_PERSON = """
person = look.data + LOOK_COUNT * head;
to_noise = mixing.data + 3 * BYTE_COUNT * head;
to_melanin = to_noise + BYTE_COUNT;
to_blood = to_melanin + BYTE_COUNT;
"""

_FIELDS = """
const bytes* byte_fields = (const bytes*)(table_bytes.data + (long long)block * (16 * BYTE_COUNT));
const shorts* short_fields = (const shorts*)(table_shorts.data + (long long)block * (16 * SHORT_COUNT));
const auto mixed = [&](const float* weights, int first, int count) {
    lanes sum = __builtin_convertvector(byte_fields[first], lanes) * weights[first];
    for (int k = first + 1; k < first + count; ++k)
        sum += __builtin_convertvector(byte_fields[k], lanes) * weights[k];
    return sum;
};
const auto field = [&](int number) {
    return __builtin_convertvector(short_fields[number], lanes) * short_steps.data[number];
};
const auto layer = [&](int number) -> const lanes* {
    const int start = layer_starts.data[LAYER_COUNT * block + number];
    return start < 0 ? nullptr : (const lanes*)(layers.data + start);
};
lanes grain;
_Pragma("clang loop unroll(full)")
for (int k = 0; k < 16; ++k)
    grain[k] = grains.data[shifts.data[head] + grain_rows.data[16 * block + k]];
grain *= grain_step;
const lanes middle = mixed(to_noise, PATCH_BYTES, 8), fine = mixed(to_noise, FINE_BYTES, 10);
"""

_HAIR_SHARE = """
lanes hair_share = 0.0f;
const bool hairy = highest.data[block] >= person[LOWEST_HAIR];
if (hairy) {
    lanes height = field(HAIRLINE_SHORT) - person[HAIRLINE_RISE] - person[TEMPLE_RISE] * field(TEMPLE_SHORT);
    height += person[FRINGE] * field(FRONT_SHORT) - person[CROWN_FALL] * field(CROWN_SHORT);
    height += 0.16f * fine + 0.15f * grain + field(EDGES_SHORT) * 0.15f;
    hair_share = ramp(-person[HAIR_SOFT], person[HAIR_SOFT], height) * person[OPACITY];
}
// Nobody sees what lies below hair.
const bool covered = hairy && !__builtin_reduce_or(hair_share < 1.0f);
"""

_SKIN = """
lanes melanin = mixed(to_melanin, PATCH_BYTES, 8) + mixed(to_melanin, BROAD_BYTES, 6 + 8 + 1);
melanin += person[MELANIN_FINE] * fine + person[MELANIN_GRAIN] * grain;
if (const lanes* spots = layer(SPOTS_LAYER)) {
    lanes rank = spots[1] * 37.0f + person[SHUFFLE];
    rank -= __builtin_elementwise_floor(rank);
    const lanes freckle = rank < person[FRECKLES] ? (lanes)0.6f : (lanes)0.0f;
    const lanes mole = rank > 0.996f ? (lanes)1.6f : (lanes)0.0f;
    const lanes age_spot = rank > 0.93f ? (lanes)(0.8f * person[OLDNESS]) : (lanes)0.0f;
    melanin += spots[0] * (freckle + mole + age_spot);
}
lanes blood = mixed(to_blood, UNDER_EYE_BYTES, 3);
blood += person[BLOOD_MIDDLE] * middle + person[BLOOD_FINE] * fine;
for (int k = 0; k < 3; ++k)
    albedo[k] = power_of_e(melanin * person[BY_MELANIN + k] + blood * person[BY_BLOOD + k]);
for (int k = 0; k < 3; ++k)
    albedo[k] *= person[BASE + k];
roughness = mixed(to_noise, T_ZONE_BYTES, 1) + 0.02f * middle + 0.015f * grain + person[ROUGHNESS];
roughness = clip(roughness, 0.28f, 0.6f);
f0 = skin_f0;
const lanes* lips = layer(LIPS_LAYER);
if (lips) {
    const lanes share = ramp(0.25f, 0.75f, lips[0]);
    blend(LIP, 1.0f + 0.05f * fine + 0.04f * grain, 0.9f * share);
    blend_material(person[LIP_ROUGHNESS], skin_f0, share);
}
lanes creases = power_of_e(field(SHADE_SHORT) * person[CREASES]);
if (lips)
    creases *= 1.0f - 0.8f * lips[1];
for (int k = 0; k < 3; ++k)
    albedo[k] *= creases;
"""

_FACIAL_HAIR = """
const lanes *brows = layer(BROWS_LAYER), *lash = layer(LASH_LAYER);
if (brows || lash) {
    // Brows are darker than the hair of the head, and keep their colour longer.
    lanes brow = 0.0f, line = lash ? lash[0] * person[LASHES] : (lanes)0.0f;
    if (brows) {
        const lanes hair = brows[2], along = brows[0] + 0.02f * hair, tail = clip(along, 0.0f, 1.0f);
        const lanes across = brows[1] - person[BROW_LIFT] + 0.05f * hair;
        const lanes width = person[BROW_THICKNESS] * (0.7f + 0.5f * clip(along * 3.0f, 0.0f, 1.0f));
        lanes steep = across / (width * (1.0f - 0.7f * tail * tail * tail));
        steep *= steep;
        const lanes ends = ramp(-0.08f, 0.2f, along) * ramp(1.08f, 0.8f, along);
        const lanes strokes = clip(1.1f + 0.2f * hair + 0.10f * grain, 0.35f, 1.4f);
        brow = clip(power_of_e(-steep * steep) * ends * strokes * person[BROW_DENSITY], 0.0f, 0.95f);
    }
    for (int k = 0; k < 3; ++k) {
        const float colour = person[HAIR_COLOUR + k] * 0.6f + 0.004f;
        albedo[k] += (colour - albedo[k]) * brow;
        albedo[k] += ((colour < 0.03f ? colour : 0.03f) - albedo[k]) * line;
    }
}
const bool grows = person[STUBBLE] > 0.0f || person[BEARD_DENSITY] > 0.0f || person[MOUSTACHE_DENSITY] > 0.0f;
const lanes* beards = grows ? layer(BEARD_LAYER) : nullptr;
if (beards) {
    const lanes beard = beards[0], moustache = beards[1];
    const lanes hairs = clip(0.92f + 0.10f * fine + 0.10f * grain, 0.6f, 1.1f);
    const lanes either = beard > moustache ? beard : moustache;
    blend(HAIR_COLOUR, 0.9f, clip(0.42f * person[STUBBLE] * either * hairs, 0.0f, 0.6f));
    const lanes below = beard * person[BEARD_DENSITY], above = moustache * person[MOUSTACHE_DENSITY];
    lanes full = below > above ? below : above;
    full += full > 0.05f ? 0.06f * middle : 0.0f;
    const lanes edge = clip(ramp(0.3f, 0.7f, full) * hairs, 0.0f, 0.97f);
    blend(HAIR_COLOUR, 0.9f + 0.135f * grain, edge);
    blend_material(beard_roughness, 0.04f, edge);
}
"""

_OVER_SKIN = """
if (const lanes* nostrils = layer(NOSTRILS_LAYER)) {
    const lanes share = 0.97f * nostrils[0];
    for (int k = 0; k < 3; ++k)
        albedo[k] += (nostril[k] - albedo[k]) * share;
    blend_material(0.9f, 0.0f, share);
}
"""

_HAIR = """
if (hairy) {
    lanes shine = power_of_e(field(STREAKS_SHORT) * 0.22f + 0.10f * grain + 0.10f * middle);
    if (person[GREY_HAIR] > 0.0f)
        shine *= 1.0f + clip(0.5f * person[GREY_HAIR] * field(EDGES_SHORT), -0.2f, 0.4f);
    blend(HAIR_COLOUR, shine, hair_share);
    blend_material(hair_material[0], hair_material[1], hair_share);
}
if (const lanes* cloth = layer(CLOTH_LAYER)) {
    const lanes collar = person[NECKLINE] + 0.012f * cloth[0] * cloth[0];
    const lanes share = ramp(0.15f, -0.15f, cloth[1] - collar);
    blend(CLOTH_COLOUR, 1.0f + 0.06f * grain + 0.08f * middle, share);
    blend_material(cloth_material[0], cloth_material[1], share);
}
"""


def _woven(rows: tuple[str, ...], vector: int) -> str:
    """Sixteen numbers from `vector` · 16 on of rows that are woven together, number by number."""
    count = len(rows)
    places = [divmod(16 * vector + number, count) for number in range(16)]
    mixed = rows[0]
    for row in range(1, count):
        # Of the first two rows by lane; of what is mixed already, what lies in its place.
        before = [lane if row == 1 else number for number, (lane, _) in enumerate(places)]
        chosen = [
            16 + lane if owner == row else before[number] for number, (lane, owner) in enumerate(places)
        ]
        mixed = f"__builtin_shufflevector({mixed}, {rows[row]}, {', '.join(map(str, chosen))})"
    return mixed


_ROWS = ("albedo[0]", "albedo[1]", "albedo[2]", "roughness", "f0")
_STORED = """
const long long place = places.data[block] + head * (long long)(to_texels.shape[0] / heads / 80);
lanes* texel = (lanes*)(to_texels.data + 80 * place);
for (int k = 0; k < 3; ++k)
    albedo[k] = clip(albedo[k], 0.003f, 0.9f);
"""
_STORED += "".join(f"texel[{k}] = {_woven(_ROWS, k)};\n" for k in range(5))

_UNSEEN = "albedo[0] = albedo[1] = albedo[2] = roughness = f0 = 0.0f;"
PAINTED = "\n".join(
    [
        *(_NAMES, _CONSTANTS, _TOOLS, "for (int block = 0; block < blocks; ++block)"),
        *("for (int head = 0; head < heads; ++head) {", _PERSON, _FIELDS, _HAIR_SHARE),
        *("if (covered) {", _UNSEEN, "} else {", _SKIN, _FACIAL_HAIR, _OVER_SKIN, "}"),
        *(_HAIR, _STORED, "}"),
    ]
)
