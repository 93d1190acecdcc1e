"""From a drawn chunk to face and ball: the corridor of the house.

rasterize → shade (light maps, sky visibility, shadow maps) → scatter → expose → soften outlines → ball →
develop.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ftb.maths import rotation
from ftb.maths.random import generator_for
from ftb.render.antialias import Outlines, mesh_edges
from ftb.render.antialias_fused import face_planes
from ftb.render.ball_rows import render_balls
from ftb.render.base import Rasterizer
from ftb.render.develop import exposure_gains
from ftb.render.develop_fused import photograph
from ftb.render.light_maps import LightMaps, light_maps
from ftb.render.occluder import put_before
from ftb.render.scatter import scatter_keys
from ftb.render.shade import Shaded, Skin
from ftb.render.shade_fused import (
    Illumination,
    Prepared,
    empty_layers,
    order2_irradiance,
    seen_vertices,
    shade_fused,
)
from ftb.render.sky import (
    Receivers,
    SkyTransfer,
    choose_receivers,
    needed_receivers,
    shadowed_share,
    sky_radiance,
    sky_transfer,
)
from ftb.scene.capture import Capture
from ftb.scene.heads import Head, HeadSource
from ftb.scene.lighting_ops import grey_mixer, irradiance, map_colours, scale_lighting
from ftb.scene.sampler import Chunk
from ftb.scene.scene_config import SceneConfig
from ftb.types import Camera, Fragments, Lighting, Pair, TensorData, concatenate

# Yaw and pitch from which a head is looked at, to see whether its back faces show; half the width of these
# pictures in distances between eyes and mouth; how many pixels may show otherwise.
LOOKS_DEG = ((0.0, 0.0), (35.0, 0.0), (-35.0, 0.0), (20.0, 20.0), (-20.0, -20.0))
LOOK_WIDTH = 1.5
LOOK_SIZE = 128
LOOK_TOLERANCE = 2e-3


class HeadCache:
    """What is computed once for a head, or for a topology: receivers, sky transfer, edges, whether its
    back faces show.

    Heads that come back under their names keep all of it. Procedural heads come once each: they share the
    receivers of one template head, never of whichever came first, or a pixel would depend on which worker
    drew it; and their rays are cast for what the pictures show only.
    """

    def __init__(
        self, config: SceneConfig, source: HeadSource, rasterizer: Rasterizer, keep: int = 64
    ) -> None:
        self._config = config
        self._rasterizer = rasterizer
        self._keep = keep
        self._known: dict[str, _KnownHead] = {}
        self._template: _KnownHead | None = None
        self.directions = config.sky_directions
        if not source.recurring:
            self._template = self._look_at(source.head(generator_for(0, "template", 0, "head")))

    def front_only(self, head: Head) -> bool:
        """Whether back faces need not be drawn."""
        return self._of(head).front_only

    def transfer(self, head: Head, used: Tensor) -> SkyTransfer:
        """Cast the rays of this head, or recall what they answered; on the device of the head.

        used (S, V) uint8: vertices that the pictures show; of a procedural head, others stay in the dark.
        """
        known = self._of(head)
        if known.transfer is not None:
            return known.transfer
        receivers = known.receivers.to(head.mesh.vertices.device)
        needed = needed_receivers(receivers, used)
        return sky_transfer(head.mesh, receivers, directions=self._config.sky_directions, needed=needed)

    def outlines(self, head: Head, camera: Camera, fragments: Fragments) -> list[Outlines]:
        """Where to look for edges that want softening: of one head, or none if they do not."""
        if not self._config.antialias:
            return []
        known, device = self._of(head), head.mesh.vertices.device
        if self._template is not None and known.edges.device != device:
            known = self._template = dataclasses.replace(known, edges=known.edges.to(device))
        found = Outlines(
            mesh=head.mesh,
            edges=known.edges,
            planes=face_planes(head.mesh),
            camera=camera,
            depth=fragments.depth,
            culled=known.front_only,
        )
        return [found]

    def _of(self, head: Head) -> _KnownHead:
        if self._template is not None:
            return self._template
        if head.name not in self._known:
            if len(self._known) >= self._keep:
                self._known.pop(next(iter(self._known)))
            known = self._look_at(head)
            transfer = sky_transfer(head.mesh, known.receivers, directions=self._config.sky_directions)
            self._known[head.name] = dataclasses.replace(known, transfer=transfer)
        return self._known[head.name]

    def _look_at(self, head: Head) -> _KnownHead:
        receivers = choose_receivers(head.mesh, self._config.sky_receivers)
        front_only = shows_front_only(head, self._rasterizer)
        return _KnownHead(receivers=receivers, front_only=front_only, edges=mesh_edges(head.mesh))


@dataclass(frozen=True, kw_only=True)
class _KnownHead:
    """One head, or all of one topology (whose transfer differs)."""

    receivers: Receivers
    front_only: bool
    edges: Tensor
    transfer: SkyTransfer | None = None


def shows_front_only(head: Head, rasterizer: Rasterizer) -> bool:
    """Whether back faces do not show where a photograph looks: at the face, from its front and sides."""
    mesh, marks = head.mesh, head.landmarks
    device = mesh.vertices.device
    eyes, mouth = marks[:2].mean(0), marks[3:].mean(0)
    angles = torch.deg2rad(torch.tensor(LOOKS_DEG, device=device))  # (L, 2)
    towards = torch.stack(
        [
            angles[:, 0].sin() * angles[:, 1].cos(),
            angles[:, 1].sin(),
            angles[:, 0].cos() * angles[:, 1].cos(),
        ],
        dim=-1,
    )
    centre, up = ((eyes + mouth) * 0.5).to(towards), torch.tensor([0.0, 1.0, 0.0], device=device)
    whole = torch.ones(len(towards), device=device)
    camera = Camera(
        cam_from_world=torch.stack([rotation.look_at(centre + view, centre, up) for view in towards]),
        half_width=whole * LOOK_WIDTH * float((eyes - mouth).norm()),
        near=whole * 0.01,
        orthographic=True,
    )
    seen = rasterizer.rasterize(mesh, camera, LOOK_SIZE).pix_to_face
    front = rasterizer.rasterize(mesh, camera, LOOK_SIZE, cull_backfaces=True).pix_to_face
    return float((seen != front).sum()) <= LOOK_TOLERANCE * float((seen >= 0).sum())


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
    chunks: Sequence[Chunk], rasterizer: Rasterizer, heads: HeadCache, *, size: int, ball_size: int
) -> Pair:
    """Render all pairs of some chunks, in their order: what does not depend on the head is done at once."""
    each = [
        _Drawn(**{field.name: getattr(chunk, field.name) for field in fields(_Drawn)}) for chunk in chunks
    ]
    drawn = concatenate(each) if len(each) > 1 else each[0]
    share = _Share(
        maps=light_maps(drawn.lighting),
        irradiance=order2_irradiance(drawn.lighting),
        sky=sky_radiance(drawn.lighting, drawn.camera.cam_from_world[:, :3, :3], heads.directions),
        layers=empty_layers(drawn.lighting.key_irradiance, size, by_light=drawn.scatter is not None),
    )
    outlines: list[Outlines] = []
    first = 0
    for chunk in chunks:
        part = slice(first, first + len(chunk.index))
        outlines += _shade(chunk, rasterizer, heads, share[part])
        first = part.stop
    return _photograph(drawn, share.layers, outlines, ball_size)


@dataclass(frozen=True, kw_only=True)
class _Share(TensorData):
    """One chunk's share of what is computed for all: maps and `order2_irradiance` of its lights, what the sky
    sends (S, D, 3), and the layers to be filled."""

    maps: LightMaps
    irradiance: Tensor
    sky: Tensor
    layers: Shaded


def _shade(chunk: Chunk, rasterizer: Rasterizer, heads: HeadCache, share: _Share) -> list[Outlines]:
    """Fill the layers of a chunk, and say where they may have outlines."""
    head, camera, size = chunk.head, chunk.camera, share.layers.mask.shape[-1]
    fragments = rasterizer.rasterize(head.mesh, camera, size, cull_backfaces=heads.front_only(head))
    used = seen_vertices(head.mesh, fragments)
    light = Illumination(
        lighting=chunk.lighting,
        maps=share.maps,
        sky_visibility=shadowed_share(heads.transfer(head, used), share.sky, used),
    )
    skin = Skin(albedo_linear=head.albedo_linear, material=head.material)
    prepared = Prepared(used=used, irradiance=share.irradiance, layers=share.layers)
    shade_fused(head.mesh, skin, camera, fragments, light, prepared=prepared)
    return heads.outlines(head, camera, fragments)


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
        ball_linear=render_balls(lighting, "gray", ball_size),
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
