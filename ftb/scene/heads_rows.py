"""The shape of heads by kernels for the CPU: blend shapes, and what is placed by them, sixteen numbers or
four at a time; heads are made there in any case.

`heads_geometry.shape_head_plainly` is the readable twin. In C++, since displacements are stored as bytes of
two and widened within a register. Points lie in rows of four numbers, the last of them 0: one load each.
"""

from __future__ import annotations

from ftb.kernels.start import EXACT, wp
from ftb.scene.heads_surface_rows import add_all_corners, grow_hair, spread_corners

# Products and sums stay apart: the normal of a face that is but a line is then 0, not rounding.
wp.set_module_options(EXACT)

TILE = 128  # blocks of 32 coordinates: what is summed of one head, and what it was before, stay near

_BLENDED = (
    f"const int tile_blocks = {TILE};\n"
    + """
typedef float lanes __attribute__((ext_vector_type(16), aligned(4), may_alias));
typedef short steps __attribute__((ext_vector_type(16), aligned(2), may_alias));
const int count = start.shape[0] / 32, heads = asymmetry.shape[0];
lanes now[2 * tile_blocks], before[2 * tile_blocks];
for (int first = 0, tile = 0; first < count; first += tile_blocks, ++tile) {
    const int width = 2 * (count - first < tile_blocks ? count - first : tile_blocks);
    const lanes* from = (const lanes*)start.data + 2 * first;
    const lanes* half = (const lanes*)side.data + 2 * first;
    const int* bound = bounds.data + tile * shapes;
    for (int head = 0; head < heads; ++head) {
        const int* ends = stage_ends.data + 4 * head;
        for (int k = 0; k < width; ++k)
            now[k] = from[k];
        for (int stage = 0, next = ends[0]; stage < 3; ++stage) {
            if (stage == 1)
                for (int k = 0; k < width; ++k)
                    before[k] = now[k];
            if (stage == 2)
                for (int k = 0; k < width; ++k)
                    now[k] = (now[k] - before[k]) * (1.0f + asymmetry.data[head] * half[k]) + before[k];
            for (; next < ends[stage + 1]; ++next) {
                const int shape = active.data[next];
                const float weight = weights.data[next];
                for (int k = bound[shape]; k < bound[shape + 1]; ++k) {
                    const steps* row = (const steps*)(rows.data + 32 * (long long)k);
                    lanes* moved = now + 2 * (blocks.data[k] - first);
                    moved[0] += __builtin_convertvector(row[0], lanes) * weight;
                    moved[1] += __builtin_convertvector(row[1], lanes) * weight;
                }
            }
        }
        lanes* to = (lanes*)result.data + 2 * (head * (long long)count + first);
        for (int k = 0; k < width; ++k)
            to[k] = now[k];
    }
}
"""
)

_PLACED = """
typedef float four __attribute__((ext_vector_type(4), aligned(4), may_alias));
const int basis = below.shape[0], eye = eye_unit.shape[0] / 4, terms = 12;
const int added = extra.shape[0] / terms, guides = guide_eyes.shape[0] / 2;
const float* from = blended.data + head * (long long)(blended.shape[0] / heads);
four* point = (four*)points.data + head * (long long)count;
// Shoulders, turned about the top of the spine by how little they belong to the head.
const four about = {pivot[0], pivot[1], pivot[2], 0.0f};
const float* turn = shoulders.data + 9 * head;
four column[3];
for (int k = 0; k < 3; ++k)
    column[k] = (four){turn[k], turn[3 + k], turn[6 + k], 0.0f};
for (int n = 0; n < basis; ++n) {
    four here = {from[3 * n], from[3 * n + 1], from[3 * n + 2], 0.0f};
    if (below.data[n] != 0.0f) {
        const four away = (here - about) * below.data[n];
        four moved = column[0] * away[0];
        moved += column[1] * away[1];
        moved += column[2] * away[2];
        here += moved;
    }
    point[n] = here;
}
// The scalp's added points.
for (int n = 0; n < added; ++n) {
    four total = 0.0f;
    for (int k = terms * n; k < terms * (n + 1); ++k)
        total += point[extra.data[k]] * extra_weight.data[k];
    point[basis + n] = total;
}
// Eyeballs over those of the base mesh.
four centre[2];
float radius[2];
for (int side = 0; side < 2; ++side) {
    const int* guide = guide_eyes.data + guides * side;
    four low = point[guide[0]], high = low;
    for (int k = 1; k < guides; ++k) {
        low = point[guide[k]] < low ? point[guide[k]] : low;
        high = point[guide[k]] > high ? point[guide[k]] : high;
    }
    radius[side] = (high[1] - low[1] + high[0] - low[0]) * 0.25f;
    centre[side] = (four){(low[0] + high[0]) * 0.5f, (low[1] + high[1]) * 0.5f, low[2] + radius[side], 0.0f};
    const four* axes = (const four*)gazes.data + 3 * (2 * head + side);
    for (int n = 0; n < eye; ++n) {
        const float* unit = eye_unit.data + 4 * n;
        four turned = unit[0] * axes[0];
        turned += unit[1] * axes[1];
        turned += unit[2] * axes[2];
        point[basis + added + side * eye + n] = centre[side] + radius[side] * turned;
    }
}
// The origin goes from between the template's eyes to between this person's ears.
four origin = (centre[0] + centre[1]) * 0.5f;
origin[2] = 0.5f * (point[level[0]][2] + point[level[1]][2]);
for (int n = 0; n < basis + added + 2 * eye; ++n)
    point[n] -= origin;
for (int side = 0; side < 2; ++side) {
    const four front = centre[side] - origin + (four){0.0f, 0.0f, radius[0], 0.0f};
    for (int axis = 0; axis < 3; ++axis)
        landmarks.data[15 * head + 3 * side + axis] = front[axis];
}
"""


@wp.func_native(_BLENDED)
def add_all_shapes(
    start: wp.array(dtype=float),
    side: wp.array(dtype=float),
    bounds: wp.array(dtype=wp.int32),
    blocks: wp.array(dtype=wp.int32),
    rows: wp.array(dtype=wp.int16),
    shapes: int,
    active: wp.array(dtype=wp.int32),
    weights: wp.array(dtype=float),
    stage_ends: wp.array(dtype=wp.int32),
    asymmetry: wp.array(dtype=float),
    result: wp.array(dtype=float),
):
    """Shape after shape within a tile: its rows are read from afar once for all heads."""
    ...


@wp.kernel
def blend(
    start: wp.array(dtype=float),
    side: wp.array(dtype=float),
    bounds: wp.array(dtype=wp.int32),
    blocks: wp.array(dtype=wp.int32),
    rows: wp.array(dtype=wp.int16),
    shapes: int,
    active: wp.array(dtype=wp.int32),
    weights: wp.array(dtype=float),
    stage_ends: wp.array(dtype=wp.int32),  # (H · 4,) in `active`: where a head begins, and each stage ends
    asymmetry: wp.array(dtype=float),  # (H,)
    result: wp.array(dtype=float),  # (H · blocks · 32,), out
):
    """All heads in one thread; see `heads_shapes.PackedShapes`."""
    add_all_shapes(start, side, bounds, blocks, rows, shapes, active, weights, stage_ends, asymmetry, result)


@wp.func_native(_PLACED)
def place_points(
    head: int,
    heads: int,
    count: int,
    blended: wp.array(dtype=float),
    below: wp.array(dtype=float),
    pivot: wp.vec3,
    shoulders: wp.array(dtype=float),
    extra: wp.array(dtype=wp.int32),
    extra_weight: wp.array(dtype=float),
    guide_eyes: wp.array(dtype=wp.int32),
    gazes: wp.array(dtype=float),
    eye_unit: wp.array(dtype=float),
    level: wp.vec2i,
    points: wp.array(dtype=float),
    landmarks: wp.array(dtype=float),
):
    """All welded vertices of one head but hanging hair, without any hair on it."""
    ...


@wp.struct
class Frame:
    """What all heads share. below (Vb,): how little each basis vertex belongs to the head; pivot: of the
    shoulders; extra, extra_weight (Vs · 12,): of the scalp's added points; guide_eyes (2 · 72,); eye_unit
    (E · 4,); level: vertices between the brows and of the nape; scalp: corners of the faces around hair, as
    `Incidence.blocks`; skull: vertices above the hairline; marks: nose tip and mouth corners."""

    below: wp.array(dtype=float)
    pivot: wp.vec3
    extra: wp.array(dtype=wp.int32)
    extra_weight: wp.array(dtype=float)
    guide_eyes: wp.array(dtype=wp.int32)
    eye_unit: wp.array(dtype=float)
    level: wp.vec2i
    scalp: wp.array(dtype=wp.int32)
    skull: wp.array(dtype=wp.int32)
    marks: wp.vec3i


@wp.kernel
def place(
    frame: Frame,
    heads: int,
    count: int,
    blended: wp.array(dtype=float),
    shoulders: wp.array(dtype=float),  # (H · 9,) how they turn, less the identity
    gazes: wp.array(dtype=float),  # (H · 2 · 3 · 4,) columns of the eyes' turns
    thickness: wp.array(dtype=float),  # (H · W,) of hair
    sums: wp.array(dtype=float),  # (W · 4,) room
    points: wp.array(dtype=float),  # (H · W · 4,), out
    landmarks: wp.array(dtype=float),  # (H · 5 · 3,), out
    extents: wp.array(dtype=float),  # (H · 3,), out: see `grow_hair`
):
    """Welded vertices of all heads but hanging hair, in one thread, head after head: `sums` stay near."""
    for head in range(heads):
        place_points(
            head,
            heads,
            count,
            blended,
            frame.below,
            frame.pivot,
            shoulders,
            frame.extra,
            frame.extra_weight,
            frame.guide_eyes,
            gazes,
            frame.eye_unit,
            frame.level,
            points,
            landmarks,
        )
        add_all_corners(head, count, points, frame.scalp, sums)
        grow_hair(head, count, sums, thickness, frame.skull, frame.marks, points, landmarks, extents)


@wp.kernel
def finish(
    heads: int,
    count: int,
    points: wp.array(dtype=float),  # (H · W · 4,)
    blocks: wp.array(dtype=wp.int32),
    welded: wp.array(dtype=wp.int32),  # (V,) of each corner of the mesh
    sums: wp.array(dtype=float),  # (W · 4,) room
    corner_vertices: wp.array(dtype=float),  # (H · V · 3,), out
    corner_normals: wp.array(dtype=float),  # (H · V · 3,), out
):
    """Places and unit normals of all corners of the meshes, in one thread."""
    for head in range(heads):
        add_all_corners(head, count, points, blocks, sums)
        spread_corners(head, count, points, welded, sums, corner_vertices, corner_normals)
