"""A person's skin, hair and clothes painted by a kernel for the CPU, sixteen texels at a time.

`ftb.scene.skin_paint` is the readable twin.
"""

from __future__ import annotations

from ftb.kernels.start import FORWARD, wp
from ftb.scene.skin_layers import PAINTED

wp.set_module_options(FORWARD)


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


@wp.func_native(PAINTED)
def paint_blocks(
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
    shift: int,
    to_albedo: wp.array(dtype=float),
    to_material: wp.array(dtype=float),
):
    """All layers of every block."""
    ...


@wp.kernel
def paint(
    table: Table,
    look: wp.array(dtype=float),  # COLOURS, then NUMBERS of `skin_layers`
    mixing: wp.array(dtype=float),  # (3 · fields,) weights for noise, melanin and blood
    shift: int,
    to_albedo: wp.array(dtype=float),  # (T · T · 3,), out
    to_material: wp.array(dtype=float),  # (T · T · 2,), out
):
    """All in one thread: a start of the function copies fifteen arguments, which takes as long as a block."""
    paint_blocks(
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
        shift,
        to_albedo,
        to_material,
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


@wp.func
def iris_of(eyes: Eyes, polar: float, fibre: float):
    share = polar / eyes.iris_size
    fibres = (0.85 + 0.3 * share) * (1.0 + 0.16 * fibre * wp.clamp(share - 0.3, 0.0, 0.5))
    away = (share - (eyes.pupil + 0.14)) / 0.12
    collar = 0.35 * wp.exp(-away * away)
    limbus = 1.0 - 0.72 * soft_step(0.88, eyes.limbus_width, share)
    around = soft_step(eyes.iris_size * eyes.pupil, eyes.pupil_width, polar)
    ring = wp.cw_mul(eyes.iris, wp.vec3(fibres) + wp.vec3(1.25, 1.0, 0.75) * collar)
    return ring * (limbus * around) + wp.vec3(0.006 * (1.0 - around))


@wp.kernel
def paint_eyes(
    eyes: Eyes,
    polar: wp.array(dtype=float),
    side: wp.array(dtype=float),
    veins: wp.array(dtype=float),
    fibre: wp.array(dtype=float),
    dim: wp.array(dtype=float),
    first: int,
    colours: wp.array(dtype=float),  # as of `put_inside`, from `first` on, out
):
    """One texel of the eyes a thread. Most of them are white."""
    n = wp.tid()
    count = int(wp.uint32(colours.shape[0]) // wp.uint32(3))
    red = wp.vec3(0.05, 0.20, 0.22) * (side[n] * veins[n])
    white = wp.cw_mul(wp.vec3(1.0, 0.95, 0.90), wp.vec3(1.0) - red) * (eyes.sclera * (1.0 - 0.16 * side[n]))
    outside = soft_step(eyes.iris_size, eyes.iris_width, polar[n])
    if outside < 1.0:
        iris = iris_of(eyes, polar[n], fibre[n])
        white = iris + (white - iris) * outside
    for channel in range(3):
        colours[channel * count + first + n] = white[channel] * dim[n]


@wp.kernel
def put_inside(
    texels: wp.array(dtype=wp.int32),
    sources: wp.array(dtype=wp.int32),
    colours: wp.array(dtype=float),  # (3 · n,), plane by plane
    materials: wp.array(dtype=float),  # (2 · n,)
    to_albedo: wp.array(dtype=wp.vec3),
    to_material: wp.array(dtype=wp.vec2),
):
    """One texel a thread of those that are not skin."""
    n = wp.tid()
    source = sources[n]
    count = int(wp.uint32(colours.shape[0]) // wp.uint32(3))
    colour = wp.vec3(colours[source], colours[source + count], colours[source + 2 * count])
    to_albedo[texels[n]] = wp.min(wp.max(colour, wp.vec3(0.003)), wp.vec3(0.9))
    to_material[texels[n]] = wp.vec2(materials[source], materials[source + count])
