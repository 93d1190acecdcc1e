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
def paint_block(
    block: int,
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
    """All layers of sixteen texels."""
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
    """One block a thread."""
    paint_block(
        wp.tid(),
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
