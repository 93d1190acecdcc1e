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

import torch
from torch import Tensor

from ftb.kernels.start import wp
from ftb.kernels.starting import floats, launch
from ftb.maths import envmap
from ftb.maths.shapes import expect_shape
from ftb.render import sky_kernel, sky_share_rows
from ftb.render.lookup_kernel import looked_up
from ftb.render.occlusion import sky_directions
from ftb.render.sky_occluder import moved_occluder
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
    """shadowed, unshadowed (N, D): cosine times solid angle, with and without visibility, of the N receivers
    that were asked; rows (R,) int32: which of these each receiver is, or −1; openness (N,): the share of a
    white sky that each sees; directions (D, 3) in the head's frame; receivers as above."""

    shadowed: Tensor
    unshadowed: Tensor
    rows: Tensor
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


def needed_receivers(receivers: Receivers, used: Tensor) -> Tensor:
    """Which receivers (R,) uint8 speak for vertices that any of S pictures show, used (S, V) uint8."""
    needed = torch.zeros(len(receivers.vertices), dtype=torch.uint8, device=used.device)
    neighbours, shown = receivers.neighbours, used.amax(dim=0)
    inputs = [shown, neighbours, neighbours.shape[1], needed]
    launch(sky_kernel.mark_receivers, shown.numel(), inputs, used.device)
    return needed


def sky_transfer(
    mesh: Mesh, receivers: Receivers, *, directions: int, needed: Tensor | None = None
) -> SkyTransfer:
    """Cast the rays of one head: R receivers × D directions of a Fibonacci sphere.

    needed (R,) uint8: receivers that are 0 there are not asked.
    """
    device = mesh.vertices.device
    sky = sky_directions(directions, str(device))
    asked, rows = receivers.vertices, torch.arange(len(receivers.vertices), device=device)
    everyone = torch.ones(len(asked), dtype=torch.uint8, device=device)
    if needed is not None and device.type == "cpu":
        rows = torch.where(needed > 0, needed.cumsum(0) - 1, -1)
        asked, everyone = asked[needed > 0], everyone[needed > 0]
    elif needed is not None:  # to leave rows out would wait for the device: nobody looks at theirs
        rows, everyone = torch.where(needed > 0, rows, -1), needed
    blockers = mesh.vertices[0].index_select(0, receivers.occluder_vertices)
    occluder = moved_occluder(receivers.occluder_faces, receivers.occluder_rest, blockers)
    points, normals = (values[0].index_select(0, asked) for values in (mesh.vertices, mesh.normals))
    shadowed, unshadowed, openness = occluder.sky_rows(points, normals, everyone, sky)
    return SkyTransfer(
        shadowed=shadowed,
        unshadowed=unshadowed,
        rows=rows.to(torch.int32),
        openness=openness,
        directions=sky.directions,
        receivers=receivers,
    )


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
    columns = radiance.permute(1, 0, 2).reshape(len(transfer.directions), samples * 3)
    ratios, spread_by, by_vertices = SHARES[device.type]
    ratio = ratios(transfer, columns)  # (N, S·3), and some more columns on a CPU
    receivers = transfer.receivers
    vertices, neighbours = receivers.neighbours.shape
    spread = torch.empty(samples, vertices, 3, device=device)
    if used is None:
        used = torch.ones(samples, vertices, dtype=torch.uint8, device=device)
    borrowed = [receivers.neighbours, receivers.weights, neighbours, transfer.rows, transfer.openness]
    inputs = [used, *borrowed, floats(ratio), samples, spread]
    launch(spread_by, vertices if by_vertices else 1, inputs, device)
    return spread


def _ratio_by_products(transfer: SkyTransfer, columns: Tensor) -> Tensor:
    """Shadowed over unshadowed light (N, C) of skies (D, C)."""
    shadowed, unshadowed = transfer.shadowed @ columns, transfer.unshadowed @ columns
    ratio = shadowed / unshadowed.clamp_min(LEAST_LIGHT)
    return torch.where(unshadowed > LEAST_LIGHT, ratio, torch.ones_like(ratio)).clamp(0.0, 1.0)


def _ratio_by_rows(transfer: SkyTransfer, columns: Tensor) -> Tensor:
    """As `_ratio_by_products`: both products in one pass, sixteen skies at a time."""
    skies = torch.nn.functional.pad(floats(columns), (0, -columns.shape[-1] % sky_share_rows.LANES))
    ratio = torch.empty(len(transfer.shadowed), skies.shape[-1], device=columns.device)
    inputs = [transfer.shadowed, transfer.unshadowed, skies, LEAST_LIGHT, ratio]
    launch(sky_share_rows.ratios, len(ratio), inputs, columns.device)
    return ratio


# By kind of device: what makes ratios, what spreads them, and whether that takes a thread for each vertex.
SHARES: dict[str, tuple[Callable[[SkyTransfer, Tensor], Tensor], wp.Kernel, bool]] = {
    "cpu": (_ratio_by_rows, sky_share_rows.spread_rows, False),
    "cuda": (_ratio_by_products, sky_kernel.spread_shares, True),
}


def _height_for(directions: int) -> int:
    height = math.sqrt(directions * math.pi / 2.0) / 1.25
    return next((power for power in (8, 16, 32, 64) if power >= height * 0.9), 64)
