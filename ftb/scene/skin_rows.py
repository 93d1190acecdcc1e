"""A person's skin, hair and clothes painted by a kernel for the CPU, sixteen texels at a time.

`ftb.scene.skin_paint` is the readable twin.
"""

from __future__ import annotations

from ftb.kernels.lanes import LANES
from ftb.kernels.start import FORWARD, wp
from ftb.scene.skin_layers import PAINTED

wp.set_module_options(FORWARD)

# Values first into rows of four, so that each texel takes its own in one piece.
INSIDE_PUT = (
    LANES
    + """
const int values = rows.shape[0] / 4, texel_count = texels.shape[0];
const float* from = colours.data + head * (long long)(3 * values);
four* row = (four*)rows.data;
for (int n = 0; n < values; ++n) {
    const four colour = {from[n], from[n + values], from[n + 2 * values], 0.0f};
    const four bright = colour > 0.003f ? colour : (four)0.003f;
    row[n] = bright < 0.9f ? bright : (four)0.9f;
}
float* skin = to_texels.data + head * (long long)(to_texels.shape[0] / heads);
for (int n = 0; n < texel_count; ++n) {
    __builtin_prefetch(skin + 5 * texels.data[n + 32 < texel_count ? n + 32 : n], 1);
    float* texel = skin + 5 * texels.data[n];
    const int source = sources.data[n];
    __builtin_memcpy(texel, row + source, 12);
    __builtin_memcpy(texel + 3, materials.data + 2 * source, 8);
}
"""
)


@wp.struct
class Table:
    """Fields of blocks of sixteen neighbouring texels; see `skin_fused`. places: a block's first texel, over
    sixteen; highest: of its hairlines; layer_starts: where in `layers` its fields of each layer begin, or −1;
    grain_rows: where in `grains` its white noise lies for a person without a shift."""

    places: wp.array(dtype=wp.int32)
    bytes: wp.array(dtype=wp.int8)
    shorts: wp.array(dtype=wp.int16)
    short_steps: wp.array(dtype=float)
    highest: wp.array(dtype=float)
    layer_starts: wp.array(dtype=wp.int32)
    layers: wp.array(dtype=float)
    grain_rows: wp.array(dtype=wp.int32)
    grains: wp.array(dtype=wp.int8)
    grain_step: float


@wp.struct
class Inside:
    """Texels of the charts that no layer touches. polar, side, veins, fibre, dim: fields of those of the
    eyes; first: of them among the values of all charts; texels: all of them; sources: which value each takes;
    materials (values · 2,)."""

    polar: wp.array(dtype=float)
    side: wp.array(dtype=float)
    veins: wp.array(dtype=float)
    fibre: wp.array(dtype=float)
    dim: wp.array(dtype=float)
    first: int
    texels: wp.array(dtype=wp.int32)
    sources: wp.array(dtype=wp.int32)
    materials: wp.array(dtype=float)


@wp.func_native(PAINTED)
def paint_blocks(
    heads: int,
    blocks: int,
    places: wp.array(dtype=wp.int32),
    table_bytes: wp.array(dtype=wp.int8),
    table_shorts: wp.array(dtype=wp.int16),
    short_steps: wp.array(dtype=float),
    highest: wp.array(dtype=float),
    layer_starts: wp.array(dtype=wp.int32),
    layers: wp.array(dtype=float),
    grain_rows: wp.array(dtype=wp.int32),
    grains: wp.array(dtype=wp.int8),
    grain_step: float,
    look: wp.array(dtype=float),
    mixing: wp.array(dtype=float),
    shifts: wp.array(dtype=wp.int32),
    to_texels: wp.array(dtype=float),
):
    """All layers of every block of all heads."""
    ...


@wp.func
def paint_skin(
    table: Table,
    heads: int,
    look: wp.array(dtype=float),
    mixing: wp.array(dtype=float),
    shifts: wp.array(dtype=wp.int32),
    to_texels: wp.array(dtype=float),
):
    """`paint_blocks` of a table."""
    paint_blocks(
        heads,
        table.places.shape[0],
        table.places,
        table.bytes,
        table.shorts,
        table.short_steps,
        table.highest,
        table.layer_starts,
        table.layers,
        table.grain_rows,
        table.grains,
        table.grain_step,
        look,
        mixing,
        shifts,
        to_texels,
    )


@wp.struct
class Eyes:
    """A person's eyes, see `skin_eyes.paint_eyes`; widths of edges: `skin_eyes.edge_widths`."""

    iris: wp.vec3
    iris_size: float
    pupil: float
    sclera: float
    limbus_width: float
    pupil_width: float
    iris_width: float


@wp.func
def soft_step(edge: float, width: float, value: float):
    share = wp.clamp((value - edge) / width + 0.5, 0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)


@wp.func_native("""
float kept[1] = {value};
asm volatile("" : : "r"(kept) : "memory");
return kept[0];
""")
def rounded(value: float) -> float:
    """A product that is not made one instruction with the sum it goes into: frozen splits are made again to
    the byte, and which products are fused is seen in the last bits of eyes."""
    ...


@wp.func
def iris_of(eyes: Eyes, polar: float, fibre: float):
    share = polar / eyes.iris_size
    fibres = (0.85 + 0.3 * share) * (1.0 + 0.16 * fibre * wp.clamp(share - 0.3, 0.0, 0.5))
    away = (share - (eyes.pupil + 0.14)) / 0.12
    collar = 0.35 * wp.exp(-away * away)
    limbus = 1.0 - 0.72 * soft_step(0.88, eyes.limbus_width, share)
    around = soft_step(eyes.iris_size * eyes.pupil, eyes.pupil_width, polar)
    paler = wp.vec3(fibres + rounded(1.25 * collar), fibres + collar, fibres + 0.75 * collar)
    ring = wp.cw_mul(eyes.iris, paler)
    return ring * (limbus * around) + wp.vec3(0.006 * (1.0 - around))


@wp.func
def eyes_of(numbers: wp.array(dtype=float), head: int):
    eyes = Eyes()
    n = 9 * head
    eyes.iris = wp.vec3(numbers[n], numbers[n + 1], numbers[n + 2])
    eyes.iris_size = numbers[n + 3]
    eyes.pupil = numbers[n + 4]
    eyes.sclera = numbers[n + 5]
    eyes.limbus_width = numbers[n + 6]
    eyes.pupil_width = numbers[n + 7]
    eyes.iris_width = numbers[n + 8]
    return eyes


@wp.func
def paint_eyes(
    numbers: wp.array(dtype=float), head: int, inside: Inside, count: int, colours: wp.array(dtype=float)
):
    """All texels of one head's eyes, their channels `count` values apart. Most of them are white.

    A person's numbers are read for each texel: what is computed before the loop is rounded before it is
    added, and the last bits of eyes would be others.
    """
    first = 3 * count * head + inside.first
    for n in range(inside.polar.shape[0]):
        eyes = eyes_of(numbers, head)
        red = wp.vec3(0.05, 0.20, 0.22) * (inside.side[n] * inside.veins[n])
        white = wp.cw_mul(wp.vec3(1.0, 0.95, 0.90), wp.vec3(1.0) - red) * (
            eyes.sclera * (1.0 - 0.16 * inside.side[n])
        )
        outside = soft_step(eyes.iris_size, eyes.iris_width, inside.polar[n])
        if outside < 1.0:
            iris = iris_of(eyes, inside.polar[n], inside.fibre[n])
            white = iris + (white - iris) * outside
        for channel in range(3):
            colours[channel * count + first + n] = white[channel] * inside.dim[n]


@wp.func_native(INSIDE_PUT)
def put_inside(
    head: int,
    heads: int,
    texels: wp.array(dtype=wp.int32),
    sources: wp.array(dtype=wp.int32),
    materials: wp.array(dtype=float),
    colours: wp.array(dtype=float),
    rows: wp.array(dtype=float),
    to_texels: wp.array(dtype=float),
):
    """One head's texels that are not skin."""
    ...


@wp.func
def put_all_inside(
    inside: Inside,
    head: int,
    heads: int,
    colours: wp.array(dtype=float),
    rows: wp.array(dtype=float),
    to_texels: wp.array(dtype=float),
):
    """`put_inside` of a table."""
    texels, sources, materials = inside.texels, inside.sources, inside.materials
    put_inside(head, heads, texels, sources, materials, colours, rows, to_texels)


@wp.kernel
def paint(
    table: Table,
    inside: Inside,
    heads: int,
    look: wp.array(dtype=float),  # (H · numbers,): COLOURS, then NUMBERS of `skin_layers`
    mixing: wp.array(dtype=float),  # (H · 3 · fields,) weights for noise, melanin and blood
    shifts: wp.array(dtype=wp.int32),  # (H,) of the white noise
    eyes: wp.array(dtype=float),  # (H · 9,), the fields of `Eyes`
    colours: wp.array(dtype=float),  # (H · 3 · values,) of what no layer touches; the eyes' are out
    rows: wp.array(dtype=float),  # (values · 4,) room
    to_texels: wp.array(dtype=float),  # (H · T · T · 5,), out
):
    """All in one thread: a start of a function copies its arguments, which takes as long as many texels. Skin
    block after block: the fields of one are read from afar once for all heads."""
    paint_skin(table, heads, look, mixing, shifts, to_texels)
    for head in range(heads):
        paint_eyes(eyes, head, inside, rows.shape[0] // 4, colours)
        put_all_inside(inside, head, heads, colours, rows, to_texels)
