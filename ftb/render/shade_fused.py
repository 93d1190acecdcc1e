"""Shading of whole pictures by one fused Warp kernel; CPU and CUDA, no gradients.

`ftb.render.shade.shade_surface` is the differentiable twin.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ftb.maths import sh
from ftb.render.light_maps import LightMaps
from ftb.render.shade import Shaded, Skin
from ftb.render.shade_kernel import Geometry, Layers, Light, shade_kernel
from ftb.render.shadow import MAP_SIZE, ShadowMaps, shadow_maps
from ftb.render.warp_start import wp
from ftb.scene.lighting_ops import total_sh
from ftb.types import Camera, Fragments, Lighting, Mesh, TensorData


@dataclass(frozen=True, kw_only=True)
class Illumination(TensorData):
    """Everything light-dependent about S pictures of one head: `lighting` (S, ...) in the camera frame,
    its `maps`, and `sky_visibility` (S, V, 3) of the vertices."""

    lighting: Lighting
    maps: LightMaps
    sky_visibility: Tensor


def _vec3(tensor: Tensor) -> wp.array:
    return wp.from_torch(tensor.contiguous(), dtype=wp.vec3)


def shade_fused(mesh: Mesh, skin: Skin, camera: Camera, fragments: Fragments, light: Illumination) -> Shaded:
    """Shade S pictures of one head; `mesh` in the head's frame, `camera.cam_from_world` from it.

    Key lights cast soft shadows by shadow maps; the environment is shadowed by `light.sky_visibility`.
    """
    rotations = camera.cam_from_world[:, :3, :3].float().contiguous()
    bary_coords = fragments.bary_coords.float().contiguous()
    eyes = -(rotations.transpose(-1, -2) @ camera.cam_from_world[:, :3, 3:].float())[..., 0].contiguous()
    shaded = _empty(fragments, light.lighting.key_dirs.shape[-2])
    geometry, geometry_tensors = _geometry(mesh, skin)
    light_struct, light_tensors = _light(mesh, rotations, light)
    wp.launch(
        shade_kernel,
        dim=tuple(fragments.pix_to_face.shape),
        inputs=[
            wp.from_torch(fragments.pix_to_face),
            _vec3(bary_coords),
            wp.from_torch(rotations, dtype=wp.mat33),
            _vec3(eyes),
            geometry,
            light_struct,
            _layers(shaded),
        ],
        device=wp.device_from_torch(fragments.pix_to_face.device),
    )
    del geometry_tensors, light_tensors  # structs do not keep their arrays alive: these had to
    return shaded


def _empty(fragments: Fragments, keys: int) -> Shaded:
    """Layers to be written where a face is; elsewhere they keep what they are made with."""
    covered = fragments.pix_to_face >= 0
    colour = [torch.zeros(*covered.shape, 3, device=covered.device) for _ in range(4)]
    return Shaded(
        radiance_linear=colour[0],
        mask=covered.float(),
        normals=colour[1],
        albedo_linear=colour[2],
        irradiance_linear=colour[3],
        visibility=torch.ones(covered.shape, device=covered.device),
        light_visibility=torch.zeros(*covered.shape, keys, device=covered.device),
    )


def _layers(shaded: Shaded) -> Layers:
    layers = Layers()
    layers.radiance, layers.normals = _vec3(shaded.radiance_linear), _vec3(shaded.normals)
    layers.albedo, layers.irradiance = _vec3(shaded.albedo_linear), _vec3(shaded.irradiance_linear)
    layers.visibility = wp.from_torch(shaded.visibility)
    layers.light_visibility = wp.from_torch(shaded.light_visibility)
    return layers


def _geometry(mesh: Mesh, skin: Skin) -> tuple[Geometry, list[Tensor]]:
    vertices = mesh.vertices[0].float().contiguous()
    normals = mesh.normals[0].float().contiguous()
    uvs = (
        torch.zeros(len(vertices), 2, device=vertices.device) if mesh.uvs is None else mesh.uvs
    ).contiguous()
    faces = mesh.faces.to(torch.int32).contiguous()
    albedo, material = skin.albedo_linear.float().contiguous(), skin.material.float().contiguous()
    geometry = Geometry()
    geometry.vertices, geometry.normals = _vec3(vertices), _vec3(normals)
    geometry.uvs = wp.from_torch(uvs, dtype=wp.vec2)
    geometry.faces = wp.from_torch(faces)
    geometry.albedo = _vec3(albedo)
    geometry.material = wp.from_torch(material, dtype=wp.vec2)
    return geometry, [vertices, normals, uvs, faces, albedo, material]


def _light(mesh: Mesh, rotations: Tensor, light: Illumination) -> tuple[Light, list[Tensor]]:
    lighting = light.lighting
    slots, shadows = _cast_shadows(mesh, rotations, lighting)
    glossy = light.maps.glossy.flatten(0, 1).contiguous()
    coeffs = sh.irradiance_coeffs(total_sh(lighting, order=2)).float().contiguous()
    tensors = [
        slots,
        glossy,
        coeffs,
        lighting.key_dirs.float().contiguous(),
        lighting.key_irradiance.float().contiguous(),
        lighting.key_angular_radius.float().contiguous(),
        light.maps.irradiance.contiguous(),
        light.maps.mirror.contiguous(),
        light.sky_visibility.float().contiguous(),
        shadows.frames,
        shadows.depth,
    ]
    struct = Light()
    struct.shadow_index, struct.glossy, struct.sh_irradiance = (
        wp.from_torch(slots),
        _vec3(glossy),
        _vec3(coeffs),
    )
    struct.key_dirs, struct.key_irradiance = _vec3(tensors[3]), _vec3(tensors[4])
    struct.key_radius = wp.from_torch(tensors[5])
    struct.irradiance, struct.mirror = _vec3(tensors[6]), _vec3(tensors[7])
    struct.sky_visibility = _vec3(tensors[8])
    struct.shadow_frames = wp.from_torch(shadows.frames, dtype=wp.mat33)
    struct.shadow_depth = wp.from_torch(shadows.depth)
    struct.shadow_centre = wp.vec3(*shadows.centre.tolist())
    struct.shadow_scale = 0.5 * MAP_SIZE / shadows.half_width
    return struct, tensors


def _cast_shadows(mesh: Mesh, rotations: Tensor, lighting: Lighting) -> tuple[Tensor, ShadowMaps]:
    """One map for each key light that shines. slots (S, N) int32: which map, −1 for an absent light."""
    shining = lighting.key_irradiance.amax(-1) > 0.0  # (S, N)
    slots = torch.where(shining, shining.flatten().cumsum(0).reshape(shining.shape) - 1, -1).to(torch.int32)
    in_head = torch.einsum("snc,scd->snd", lighting.key_dirs.float(), rotations)  # Rᵀ applied
    return slots.contiguous(), shadow_maps(mesh, in_head[shining])
