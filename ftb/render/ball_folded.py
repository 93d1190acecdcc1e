"""The ball's constant matrix, folded along its symmetries: a quarter of the numbers, a quarter of the work.

Ball, view and material do not change when image right and left, or up and down, are exchanged together
with the light's. An environment is therefore split into its parts that are even or odd under either
exchange; each part is reflected by a matrix from a quarter of the texels to a quarter of the ball.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.render.ball_transport import constant, disc_samples, quarter_matrix
from ftb.scene.materials import BallMaterial

# Even or odd in x, and in y: the four parts.
PARITIES = ((1.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0))


def folded_ball(material: BallMaterial, size: int, environment: Tensor) -> Tensor:
    """(..., P, 3): reflected radiance of a ball's pixels under maps (..., H, 2H, 3), H even."""
    lead, height = environment.shape[:-3], environment.shape[-3]
    maps = environment.reshape(-1, height, 2 * height, 3)
    matrix = folded_matrix(material, size, height, maps.device, maps.dtype)  # (4, P/4, J/4)
    columns = _parts(maps).reshape(4, len(maps), -1, 3).permute(0, 2, 1, 3).flatten(2)  # (4, J/4, B · 3)
    parts = torch.bmm(matrix, columns).unflatten(-1, (-1, 3))  # (4, P/4, B, 3)
    # In the corner at (±x, ±y) odd parts change their sign.
    pixels = (_signs(maps.device, maps.dtype) @ parts.flatten(1)).view(
        -1, len(maps), 3
    )  # (P, B, 3), a corner after the other
    return pixels[_order(size, maps.device)].transpose(0, 1).reshape(*lead, -1, 3)


@constant
def _signs(device: torch.device, dtype: torch.dtype) -> Tensor:
    """(4 corners, 4 parts): sign of each part in each corner; both are listed as in PARITIES."""
    odd = torch.tensor(PARITIES) < 0  # (4, 2)
    flips = (odd[:, None, :] & odd[None, :, :]).sum(-1)
    return (1.0 - 2.0 * (flips % 2)).to(device, dtype)


def _parts(maps: Tensor) -> Tensor:
    """(4, B, H/2, H, 3): the parts of maps (B, H, 2H, 3), by a quarter of each; they add up to the map."""
    height = maps.shape[1]
    mirrored = maps.flip(2)
    across = torch.stack([maps + mirrored, maps - mirrored])[:, :, :, :height]  # x even, x odd
    turned = across.flip(2)
    both = torch.stack([across + turned, across - turned])[:, :, :, : height // 2]  # y even, y odd
    return 0.25 * both.flatten(0, 1)


@constant
def folded_matrix(
    material: BallMaterial, size: int, height: int, device: torch.device, dtype: torch.dtype
) -> Tensor:
    """(4, P/4, J/4): of each part, from a quarter of the texels to the pixels of the disc's upper right."""
    quarter = quarter_matrix(material, size, height)  # (h, h, H, 2H)
    rows, columns = _corner(size)
    quarter = quarter[rows, columns]  # (P/4, H, 2H)
    folded = []
    for across, upward in PARITIES:
        part = quarter[..., :height] + across * quarter.flip(-1)[..., :height]
        part = part[:, : height // 2] + upward * part.flip(1)[:, : height // 2]
        folded.append(part.flatten(1))
    return torch.stack(folded).to(device, dtype)


def _corner(size: int) -> tuple[Tensor, Tensor]:
    """Rows and columns, within the upper right quarter, of its pixels on the disc."""
    numbers = disc_samples(size, 1, torch.device("cpu"), torch.float64).numbers
    rows, columns = torch.div(numbers, size, rounding_mode="floor"), numbers % size
    half = (size + 1) // 2
    corner = (rows < half) & (columns >= size - half)
    return rows[corner], columns[corner] - (size - half)


@constant
def _order(size: int, device: torch.device) -> Tensor:
    """(P,): where each pixel of the disc stands among the four corners' pixels."""
    place = torch.full((size * size,), -1, dtype=torch.int64)
    placed = placed_numbers(size).long()
    count = placed.shape[1]
    for corner, there in reversed(list(enumerate(placed))):
        place[there] = corner * count + torch.arange(count)
    numbers = disc_samples(size, 1, torch.device("cpu"), torch.float64).numbers
    return place[numbers].to(device)


@constant
def placed_numbers(size: int) -> Tensor:
    """(4, P/4) int32: the pixels' numbers within the flattened square, of each corner. Those of a middle row
    or column belong to several corners: the first counts."""
    rows, columns = _corner(size)
    right = columns + (size - (size + 1) // 2)
    return torch.stack(
        [
            (rows if upward > 0 else size - 1 - rows) * size + (right if across > 0 else size - 1 - right)
            for across, upward in PARITIES
        ]
    ).to(torch.int32)
