"""From shaded layers to a photograph, a picture a thread: what the CPU runs instead of kernels over planes.

All steps of one picture follow each other while its planes are in the cache, and touch no more of them than
they change: outlines mix the pixels they cross, the blur hands its band of rows on to noise and tone.
`ftb.render.develop_fused` is the twin, step by step over all pictures, as a GPU wants it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.kernels.lanes import LANES, TRIPLES
from ftb.kernels.lanes import WIDTH as LANE_COUNT
from ftb.kernels.start import FORWARD, wp
from ftb.kernels.starting import Packed, floats, launch, packed
from ftb.render.antialias import Outlines
from ftb.render.antialias_fused import views_of
from ftb.render.antialias_kernel import Views
from ftb.render.film_expose import BACKDROP, EXPOSE
from ftb.render.film_outlines import BLEND, HIDDEN, MARKS, SILHOUETTES
from ftb.render.film_rows import BAND, BLUR, ROUND
from ftb.render.film_tone import FROM_PLANES, TONE

wp.set_module_options(FORWARD)


@wp.struct
class Roll:
    """Of S pictures, as in `develop_fused.Film`; curves (S, 2 · steps): each step's value and the way to the
    next; steps (S, 2, 8, 16): JPEG's tables of luma and chroma, turned, twice side by side; bank
    (3, N, N)."""

    gains: wp.array(dtype=wp.vec3)
    grey: wp.array(dtype=float)
    quality: wp.array(dtype=float)
    film: wp.array(dtype=wp.vec4)
    curves: wp.array2d(dtype=float)
    taps: wp.array(dtype=float)
    offset: wp.array(dtype=wp.vec2i)
    kind: wp.array(dtype=wp.int32)
    ends: wp.array(dtype=wp.vec3)
    slope: wp.array(dtype=wp.vec2)
    seen: wp.array(dtype=wp.vec3)
    steps: wp.array(dtype=float)
    bank: wp.array3d(dtype=float)


@wp.struct
class Planes:
    """Of S pictures, size × size: as in `ftb.render.shade.Shaded`, colours (S, 3, H, W); the photograph."""

    size: int
    mask: wp.array(dtype=float)
    visibility: wp.array(dtype=float)
    irradiance: wp.array(dtype=float)
    albedo: wp.array(dtype=float)  # in and out
    radiance: wp.array(dtype=float)  # in: radiance, out: its residual at the photograph's exposure
    photo: wp.array(dtype=float)


@wp.struct
class Edges:
    """As in `ftb.render.antialias.Outlines`, of B heads."""

    heads: int
    edges: wp.array(dtype=wp.vec4i)
    planes: wp.array(dtype=wp.vec4)
    vertices: wp.array(dtype=wp.vec3)
    depth: wp.array(dtype=float)


@wp.struct
class Scratch:
    """Of one picture of P pixels: linear (3 P), band of it, luma (P), chroma (P / 2), marks (2 P), all 0
    before and after; marks that are not (2 P); pixels that change (P), to what (3 P); faces seen from the
    front (F + 1); where vertices lie (V, 4, and up to 15 more); silhouettes among edges (E)."""

    linear: wp.array(dtype=float)
    band: wp.array(dtype=float)
    luma: wp.array(dtype=float)
    chroma: wp.array(dtype=float)
    marks: wp.array(dtype=wp.int32)
    listed: wp.array(dtype=wp.int32)
    touched: wp.array(dtype=wp.int32)
    mixed: wp.array(dtype=float)
    front: wp.array(dtype=wp.int8)
    places: wp.array(dtype=float)
    silhouettes: wp.array(dtype=wp.int32)


_PICTURE = """
const int size = planes.size;
const long long pixels = (long long)size * size;
float *linear = scratch.linear.data, *luma = scratch.luma.data, *chroma = scratch.chroma.data;
float* mixed = scratch.mixed.data;
int *marks = scratch.marks.data, *listed = scratch.listed.data, *touched = scratch.touched.data;
auto* front = scratch.front.data;
const float grey = film.grey.data[sample], quality = film.quality.data[sample];
const auto photo_at = [&](int place, lanes r, lanes g, lanes b) INLINE {
    float* at = planes.photo.data + 3 * sample * pixels + place;
    *(lanes*)at = r;
    *(lanes*)(at + pixels) = g;
    *(lanes*)(at + 2 * pixels) = b;
};
"""

_EXPOSED = """
for (int row = 0; row < size; ++row)
    expose_row(row);
"""
_DEVELOPED = f"""
for (int top = 0; top < size; top += {BAND}) {{
    const int rows = size - top < {BAND} ? size - top : {BAND};
    const float* from = linear + top * size;
    long long plane = pixels;
    if (reach > 0) {{
        from = scratch.band.data;
        plane = {BAND} * size;
        for (int colour = 0; colour < 3; ++colour)
            blur_band(linear + colour * pixels, top, rows, scratch.band.data + colour * plane);
    }}
    for (int row = 0; row < rows; row += 2)
        tone_rows(top + row, from + row * size, plane);
    if (quality < 100.0f) {{
        const float* table = film.steps.data + sample * 256;
        const int half = size / 2;
        quantise(luma + top * size, size, rows, table);
        quantise(chroma + top / 2 * half, half, rows / 2, table + 128);
        quantise(chroma + (half + top / 2) * half, half, rows / 2, table + 128);
    }}
}}
if (quality < 100.0f)
    for (int row = 0; row < size; ++row)
        decode_row(row);
"""


_PARTS = (
    *(LANES, TRIPLES, _PICTURE, BACKDROP, EXPOSE, _EXPOSED),
    *("if (outlines.edges.shape[0] > 0) {", MARKS, HIDDEN, SILHOUETTES, BLEND, "soften(); }"),
    *(BLUR, ROUND, TONE, FROM_PLANES, _DEVELOPED),
)


@wp.func_native("".join(_PARTS))
def photograph_one(planes: Planes, film: Roll, views: Views, outlines: Edges, scratch: Scratch, sample: int):
    """Picture number `sample`."""
    ...


@wp.kernel
def photograph_pictures(planes: Planes, film: Roll, views: Views, outlines: Edges, scratch: Scratch):
    """One picture a thread, one thread after the other: they share the scratch."""
    photograph_one(planes, film, views, outlines, scratch, wp.tid())


def photograph_by_pictures(
    planes: Packed, film: Packed, outlines: tuple[Packed, Packed], samples: int
) -> None:
    """Photograph S pictures of heads of one topology; outlines: `Views` and `Edges`."""
    size, device = planes.fields["size"], torch.device("cpu")
    launch(photograph_pictures, samples, [planes, film, *outlines, _scratch(size, outlines[1])], device)


def roll_of(fields: dict[str, Tensor], steps: Tensor, bank: Tensor) -> Packed:
    """The fields of a `develop_fused.Film`, JPEG's steps (S, 2, 64) and the bank of noise."""
    curves = fields["curves"]
    pairs = torch.stack([curves[:, :-1], curves.diff(dim=-1)], dim=-1).flatten(1)
    steps = steps.view(-1, 2, 8, 8).transpose(-1, -2).repeat(1, 1, 1, 2).contiguous()
    return packed(Roll, **{**fields, "curves": pairs, "steps": steps, "bank": bank})


def edges_of(outlines: Outlines | None) -> tuple[Packed, Packed]:
    """`Views` and `Edges` of heads of one topology; None: of such without outlines."""
    if outlines is None:
        nothing = torch.empty(0)
        cameras = dict.fromkeys(("half_width", "near", "rotations", "translations", "eyes"), nothing)
        views = packed(Views, size=0, orthographic=True, culled=True, **cameras)
        edges = torch.empty(0, 4, dtype=torch.int32)
        return views, packed(Edges, heads=1, edges=edges, planes=nothing, vertices=nothing, depth=nothing)
    edges = packed(
        Edges,
        heads=len(outlines.mesh.vertices),
        edges=outlines.edges,
        planes=floats(outlines.planes),
        vertices=floats(outlines.mesh.vertices),
        depth=floats(outlines.depth),
    )
    return views_of(outlines), edges


def _scratch(size: int, edges: Packed) -> Packed:
    pixels, heads = size * size, edges.fields["heads"]
    faces, vertices = (edges.fields[name].numel() // heads for name in ("planes", "vertices"))
    return packed(
        Scratch,
        linear=torch.empty(3 * pixels),
        band=torch.empty(3 * BAND * size),
        luma=torch.empty(pixels),
        chroma=torch.empty(pixels // 2),
        marks=torch.zeros(2 * pixels, dtype=torch.int32),
        listed=torch.empty(2 * pixels, dtype=torch.int32),
        touched=torch.empty(pixels, dtype=torch.int32),
        mixed=torch.empty(3 * pixels),
        front=torch.empty(faces // 4 + 1, dtype=torch.int8),
        places=torch.empty(4 * (vertices // 3 + LANE_COUNT)),
        silhouettes=torch.empty(len(edges.fields["edges"]) + 1, dtype=torch.int32),
    )
