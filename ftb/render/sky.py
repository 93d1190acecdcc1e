"""Self-shadowed environment light: precomputed transfer on a few receivers of a head.

The irradiance of a shadowed point is linear in the environment, so one matrix a head serves every
pose and every light (Sloan, Kautz and Snyder 2002, in a basis of directions). Only the *ratio* of
shadowed to unshadowed irradiance is spread from the receivers to the vertices: it is smooth, and the
fine dependence on the normal is kept by the unshadowed irradiance of each pixel's own normal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ftb.maths import envmap, sphere
from ftb.maths.shapes import expect_shape
from ftb.render.occlusion import Occluder
from ftb.types import Lighting, Mesh, TensorData

NEIGHBOURS = 4
# How many metres apart two points count that differ by a right angle in their normals: the sides of
# a nose wing are then far apart although they touch.
NORMAL_METRES = 0.03


@dataclass(frozen=True, kw_only=True)
class Receivers(TensorData):
    """The vertices that carry transfer, and how the others borrow it.

    vertices (R,) int64; neighbours (V, 4) int64 into `vertices`; weights (V, 4), rows sum to 1.
    """

    vertices: Tensor
    neighbours: Tensor
    weights: Tensor


@dataclass(frozen=True, kw_only=True)
class SkyTransfer(TensorData):
    """shadowed, unshadowed (R, D): cosine times solid angle, with and without visibility;
    directions (D, 3) in the head's frame; receivers as above."""

    shadowed: Tensor
    unshadowed: Tensor
    directions: Tensor
    receivers: Receivers


def choose_receivers(mesh: Mesh, count: int) -> Receivers:
    """Spread `count` receivers over the first shape of a topology by farthest-point sampling.

    Distance is in position and normal, so that creases get more. Deterministic: starts at vertex 0.
    """
    expect_shape(mesh.vertices, "B V 3", name="mesh.vertices")
    features = torch.cat([mesh.vertices[0], mesh.normals[0] * NORMAL_METRES], dim=-1)  # (V, 6)
    vertex_count = len(features)
    if count >= vertex_count:
        vertices = torch.arange(vertex_count, device=features.device)
    else:
        chosen = [0]
        distance = torch.full((vertex_count,), torch.inf, device=features.device)
        for _ in range(count - 1):
            step = (features - features[chosen[-1]]).square().sum(-1)
            distance = torch.minimum(distance, step)
            chosen.append(int(distance.argmax()))
        vertices = torch.tensor(chosen, device=features.device)
    pairwise = torch.cdist(features, features[vertices])  # (V, R)
    near, neighbours = pairwise.topk(min(NEIGHBOURS, len(vertices)), dim=-1, largest=False)
    # Inverse squared distance; a receiver answers for itself alone.
    weights = 1.0 / near.square().clamp_min(1e-12)
    return Receivers(
        vertices=vertices, neighbours=neighbours, weights=weights / weights.sum(-1, keepdim=True)
    )


def sky_transfer(mesh: Mesh, receivers: Receivers, *, directions: int) -> SkyTransfer:
    """Cast the rays of one head: R receivers × D directions of a Fibonacci sphere."""
    towards = sphere.fibonacci_directions(directions).to(mesh.vertices)
    points = mesh.vertices[0][receivers.vertices]
    normals = mesh.normals[0][receivers.vertices]
    solid_angle = 4.0 * math.pi / directions
    shadowed = Occluder(mesh).cosine_transfer(points, normals, towards)
    unshadowed = (normals @ towards.T).clamp_min(0.0)
    # A receiver that sees little of the sky (behind an eyeball, inside a mouth) speaks for few points
    # that a camera sees: it must not darken its visible neighbours.
    openness = shadowed.sum(-1) / unshadowed.sum(-1).clamp_min(1e-8)
    weights = receivers.weights * (openness.square() + 1e-4)[receivers.neighbours]
    return SkyTransfer(
        shadowed=shadowed * solid_angle,
        unshadowed=unshadowed * solid_angle,
        directions=towards,
        receivers=replace(receivers, weights=weights / weights.sum(-1, keepdim=True)),
    )


def sky_visibility(transfer: SkyTransfer, lighting: Lighting, cam_from_head: Tensor) -> Tensor:
    """Shadowed over unshadowed irradiance of the environment, per vertex, sample and channel.

    lighting with leading (S,) and an environment; cam_from_head (S, 3, 3) rotation → (S, V, 3) in
    [0, 1]. Where no light arrives even unshadowed the answer is the geometric sky fraction's limit, 1.
    """
    if lighting.environment is None:
        raise ValueError("lighting.environment: expected a map, got None; project one from sh_coeffs first")
    dims = expect_shape(cam_from_head, "S 3 3", name="cam_from_head")
    samples = dims["S"]
    directions_cam = transfer.directions @ cam_from_head.transpose(-1, -2)  # (S, D, 3)
    # Texels about as wide as the cells between directions: a finer map would alias.
    height = min(_height_for(len(transfer.directions)), lighting.environment.shape[-3])
    coarse = envmap.resize(lighting.environment, height)
    radiance = envmap.sample(coarse, directions_cam)  # (S, D, 3)
    columns = radiance.permute(1, 0, 2).reshape(len(transfer.directions), samples * 3)
    shadowed = transfer.shadowed @ columns  # (R, S·3)
    unshadowed = transfer.unshadowed @ columns
    ratio = torch.where(
        unshadowed > 1e-8, shadowed / unshadowed.clamp_min(1e-8), torch.ones_like(shadowed)
    ).clamp(0.0, 1.0)
    receivers = transfer.receivers
    spread = torch.zeros(len(receivers.neighbours), samples * 3, device=ratio.device)
    for neighbour in range(receivers.neighbours.shape[-1]):
        spread += ratio[receivers.neighbours[:, neighbour]] * receivers.weights[:, neighbour, None]
    return spread.reshape(-1, samples, 3).permute(1, 0, 2).contiguous()  # (S, V, 3)


def _height_for(directions: int) -> int:
    height = math.sqrt(directions * math.pi / 2.0) / 1.25
    return next((power for power in (8, 16, 32, 64) if power >= height * 0.9), 64)
