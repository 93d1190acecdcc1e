"""From a drawn chunk to face and ball: the corridor of the house.

rasterize → shade (light maps, sky visibility, shadow maps) → scatter → expose → soften outlines → ball →
develop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from ftb.render.antialias import Outlines
from ftb.render.ball_rows import render_balls
from ftb.render.base import Rasterizer
from ftb.render.develop import exposure_gains
from ftb.render.develop_fused import photograph
from ftb.render.faces import face_planes
from ftb.render.head_cache import HeadCache
from ftb.render.light_maps import LightMaps, light_maps
from ftb.render.occluder import put_before
from ftb.render.scatter import scatter_keys
from ftb.render.shade import Shaded
from ftb.render.shade_fused import (
    Illumination,
    Prepared,
    empty_layers,
    order2_irradiance,
    seen_vertices,
    shade_fused,
)
from ftb.render.sitting import Sitting, sittings
from ftb.render.sky import shadowed_share, sky_radiance
from ftb.scene.capture import Capture
from ftb.scene.lighting_ops import grey_mixer, irradiance, map_colours, scale_lighting
from ftb.scene.sampler import Chunk
from ftb.types import Camera, Lighting, Mesh, Pair, TensorData, concatenate


@dataclass(frozen=True, kw_only=True)
class _Drawn(TensorData):
    """What was drawn for each of S samples, of whatever heads."""

    camera: Camera
    lighting: Lighting
    capture: Capture
    index: Tensor
    landmarks: Tensor
    scatter: Tensor | None


def render_chunk(
    chunk: Chunk, rasterizer: Rasterizer, heads: HeadCache, *, size: int, ball_size: int
) -> Pair:
    """Render S pairs of one head; everything on the device of the chunk's tensors."""
    return render_chunks([chunk], rasterizer, heads, size=size, ball_size=ball_size)


def render_chunks(
    chunks: Sequence[Chunk],
    rasterizer: Rasterizer,
    heads: HeadCache,
    *,
    size: int,
    ball_size: int,
    device: torch.device | None = None,
) -> Pair:
    """Render all pairs of some chunks, in their order, everything at once that can be: what does not depend
    on the head, and heads of one topology. On `device`, or where the chunks are."""
    each = [
        _Drawn(**{field.name: getattr(chunk, field.name) for field in fields(_Drawn)}) for chunk in chunks
    ]
    drawn = concatenate(each) if len(each) > 1 else each[0]
    together = sittings(chunks, apart=heads.recurring)
    if device is not None:
        drawn, together = drawn.to(device), [sitting.to(device) for sitting in together]
    share = _Share(
        maps=light_maps(drawn.lighting),
        irradiance=order2_irradiance(drawn.lighting),
        sky=sky_radiance(drawn.lighting, drawn.camera.cam_from_world[:, :3, :3], heads.directions),
        lighting=drawn.lighting,
        layers=empty_layers(drawn.lighting.key_irradiance, size, by_light=drawn.scatter is not None),
    )
    outlines: list[Outlines] = []
    first = 0
    for sitting in together:
        part = slice(first, first + len(sitting.camera.near))
        outlines += _shade(sitting, rasterizer, heads, share[part])
        first = part.stop
    return _photograph(drawn, share.layers, outlines, ball_size)


@dataclass(frozen=True, kw_only=True)
class _Share(TensorData):
    """One sitting's share of what is computed for all: maps and `order2_irradiance` of its lights, what the
    sky sends (S, D, 3), the lights, and the layers to be filled."""

    maps: LightMaps
    irradiance: Tensor
    sky: Tensor
    lighting: Lighting
    layers: Shaded


def _shade(sitting: Sitting, rasterizer: Rasterizer, heads: HeadCache, share: _Share) -> list[Outlines]:
    """Fill the layers of a sitting, and say where they may have outlines."""
    mesh, camera, size = sitting.mesh, sitting.camera, share.layers.mask.shape[-1]
    shapes = _a_shape_each(mesh, len(camera.near))
    fragments = rasterizer.rasterize(shapes, camera, size, cull_backfaces=heads.front_only(sitting))
    used = seen_vertices(mesh, fragments)
    light = Illumination(
        lighting=share.lighting,
        maps=share.maps,
        sky_visibility=shadowed_share(heads.transfer(sitting, used), share.sky, used),
    )
    planes = face_planes(mesh)
    prepared = Prepared(used=used, planes=planes, irradiance=share.irradiance, layers=share.layers)
    shade_fused(mesh, sitting.skin, camera, fragments, light, prepared=prepared)
    return heads.outlines(sitting, fragments, planes)


def _a_shape_each(mesh: Mesh, pictures: int) -> Mesh:
    """As the rasterizer wants them: one shape for all pictures, or one for each."""
    heads = len(mesh.vertices)
    if heads in (1, pictures):
        return mesh
    shapes = mesh.vertices.repeat_interleave(pictures // heads, dim=0)
    return replace(mesh, vertices=shapes)  # it asks for no normals


def _photograph(drawn: _Drawn, shaded: Shaded, outlines: list[Outlines], ball_size: int) -> Pair:
    capture, lighting = drawn.capture, drawn.lighting
    shaded = scatter_keys(shaded, lighting, drawn.scatter)
    facing = torch.nn.functional.pad(lighting.key_dirs.new_ones(1, 1), (2, 0))  # +Z, made on the device
    colour = irradiance(lighting, facing).squeeze(-2).clamp_min(0.0)  # (S, 3)
    gains = exposure_gains(shaded, colour, capture)
    mask, stands = shaded.mask, []
    for row, cover in put_before(shaded, lighting, capture):
        stands.append((row, cover.to(mask.dtype)))  # factors: many times faster than choices
    for row, cover in stands:
        # Painted pixels count as seen in the photograph, so that no backdrop is put there.
        torch.maximum(mask[row], cover, out=mask[row])
        _hide(outlines, row, cover)
    lighting = scale_lighting(lighting, gains)
    photo_srgb, shaded = photograph(shaded, gains, drawn.camera, lighting, capture, outlines)
    for row, cover in stands:
        mask[row].mul_(1.0 - cover)  # who learns from the pair leaves them out
    lighting = map_colours(lighting, grey_mixer(capture.grey))
    return Pair(
        photo_srgb=photo_srgb,
        mask=mask,
        normals=shaded.normals,
        albedo_linear=shaded.albedo_linear,
        visibility=shaded.visibility,
        residual_linear=shaded.radiance_linear,
        ball_linear=render_balls(lighting, "gray", ball_size, apart=True),
        lighting=lighting,
        index=drawn.index,
        landmarks=drawn.landmarks,
    )


def _hide(outlines: list[Outlines], row: int, cover: Tensor) -> None:
    """Leave out outlines behind covered pixels of picture number `row` of all."""
    for some in outlines:
        if 0 <= row < len(some.depth):
            some.hide(row, cover)
        row -= len(some.depth)
