"""Something that stands before the face: what it hides is hidden, and it is lit as the face is."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ftb.maths import brdf
from ftb.render.occluder_rows import BULGE, paint_rows
from ftb.render.shade import Shaded
from ftb.scene.capture import Capture
from ftb.scene.lighting_ops import irradiance
from ftb.types import Lighting


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


def put_before(shaded: Shaded, lighting: Lighting, capture: Capture) -> list[tuple[int, Tensor]]:
    """Paint the occluders of S captures into a picture's radiance, in place, and say what they hide: which of
    the pictures, and its pixels (H, W) bool.

    Lambert under the same light, without shadows of its own or on the face.
    """
    pictures = torch.nonzero(capture.occluder[:, 0] > 0.5).squeeze(-1)
    if not len(pictures):
        return []
    planes = shaded.radiance_linear.permute(0, 3, 1, 2)  # (S, 3, H, W), as they mostly lie in memory
    paint = PAINTERS[planes.device.type] if planes.is_contiguous() else painted
    cover = paint(planes, pictures, lighting[pictures], capture[pictures])
    return list(zip(pictures.tolist(), cover, strict=True))


def painted(planes: Tensor, pictures: Tensor, lighting: Lighting, capture: Capture) -> Tensor:
    """Paint R occluders into the pictures (R,) of planes (S, 3, H, W), in place; say what they hide,
    (R, H, W) bool. lighting, capture: of those pictures."""
    cover, normals = occluder_cover(capture, planes.shape[-1])
    for row, (picture, there, around) in enumerate(zip(pictures.tolist(), cover, normals, strict=True)):
        light = irradiance(lighting[row], around[there]).clamp_min(0.0)  # (M, 3) of what is hidden
        planes[picture][:, there] = brdf.lambert(capture.occluder_linear[row]).mul(light).T
    return cover


# By kind of device.
PAINTERS: dict[str, Callable[[Tensor, Tensor, Lighting, Capture], Tensor]] = {
    "cpu": paint_rows,
    "cuda": painted,
}
