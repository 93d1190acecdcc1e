"""From a drawn chunk to face and ball: the corridor of the house.

rasterize → shade (light maps, sky visibility, shadow maps) → expose → ball → develop.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

from ftb.maths import color
from ftb.maths.random import generator_for
from ftb.render.ball import render_ball
from ftb.render.base import Rasterizer
from ftb.render.develop import exposure_gains
from ftb.render.develop_fused import photograph
from ftb.render.light_maps import light_maps
from ftb.render.shade import Shaded, Skin
from ftb.render.shade_fused import Illumination, shade_fused
from ftb.render.sky import Receivers, SkyTransfer, choose_receivers, sky_transfer, sky_visibility
from ftb.scene.heads import Head, HeadSource
from ftb.scene.lighting_ops import irradiance
from ftb.scene.sampler import Chunk, SceneConfig
from ftb.types import Lighting, Pair


class TransferCache:
    """Sky transfer of the heads of one source.

    Heads that come back under their names keep theirs. Procedural heads come once each, so only their
    receivers are kept: chosen on one template head, never on whichever head came first, or a pixel
    would depend on which worker drew it.
    """

    def __init__(self, config: SceneConfig, source: HeadSource, keep: int = 64) -> None:
        self._config = config
        self._keep = keep
        self._transfers: dict[str, SkyTransfer] = {}
        self._receivers: Receivers | None = None
        if not source.recurring:
            template = source.head(generator_for(0, "template", 0, "head"))
            self._receivers = choose_receivers(template.mesh, config.sky_receivers)

    def transfer(self, head: Head) -> SkyTransfer:
        """Cast the rays of this head, or recall what they answered; on the device of the head."""
        if self._receivers is not None:
            receivers = self._receivers.to(head.mesh.vertices.device)
            return sky_transfer(head.mesh, receivers, directions=self._config.sky_directions)
        if head.name not in self._transfers:
            if len(self._transfers) >= self._keep:
                self._transfers.pop(next(iter(self._transfers)))
            receivers = choose_receivers(head.mesh, self._config.sky_receivers)
            self._transfers[head.name] = sky_transfer(
                head.mesh, receivers, directions=self._config.sky_directions
            )
        return self._transfers[head.name]


def render_chunk(
    chunk: Chunk, rasterizer: Rasterizer, transfer: SkyTransfer, *, size: int, ball_size: int
) -> Pair:
    """Render S pairs of one head; everything on the device of the chunk's tensors."""
    head, camera = chunk.head, chunk.camera
    fragments = rasterizer.rasterize(head.mesh, camera, size)
    light = Illumination(
        lighting=chunk.lighting,
        maps=light_maps(chunk.lighting),
        sky_visibility=sky_visibility(transfer, chunk.lighting, camera.cam_from_world[:, :3, :3]),
    )
    skin = Skin(albedo_linear=head.albedo_linear, material=head.material)
    shaded = shade_fused(head.mesh, skin, camera, fragments, light)
    return _photograph(chunk, shaded, ball_size)


def _photograph(chunk: Chunk, shaded: Shaded, ball_size: int) -> Pair:
    capture, lighting = chunk.capture, chunk.lighting
    facing = torch.tensor([[0.0, 0.0, 1.0]], device=shaded.mask.device)
    colour = irradiance(lighting, facing).squeeze(-2).clamp_min(0.0)  # (S, 3)
    gains = exposure_gains(shaded, colour, capture)
    lighting = scale_lighting(lighting, gains)
    photo_srgb, shaded = photograph(shaded, gains, chunk.camera, lighting, capture)
    lighting = map_colours(lighting, grey_mixer(capture.grey))
    return Pair(
        photo_srgb=photo_srgb,
        mask=shaded.mask,
        normals=shaded.normals,
        albedo_linear=shaded.albedo_linear,
        visibility=shaded.visibility,
        residual_linear=shaded.radiance_linear,
        ball_linear=render_ball(lighting, "gray", ball_size),
        lighting=lighting,
        index=chunk.index,
    )


def scale_lighting(lighting: Lighting, gains: Tensor) -> Lighting:
    """Light times gains (S, 3)."""
    return map_colours(
        lighting, lambda values: values * gains.reshape(len(gains), *[1] * (values.dim() - 2), 3)
    )


def map_colours(lighting: Lighting, function: Callable[[Tensor], Tensor]) -> Lighting:
    """Apply a linear colour function to every (S, ..., 3) colour of S lightings."""
    return dataclasses.replace(
        lighting,
        sh_coeffs=function(lighting.sh_coeffs),
        key_irradiance=function(lighting.key_irradiance),
        environment=None if lighting.environment is None else function(lighting.environment),
    )


def grey_mixer(grey: Tensor) -> Callable[[Tensor], Tensor]:
    """A function that takes the colour out of (S, ..., 3) where grey (S,) is 1: a grey photograph says
    nothing of the light's colour, so its light is grey by definition."""

    def mix(values: Tensor) -> Tensor:
        share = grey.reshape(len(grey), *[1] * (values.dim() - 1))
        return torch.lerp(values, color.luminance(values)[..., None].expand_as(values), share)

    return mix
