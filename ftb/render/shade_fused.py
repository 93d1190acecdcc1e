"""Shading of whole pictures by fused Warp kernels; CPU and CUDA, no gradients.

`ftb.render.shade` holds the differentiable twins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ftb.kernels.lanes import WIDTH as LANES
from ftb.kernels.start import wp
from ftb.kernels.starting import Packed, floats, launch, packed, spared
from ftb.maths import sh
from ftb.maths.shapes import expect_shape
from ftb.render import shade_kernel, shade_rows, vertex_kernel, vertex_rows
from ftb.render.faces import face_planes, facets
from ftb.render.light_maps import LightMaps
from ftb.render.shade import Shaded, Skin
from ftb.render.shadow import LEAST_TEXELS, Shadows, cast_shadows
from ftb.render.texture import Pyramid, made_late, pyramid
from ftb.scene.lighting_ops import total_sh
from ftb.types import Camera, Fragments, Lighting, Mesh, TensorData


@dataclass(frozen=True, kw_only=True)
class Illumination(TensorData):
    """Everything light-dependent about S pictures: `lighting` (S, ...) in the camera frame,
    its `maps`, and `sky_visibility` (S, V, 3) of the vertices."""

    lighting: Lighting
    maps: LightMaps
    sky_visibility: Tensor


@dataclass(frozen=True, kw_only=True)
class Prepared(TensorData):
    """What `shade_fused` else makes: used (S, V), planes (B · F, 4) and irradiance (S, 9, 3) as of
    `seen_vertices`, `face_planes` and `order2_irradiance`; layers as of `empty_layers`, to be filled."""

    used: Tensor
    planes: Tensor
    irradiance: Tensor
    layers: Shaded


def order2_irradiance(lighting: Lighting) -> Tensor:
    """Coefficients (S, 9, 3) of the unshadowed irradiance of all light to order 2."""
    return sh.irradiance_coeffs(total_sh(lighting, order=2))


def seen_vertices(mesh: Mesh, fragments: Fragments) -> Tensor:
    """Which vertices belong to a face that a picture shows: (S, V) uint8, 0 or 1."""
    if fragments.seen is not None:
        return fragments.seen
    samples, vertices = len(fragments.pix_to_face), mesh.vertices.shape[1]
    used = torch.zeros(samples, vertices, dtype=torch.uint8, device=fragments.pix_to_face.device)
    shown = torch.zeros(samples * len(mesh.faces), dtype=torch.uint8, device=used.device)
    inputs = [fragments.pix_to_face, fragments.pix_to_face[0].numel(), len(mesh.faces), shown]
    launch(vertex_kernel.mark_faces, fragments.pix_to_face.numel(), inputs, used.device)
    faces = mesh.faces.to(torch.int32).contiguous()
    launch(vertex_kernel.mark_vertices, shown.numel(), [shown, faces, vertices, used], used.device)
    return used


def shade_fused(
    mesh: Mesh,
    skin: Skin,
    camera: Camera,
    fragments: Fragments,
    light: Illumination,
    *,
    prepared: Prepared | None = None,
) -> Shaded:
    """Shade S square pictures of B heads, S / B in a row of each; `mesh` (B shapes) in the heads' frames,
    `camera.cam_from_world` from them; textures of `skin` (B, T, T, ·), or of one head as they are.

    Key lights cast soft shadows by shadow maps; the environment is shadowed by `light.sky_visibility`.
    """
    size = _checked_size(mesh, skin, fragments)
    if prepared is None:
        layers = empty_layers(light.lighting.key_irradiance, size)
        used, total = seen_vertices(mesh, fragments), order2_irradiance(light.lighting)
        prepared = Prepared(used=used, planes=face_planes(mesh), irradiance=total, layers=layers)
    used, shaded = prepared.used, prepared.layers
    shadows = cast_shadows(mesh, camera, light.lighting, used, size=max(size, LEAST_TEXELS))
    late = made_late(skin.albedo_linear, len(used) // len(mesh.vertices), size)
    textures = pyramid(skin.albedo_linear, skin.material, late=late)
    records = _lit_vertices(mesh, camera, light, prepared, textures)
    shapes = facets(mesh, prepared.planes, textures.size)
    lit = _Lit(light=light, shadows=shadows, textures=textures, records=records, facets=shapes)
    inputs = [_view(camera, fragments), _surface(mesh, lit), _light(camera, lit)]
    SHADERS[shaded.mask.device.type](inputs, shaded)
    return shaded


def _checked_size(mesh: Mesh, skin: Skin, fragments: Fragments) -> int:
    """H of the pictures (S, H, H). Kernels would read beyond what does not fit together."""
    samples, size = expect_shape(fragments.pix_to_face, "S H H", name="fragments.pix_to_face").values()
    if size % 16:
        raise ValueError(f"fragments.pix_to_face: expected (S, H, H) with H a multiple of 16, got H = {size}")
    heads, skins = len(mesh.vertices), len(skin.albedo_linear) if skin.albedo_linear.dim() == 4 else 1
    if heads != skins or samples % heads:
        raise ValueError(
            f"mesh.vertices: expected one shape for each skin, as many pictures of each; got {heads} shapes, "
            f"{skins} skins, {samples} pictures"
        )
    return size


@dataclass(frozen=True, kw_only=True)
class _Lit:
    """What the pixels look up."""

    light: Illumination
    shadows: Shadows
    textures: Pyramid
    records: Tensor
    facets: Tensor


def _lit_vertices(
    mesh: Mesh, camera: Camera, light: Illumination, prepared: Prepared, textures: Pyramid
) -> Tensor:
    """Records (S · V, 16) of the vertices that are used; see `vertex_kernel`."""
    (heads, count), device = mesh.vertices.shape[:2], mesh.vertices.device
    shape = {
        "heads": heads,
        "vertices": floats(mesh.vertices),
        "normals": floats(mesh.normals),
        "uvs": torch.zeros(count, 2, device=device) if mesh.uvs is None else floats(mesh.uvs),
        "texels": textures.finest,
        "size": textures.size,
    }
    seen = {
        "used": prepared.used,
        "rotations": floats(camera.cam_from_world[:, :3, :3]),
        "translations": floats(camera.cam_from_world[:, :3, 3]),
        "sky": floats(light.sky_visibility),
        "sh_irradiance": floats(prepared.irradiance),
    }
    records = torch.empty(prepared.used.numel(), 16, device=device)
    VERTEX_LIGHTERS[device.type](shape, seen, _maps(light.maps), records)
    return records


def light_by_rows(shape: dict, seen: dict, maps: Packed, records: Tensor) -> None:
    """Fill the records, a picture a thread; shape, seen: fields of these structs of `vertex_rows`."""
    room = torch.empty(len(shape["uvs"]) + LANES, dtype=torch.int32)
    inputs = [packed(vertex_rows.Shape, **shape), packed(vertex_rows.Seen, **seen), maps, room, records]
    launch(vertex_rows.light_vertex_rows, len(seen["rotations"]), inputs, records.device)


def light_by_vertices(shape: dict, seen: dict, maps: Packed, records: Tensor) -> None:
    """As `light_by_rows`, a vertex a thread."""
    places = [shape["heads"], shape["vertices"], shape["normals"], shape["uvs"]]
    cameras = [seen["rotations"], seen["translations"], seen["sky"], seen["sh_irradiance"]]
    inputs = [seen["used"], *places, *cameras, maps, shape["texels"], shape["size"], records]
    launch(vertex_kernel.light_vertices, len(records), inputs, records.device)


# By kind of device.
VERTEX_LIGHTERS: dict[str, Callable[[dict, dict, Packed, Tensor], None]] = {
    "cpu": light_by_rows,
    "cuda": light_by_vertices,
}


def _by_rows(inputs: list, shaded: Shaded) -> None:
    """Fill `shaded`, a row a thread."""
    names = ("mask", "radiance", "normals", "albedos", "irradiance", "visibility", "light_visibility")
    planes = dict(zip(names, _planes(shaded), strict=True))
    layers = packed(shade_rows.Layers, metered=shaded.metered, **planes)
    launch(shade_rows.shade_rows, shaded.mask[..., 0].numel(), [*inputs, layers], shaded.mask.device)


def _by_pixels(inputs: list, shaded: Shaded) -> None:
    """Fill `shaded`, a pixel a thread."""
    planes = _planes(shaded)
    for layer in planes:
        layer.zero_()
    shaded.visibility.fill_(1.0)
    launch(shade_kernel.shade_pixels, shaded.mask.numel(), [*inputs, *planes], shaded.mask.device)


# By kind of device.
SHADERS: dict[str, Callable[[list, Shaded], None]] = {"cpu": _by_rows, "cuda": _by_pixels}


def _planes(shaded: Shaded) -> list[Tensor]:
    """All layers as they lie in memory, where the last two dimensions are rows and columns."""
    colours = [shaded.radiance_linear, shaded.normals, shaded.albedo_linear, shaded.irradiance_linear]
    colours = [layer.permute(0, 3, 1, 2) for layer in colours]
    lights = shaded.light_visibility
    lights = shaded.mask.new_empty(0) if lights is None else lights.permute(0, 3, 1, 2)
    return [shaded.mask, *colours, shaded.visibility, lights]


def _view(camera: Camera, fragments: Fragments) -> Packed:
    return packed(
        shade_kernel.View,
        size=fragments.pix_to_face.shape[-1],
        orthographic=camera.orthographic,
        half_width=floats(camera.half_width),
        rotations=floats(camera.cam_from_world[:, :3, :3]),
        pix_to_face=fragments.pix_to_face,
        bary_coords=floats(fragments.bary_coords),
        depth=floats(fragments.depth),
    )


def _surface(mesh: Mesh, lit: _Lit) -> Packed:
    return packed(
        shade_kernel.Surface,
        heads=len(mesh.vertices),
        vertices=mesh.vertices.shape[1],
        records=lit.records,
        faces=mesh.faces.to(torch.int32).contiguous(),
        facets=lit.facets,
        width=lit.textures.size,
        levels=len(lit.textures.starts),
        made=lit.textures.made,
        finest=lit.textures.finest,
        coarser=lit.textures.coarser,
        starts=lit.textures.starts,
    )


def _light(camera: Camera, lit: _Lit) -> Packed:
    """The environment's maps, the key lights, and the way from camera space into their shadow maps."""
    lighting, shadows = lit.light.lighting, lit.shadows
    world = camera.cam_from_world.float()[shadows.samples.clamp_min(0).long()]  # (L, 4, 4)
    frames = shadows.frames @ world[:, :3, :3].transpose(-1, -2)  # from the camera's frame
    scale = shadows.window[:, 2:]
    axes = frames * torch.cat([scale, scale, torch.ones_like(scale)], dim=-1)[..., None]
    corner = -(axes @ world[:, :3, 3:])[..., 0]
    corner[:, :2] -= shadows.window[:, :2] * scale
    tangent = torch.tan(lighting.key_angular_radius.float())[..., None]
    key = [
        lighting.key_dirs.float(),
        lighting.key_irradiance.float(),
        tangent,
        shadows.slot[..., None].float(),
    ]
    maps = lit.light.maps
    return packed(
        shade_kernel.Light,
        **_map_fields(maps, "mirror", "glossy"),
        count=lighting.key_dirs.shape[-2],
        keys=floats(torch.cat(key, dim=-1)),
        axes=floats(axes),
        frames=floats(frames),
        corners=torch.cat([corner, scale], dim=-1),
        texels=shadows.depth.shape[-1],
        shadow=shadows.depth,
    )


def _maps(maps: LightMaps) -> Packed:
    fields = _map_fields(maps, "irradiance", "mirror", "glossy")
    if maps.mirror.is_cpu:  # whose kernel reads a number more, but none of the mirror
        fields |= {name: spared(fields[name]) for name in ("irradiance", "glossy")}
    return packed(vertex_kernel.Maps, **fields)


def _map_fields(maps: LightMaps, *names: str) -> dict[str, Any]:
    heights = wp.vec2i(maps.mirror.shape[1], maps.irradiance.shape[1])
    return {"heights": heights, **{name: floats(getattr(maps, name)) for name in names}}


def empty_layers(key_irradiance: Tensor, size: int, *, by_light: bool = True) -> Shaded:
    """Layers to be filled, size × size pixels, for key lights (S, N, 3). Colours and lights lie in planes.

    by_light: whether `light_visibility` is wanted; a GPU's kernel makes it in any case.
    """
    device, (samples, keys) = key_irradiance.device, key_irradiance.shape[:2]
    by_light = by_light or device.type != "cpu"
    lights = torch.empty(samples, keys, size, size, device=device) if by_light else None
    planes = [torch.empty(samples, 3, size, size, device=device) for _ in range(4)]
    colour = [plane.permute(0, 2, 3, 1) for plane in planes]
    return Shaded(
        radiance_linear=colour[0],
        mask=torch.empty(samples, size, size, device=device),
        normals=colour[1],
        albedo_linear=colour[2],
        irradiance_linear=colour[3],
        visibility=torch.empty(samples, size, size, device=device),
        light_visibility=None if lights is None else lights.permute(0, 2, 3, 1),
        metered=torch.empty(samples, size, 10) if device.type == "cpu" else None,
    )
