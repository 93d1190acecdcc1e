"""Self-shadowed environment light: precomputed transfer on a few receivers of a head.

The irradiance of a shadowed point is linear in the environment, so one matrix a head serves every
pose and every light (Sloan, Kautz and Snyder 2002, in a basis of directions). Only the *ratio* of
shadowed to unshadowed irradiance is spread from the receivers to the vertices: it is smooth, and the
fine dependence on the normal is kept by the unshadowed irradiance of each pixel's own normal.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from ftb.kernels.lanes import WIDTH as LANES
from ftb.kernels.start import wp
from ftb.kernels.starting import floats, launch
from ftb.maths import envmap
from ftb.maths.shapes import expect_shape
from ftb.render import sky_kernel, sky_share_rows
from ftb.render.lookup_kernel import looked_up
from ftb.render.occlusion import sky_directions
from ftb.render.sky_occluder import kept_occluder
from ftb.render.spread import farthest_points
from ftb.types import Lighting, Mesh, TensorData

NEIGHBOURS = 4
LEAST_LIGHT = 1e-8  # below it nothing is shadowed: there is nothing to divide by
# Of the coarse mesh that hides the sky: about 5 mm apart on a head.
OCCLUDER_VERTICES = 3000
# How many metres apart two points count that differ by a right angle in their normals: the sides of
# a nose wing are then far apart although they touch.
NORMAL_METRES = 0.03


@dataclass(frozen=True, kw_only=True)
class Receivers(TensorData):
    """The vertices that carry transfer, how the others borrow it, and the coarse mesh that hides the sky.

    vertices (R,) int64; neighbours (V, 4) int64 into `vertices`; weights (V, 4), rows sum to 1;
    occluder_vertices (O,) int64, R of which are `vertices`; occluder_faces (F', 3) int64 into those;
    occluder_rest (O, 3) where those were on the shape that all this was chosen on.
    """

    vertices: Tensor
    neighbours: Tensor
    weights: Tensor
    occluder_vertices: Tensor
    occluder_faces: Tensor
    occluder_rest: Tensor


@dataclass(frozen=True, kw_only=True)
class SkyTransfer(TensorData):
    """Of B heads, head after head. shadowed, unshadowed (N, D): cosine times solid angle, with and without
    visibility, of the N receivers that were asked; rows (B · R,) int32: which of these each receiver is, or
    −1; starts (B + 1,) int32: where the rows of each head begin, and all end; openness (N,): the share of a
    white sky that each sees; directions (D, 3) in the heads' frames; receivers as above."""

    shadowed: Tensor
    unshadowed: Tensor
    rows: Tensor
    starts: Tensor
    openness: Tensor
    directions: Tensor
    receivers: Receivers


def choose_receivers(mesh: Mesh, count: int) -> Receivers:
    """Spread `count` receivers over the first shape of a topology by farthest-point sampling.

    Distance is in position and normal, so that creases get more. Deterministic: starts at vertex 0.
    """
    expect_shape(mesh.vertices, "B V 3", name="mesh.vertices")
    features = torch.cat([mesh.vertices[0], mesh.normals[0] * NORMAL_METRES], dim=-1)  # (V, 6)
    spread = farthest_points(features, min(len(features), max(count, OCCLUDER_VERTICES)))
    vertices = spread[:count]
    near, neighbours = _nearest(features, features[vertices], min(NEIGHBOURS, len(vertices)))
    # Inverse squared distance; a receiver answers for itself alone.
    weights = 1.0 / near.square().clamp_min(1e-12)
    return Receivers(
        vertices=vertices,
        neighbours=neighbours,
        weights=weights / weights.sum(-1, keepdim=True),
        occluder_vertices=spread,
        occluder_faces=_collapsed(mesh.faces, _nearest(features, features[spread], 1)[1][:, 0]),
        occluder_rest=mesh.vertices[0][spread],
    )


def _nearest(features: Tensor, centres: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Distances and numbers (V, count) of the centres (R, C) nearest to each of the features (V, C)."""
    found = [torch.cdist(some, centres).topk(count, dim=-1, largest=False) for some in features.split(4096)]
    return torch.cat([some.values for some in found]), torch.cat([some.indices for some in found])


def _collapsed(faces: Tensor, cluster: Tensor) -> Tensor:
    """Faces (F', 3) that are left when the vertices of each cluster (V,) become one (Rossignac and Borrel
    1993), each once."""
    corners = cluster[faces]
    apart = (corners != corners.roll(1, -1)).all(-1)
    return torch.unique(corners[apart].sort(-1).values, dim=0)


def needed_receivers(receivers: Receivers, used: Tensor, heads: int = 1) -> Tensor:
    """Which receivers (B · R,) uint8 of B heads speak for vertices that any of a head's pictures shows; used
    (S, V) uint8, S / B pictures in a row of each head."""
    needed = torch.zeros(heads * len(receivers.vertices), dtype=torch.uint8, device=used.device)
    neighbours, pictures = receivers.neighbours, len(used) // heads
    mark, by_heads = MARKS[used.device.type]
    inputs = [used, pictures, neighbours, neighbours.shape[1], len(receivers.vertices), needed]
    launch(mark, heads if by_heads else used.numel(), inputs, used.device)
    return needed


def sky_transfer(
    mesh: Mesh, receivers: Receivers, *, directions: int, needed: Tensor | None = None
) -> SkyTransfer:
    """Cast the rays of B heads of one topology: R receivers of each × D directions of a Fibonacci sphere.

    needed (B · R,) uint8: receivers that are 0 there are not asked.
    """
    device, heads, count = mesh.vertices.device, len(mesh.vertices), len(receivers.vertices)
    sky = sky_directions(directions, str(device))
    first = torch.arange(heads, device=device)[:, None] * mesh.vertices.shape[1]
    asked = (first + receivers.vertices).flatten()  # among the vertices of all heads
    if needed is None:
        starts, rows = _numbered(heads, count, str(device))
        everyone = torch.ones(len(asked), dtype=torch.uint8, device=device)
    else:
        starts, rows, asked, everyone = CHOOSERS[device.type](needed, heads, asked)
    faces, chosen = receivers.occluder_faces, receivers.occluder_vertices
    occluder = kept_occluder(faces, receivers.occluder_rest, chosen)
    points, normals = mesh.vertices.flatten(0, 1), mesh.normals.flatten(0, 1)
    rays = occluder.sky_rows_of(mesh.vertices, starts, (points, normals, asked, everyone), sky)
    shadowed, unshadowed, openness = rays
    return SkyTransfer(
        shadowed=shadowed,
        unshadowed=unshadowed,
        rows=rows,
        starts=starts,
        openness=openness,
        directions=sky.directions,
        receivers=receivers,
    )


def _leave_out(needed: Tensor, heads: int, asked: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Starts and rows of a `SkyTransfer` that has only the receivers that are needed (B · R,); the vertices
    of these, of all that were asked (B · R,), and ones for each of them."""
    count = len(needed) // heads
    places = needed.cumsum(0, dtype=torch.int32)
    starts = torch.nn.functional.pad(places[count - 1 :: count], (1, 0))
    asked = asked[needed > 0]
    return starts, torch.where(needed > 0, places - 1, -1), asked, needed.new_ones(len(asked))


def _keep_in(needed: Tensor, heads: int, asked: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """As `_leave_out`, with rows of all, at which nobody looks: to leave some out would wait for the GPU."""
    starts, rows = _numbered(heads, len(needed) // heads, str(needed.device))
    return starts, torch.where(needed > 0, rows, -1), asked, needed


# By kind of device.
CHOOSERS = {"cpu": _leave_out, "cuda": _keep_in}


@lru_cache(maxsize=16)
def _numbered(heads: int, count: int, device: str) -> tuple[Tensor, Tensor]:
    """Starts and rows of a `SkyTransfer` in which all of `count` receivers are asked."""
    starts = torch.arange(0, (heads + 1) * count, count, dtype=torch.int32, device=device)
    return starts, torch.arange(heads * count, dtype=torch.int32, device=device)


def sky_visibility(transfer: SkyTransfer, lighting: Lighting, cam_from_head: Tensor) -> Tensor:
    """Shadowed over unshadowed irradiance of the environment, per vertex, sample and channel.

    lighting with leading (S,) and an environment; cam_from_head (S, 3, 3) rotation → (S, V, 3) in
    [0, 1]. Where no light arrives even unshadowed the answer is the geometric sky fraction's limit, 1.
    """
    return shadowed_share(transfer, sky_radiance(lighting, cam_from_head, len(transfer.directions)))


def sky_radiance(lighting: Lighting, cam_from_head: Tensor, directions: int) -> Tensor:
    """What S environments send from the directions of `sky_transfer`, in frames of heads: (S, D, 3).

    lighting with leading (S,); cam_from_head (S, 3, 3) rotation.
    """
    if lighting.environment is None:
        raise ValueError("lighting.environment: expected a map, got None; project one from sh_coeffs first")
    expect_shape(cam_from_head, "S 3 3", name="cam_from_head")
    known = sky_directions(directions, str(cam_from_head.device)).directions
    directions_cam = known @ cam_from_head.transpose(-1, -2)  # (S, D, 3)
    # Texels about as wide as the cells between directions: a finer map would alias.
    height = min(_height_for(directions), lighting.environment.shape[-3])
    return looked_up(envmap.resize(lighting.environment, height), directions_cam)


def shadowed_share(transfer: SkyTransfer, radiance: Tensor, used: Tensor | None = None) -> Tensor:
    """As `sky_visibility`, (S, V, 3), from what `sky_radiance` says, (S, D, 3).

    used (S, V) uint8: vertices that are 0 there, or whose neighbours were not all asked, get 1.
    """
    samples, device = len(radiance), radiance.device
    ratios, spread_by, by_heads = SHARES[device.type]
    heads = len(transfer.starts) - 1
    # (B, D, S / B · 3)
    columns = radiance.unflatten(0, (heads, -1)).transpose(1, 2).flatten(2)
    ratio = ratios(transfer, columns)  # (N, S / B · 3), and some more columns on a CPU
    receivers = transfer.receivers
    vertices, neighbours = receivers.neighbours.shape
    spread = torch.empty(samples, vertices, 3, device=device)
    if used is None:
        used = torch.ones(samples, vertices, dtype=torch.uint8, device=device)
    borrowed = [receivers.neighbours, receivers.weights, neighbours, len(receivers.vertices)]
    inputs = [used, samples // heads, *borrowed, transfer.rows, transfer.openness, floats(ratio), spread]
    launch(spread_by, heads if by_heads else heads * vertices, inputs, device)
    return spread


def _ratio_by_products(transfer: SkyTransfer, columns: Tensor) -> Tensor:
    """Shadowed over unshadowed light (N, C) of skies (B, D, C); all receivers of each of several heads."""
    rows = [values.unflatten(0, (len(columns), -1)) for values in (transfer.shadowed, transfer.unshadowed)]
    shadowed, unshadowed = (torch.bmm(values, columns).flatten(0, 1) for values in rows)
    ratio = shadowed / unshadowed.clamp_min(LEAST_LIGHT)
    return torch.where(unshadowed > LEAST_LIGHT, ratio, torch.ones_like(ratio)).clamp(0.0, 1.0)


def _ratio_by_rows(transfer: SkyTransfer, columns: Tensor) -> Tensor:
    """As `_ratio_by_products`: both products in one pass, sixteen skies at a time."""
    skies = torch.nn.functional.pad(floats(columns), (0, -columns.shape[-1] % LANES))
    ratio = torch.empty(len(transfer.shadowed), skies.shape[-1], device=columns.device)
    inputs = [transfer.starts, transfer.shadowed, transfer.unshadowed, skies, LEAST_LIGHT, ratio]
    launch(sky_share_rows.ratios, len(skies), inputs, columns.device)
    return ratio


# By kind of device: what marks receivers, and whether it takes a thread for each head.
MARKS = {"cpu": (sky_share_rows.mark_receiver_rows, True), "cuda": (sky_kernel.mark_receivers, False)}
# By kind of device: what makes ratios, what spreads them, and whether that takes a thread for each head.
SHARES: dict[str, tuple[Callable[[SkyTransfer, Tensor], Tensor], wp.Kernel, bool]] = {
    "cpu": (_ratio_by_rows, sky_share_rows.spread_rows, True),
    "cuda": (_ratio_by_products, sky_kernel.spread_shares, False),
}


def _height_for(directions: int) -> int:
    height = math.sqrt(directions * math.pi / 2.0) / 1.25
    return next((power for power in (8, 16, 32, 64) if power >= height * 0.9), 64)
