"""How far hair stands out, by a kernel for the CPU, sixteen vertices at a time.

`skin_hair.hair_thickness` is the readable twin, to the bit.
"""

from __future__ import annotations

from ftb.kernels.start import EXACT, wp

# Products and sums stay apart, as numpy has them.
wp.set_module_options(EXACT)

# Fields of a vertex, and numbers about a person.
FIELDS = ("hairline", "temple", "front", "crown", "rise", "beard")
NUMBERS = ("hairline", "temple", "fringe", "crown", "side", "top", "uneven", "edge", "steep")
NOISE = (6, 8)  # fields of each bank

_GROWN = (
    "enum { "
    + ", ".join(name.upper() for name in FIELDS)
    + f", FIRST, SECOND = FIRST + {NOISE[0]}, COUNT = SECOND + {NOISE[1]} }};\n"
    + "enum { "
    + ", ".join(f"PERSON_{name.upper()}" for name in NUMBERS)
    + ", BROAD_WEIGHTS, PATCH_WEIGHTS = BROAD_WEIGHTS + SECOND - FIRST, "
    + "TUFT_WEIGHTS = PATCH_WEIGHTS + COUNT - SECOND, NUMBER_COUNT = TUFT_WEIGHTS + COUNT - SECOND };\n"
    + """
typedef float lanes __attribute__((ext_vector_type(16), aligned(4), may_alias));
typedef double doubles __attribute__((ext_vector_type(16)));
const auto clip = [](lanes value, float low, float high) {
    value = value > low ? value : low;
    return value < high ? value : high;
};
const int heads = beards.shape[0] / 2, count = thickness.shape[0] / heads, vertices = scalp.shape[0];
for (int first = 0; first < vertices; first += 16) {
    const lanes* field = (const lanes*)fields.data + COUNT * (first / 16);
    for (int head = 0; head < heads; ++head) {
        const float* person = numbers.data + NUMBER_COUNT * head;
        const auto mixed = [&](int begin, int end, const float* weights) {
            lanes sum = field[begin] * weights[0];
            for (int k = begin + 1; k < end; ++k)
                sum += field[k] * weights[k - begin];
            return sum;
        };
        lanes height = field[HAIRLINE] - person[PERSON_HAIRLINE] - person[PERSON_TEMPLE] * field[TEMPLE];
        height = height + person[PERSON_FRINGE] * field[FRONT] - person[PERSON_CROWN] * field[CROWN];
        const lanes broad = mixed(FIRST, SECOND, person + BROAD_WEIGHTS);
        const lanes patch = mixed(SECOND, COUNT, person + PATCH_WEIGHTS);
        const lanes uneven = 1.0f + person[PERSON_UNEVEN] * (0.40f * broad + 0.16f * patch);
        const lanes share = clip((height - person[PERSON_EDGE]) * person[PERSON_STEEP], 0.0f, 1.0f);
        lanes hair = (person[PERSON_SIDE] + person[PERSON_TOP] * field[RISE]) * clip(uneven, 0.35f, 1.8f);
        hair *= share * share * (3.0f - 2.0f * share);
        lanes grown = 0.01f * hair;
        const double *beard = beards.data + 2 * head;
        if (beard[0] * beard[1] > 0.0) {
            const lanes tufts = clip(0.8f + 0.3f * mixed(SECOND, COUNT, person + TUFT_WEIGHTS), 0.2f, 1.6f);
            doubles below = __builtin_convertvector(0.5f * field[BEARD], doubles) * beard[0] * beard[1];
            below *= __builtin_convertvector(tufts, doubles);
            const doubles above = __builtin_convertvector(hair, doubles);
            grown = __builtin_convertvector(0.01 * (above > below ? above : below), lanes);
        }
        float* to = thickness.data + head * (long long)count;
        for (int lane = 0; lane < 16 && first + lane < vertices; ++lane)
            to[scalp.data[first + lane]] = ((const float*)&grown)[lane];
    }
}
"""
)


@wp.func_native(_GROWN)
def grow_all(
    scalp: wp.array(dtype=wp.int32),
    fields: wp.array(dtype=float),
    numbers: wp.array(dtype=float),
    beards: wp.array(dtype=wp.float64),
    thickness: wp.array(dtype=float),
):
    """All vertices with hair of all heads."""
    ...


@wp.kernel
def grow(
    scalp: wp.array(dtype=wp.int32),  # (S,)
    fields: wp.array(dtype=float),  # (⌈S/16⌉ · fields · 16,) FIELDS, then both banks of noise
    numbers: wp.array(dtype=float),  # (H · n,) NUMBERS, then weights of noise: of the banks, and of tufts
    beards: wp.array(dtype=wp.float64),  # (H · 2,) density and length
    thickness: wp.array(dtype=float),  # (H · W,), 0 where nobody has hair, out
):
    """All in one thread."""
    grow_all(scalp, fields, numbers, beards, thickness)
