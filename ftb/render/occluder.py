"""Something that stands before the face: what it hides is hidden, and it is lit as the face is."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from ftb.maths import brdf
from ftb.render.shade import Shaded
from ftb.scene.capture import Capture
from ftb.scene.lighting_ops import irradiance
from ftb.types import Lighting

BULGE = 0.4  # slope towards the rim: between a card and a ball


def occluder_cover(capture: Capture, size: int) -> tuple[Tensor, Tensor]:
    """Pixels (S, H, W) bool that the occluders of S captures hide, and their normals (S, H, W, 3): unit,
    camera frame."""
    present, x, y, half_x, half_y, turn, power = (part[:, None, None] for part in capture.occluder.unbind(-1))
    place = (torch.arange(size, device=turn.device) + 0.5) * (2.0 / size) - 1.0
    across, up = place[None, None, :] - x, -place[None, :, None] - y
    along = (turn.cos() * across + turn.sin() * up) / half_x
    aside = (-turn.sin() * across + turn.cos() * up) / half_y
    cover = (along.abs() ** power + aside.abs() ** power <= 1.0) & (present > 0.5)
    slope = torch.stack(
        [turn.cos() * along - turn.sin() * aside, turn.sin() * along + turn.cos() * aside], dim=-1
    )
    normals = torch.cat([BULGE * slope, torch.ones_like(slope[..., :1])], dim=-1)
    return cover, torch.nn.functional.normalize(normals, dim=-1)


def put_before(shaded: Shaded, lighting: Lighting, capture: Capture) -> tuple[Shaded, Tensor]:
    """The picture with the occluders of S captures in it, and the pixels (S, H, W) that they hide: 0 or 1.

    Lambert under the same light, without shadows of its own or on the face. The pixels count as seen in the
    returned picture, so that no backdrop is put there; whoever learns from it leaves them out.
    """
    hidden = torch.zeros_like(shaded.mask)
    rows = torch.nonzero(capture.occluder[:, 0] > 0.5).squeeze(-1)
    if not len(rows):
        return shaded, hidden
    cover, normals = occluder_cover(capture[rows], shaded.mask.shape[-1])
    planes = shaded.radiance_linear.permute(0, 3, 1, 2)  # (S, 3, H, W), as they mostly lie in memory
    painted = planes.clone()
    for number, row in enumerate(rows.tolist()):
        there = cover[number]
        light = irradiance(lighting[row], normals[number][there]).clamp_min(0.0)  # (M, 3) of what is hidden
        painted[row][:, there] = brdf.lambert(capture.occluder_linear[row]).mul(light).T
        hidden[row] = there.to(hidden)
    return dataclasses.replace(
        shaded, mask=torch.maximum(shaded.mask, hidden), radiance_linear=painted.permute(0, 2, 3, 1)
    ), hidden
