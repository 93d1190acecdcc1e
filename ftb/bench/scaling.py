"""How the cost of a picture grows with batch, pixels and triangles."""

from __future__ import annotations

import math

import torch

from ftb.bench.clock import Measurement, growth, median_cpu_seconds
from ftb.maths import rotation
from ftb.render.base import Rasterizer, resolve_rasterizer
from ftb.types import Camera, Mesh


def sphere_mesh(rings: int) -> Mesh:
    """A sphere of 10 cm with 4 · rings² triangles, less those at its poles."""
    theta = torch.linspace(0.0, math.pi, rings + 1)[:, None]
    phi = torch.linspace(0.0, 2.0 * math.pi, 2 * rings + 1)[None, :]
    normals = torch.stack(
        [theta.sin() * phi.sin(), theta.cos().expand_as(theta * phi), theta.sin() * phi.cos()], dim=-1
    ).flatten(0, 1)
    row, column = torch.meshgrid(torch.arange(rings), torch.arange(2 * rings), indexing="ij")
    corner = (row * (2 * rings + 1) + column).flatten()
    below = corner + 2 * rings + 1
    faces = torch.cat(
        [torch.stack([corner, below, below + 1], -1), torch.stack([corner, below + 1, corner + 1], -1)]
    )
    return Mesh(vertices=0.1 * normals[None], faces=faces, normals=normals[None])


def cameras(count: int) -> Camera:
    """`count` pinholes in a row, half a metre away, that a sphere of 10 cm fills."""
    turns = torch.linspace(-0.6, 0.6, count)
    eyes = 0.5 * torch.stack([turns.sin(), torch.zeros_like(turns), turns.cos()], dim=-1)
    up, centre = torch.tensor([0.0, 1.0, 0.0]), torch.zeros(3)
    return Camera(
        cam_from_world=torch.stack([rotation.look_at(eye, centre, up) for eye in eyes]),
        half_width=torch.full((count,), 0.22),
        near=torch.full((count,), 0.01),
    )


def scaling(quick: bool) -> list[Measurement]:
    """Exponents of the rasterizer's cost: 1 is in proportion."""
    rasterizer = resolve_rasterizer("auto")
    batches = (1, 2) if quick else (4, 8, 16, 32)
    sizes = (32, 64) if quick else (128, 256, 512, 1024)
    rings = (4, 8) if quick else (50, 80, 112, 158)  # 10,000 to 100,000 triangles
    seconds = 0.0 if quick else 0.4
    cost = {
        "batch": [
            (batch, _seconds(rasterizer, batch, 256 if not quick else 32, 50, seconds)) for batch in batches
        ],
        "pixels": [(size * size, _seconds(rasterizer, 4, size, 50, seconds)) for size in sizes],
        "triangles": [(4 * ring * ring, _seconds(rasterizer, 4, 256, ring, seconds)) for ring in rings],
    }
    return [
        Measurement(
            name=f"rasterizer, cost by {what}",
            value=growth(*zip(*points, strict=True)),
            unit="exponent",
            note=f"{points[0][0]:,} to {points[-1][0]:,}",
        )
        for what, points in cost.items()
    ]


def _seconds(rasterizer: Rasterizer, batch: int, size: int, rings: int, seconds: float) -> float:
    mesh, camera = sphere_mesh(rings), cameras(batch)
    return median_cpu_seconds(lambda: rasterizer.rasterize(mesh, camera, size), seconds=seconds)
