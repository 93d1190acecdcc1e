"""Deferred shading of a head in linear light: the readable, differentiable twin of `shade_fused`.

L = albedo/π · (V_sky(p) ⊙ E_env(n) + Σ_j V_j(p) E_j max(n·l_j, 0))
  + V_sky · ρ(f0, α, n·v) · L_env,α(r) + Σ_j V_j E_j f_ggx(n, v, l_j) max(n·l_j, 0)

with E_env and L_env,α looked up in `light_maps`. Direct light only. The fused kernels look both up at
vertices and interpolate them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ftb.maths import brdf, color, envmap
from ftb.maths.shapes import expect_shape
from ftb.render.light_maps import GLOSS_ALPHAS, LightMaps
from ftb.types import Lighting, TensorData


@dataclass(frozen=True, kw_only=True)
class Skin(TensorData):
    """Textures of one head: albedo_linear (T, T, 3); material (T, T, 2): perceptual roughness, F0. For
    `shade_fused` of B heads: (B, T, T, ·)."""

    albedo_linear: Tensor
    material: Tensor


@dataclass(frozen=True, kw_only=True)
class Surface(TensorData):
    """What shading needs at each of P points of S samples, camera frame.

    normals, view_dirs (S, P, 3) unit; albedo_linear (S, P, 3); material (S, P, 2) roughness and F0;
    sky_visibility (S, P, 3); light_visibility (S, P, N), one for each key light.
    """

    normals: Tensor
    view_dirs: Tensor
    albedo_linear: Tensor
    material: Tensor
    sky_visibility: Tensor
    light_visibility: Tensor


@dataclass(frozen=True, kw_only=True)
class Shaded(TensorData):
    """radiance_linear (S, H, W, 3); mask (S, H, W) float 0 or 1; normals (S, H, W, 3) camera frame;
    albedo_linear (S, H, W, 3); irradiance_linear (S, H, W, 3): order-2 `total_sh` irradiance of each
    normal; visibility (S, H, W), 1 where empty; light_visibility (S, H, W, N), or None where nobody asked
    for it. Elsewhere 0 where empty.

    metered (S, H, 10), or None where it was not summed up: over each row, the covered pixels, the albedo of
    each colour, and of radiance the products rr, gg, bb, rg, gb, br."""

    radiance_linear: Tensor
    mask: Tensor
    normals: Tensor
    albedo_linear: Tensor
    irradiance_linear: Tensor
    visibility: Tensor
    light_visibility: Tensor | None
    metered: Tensor | None = None


def sample_texture(texture: Tensor, uvs: Tensor) -> Tensor:
    """Bilinear lookup, clamped at the border. texture (T, T, C), uvs (..., 2), v up → (..., C)."""
    size = expect_shape(texture, "T U C", name="texture")["T"]
    x = (uvs[..., 0] * size - 0.5).clamp(0.0, size - 1.001)
    y = ((1.0 - uvs[..., 1]) * size - 0.5).clamp(0.0, size - 1.001)
    x0, y0 = x.long(), y.long()
    x_part, y_part = (x - x0)[..., None], (y - y0)[..., None]
    upper = texture[y0, x0] * (1.0 - x_part) + texture[y0, x0 + 1] * x_part
    lower = texture[y0 + 1, x0] * (1.0 - x_part) + texture[y0 + 1, x0 + 1] * x_part
    return upper * (1.0 - y_part) + lower * y_part


def environment_reflectance(f0: Tensor, roughness: Tensor, n_v: Tensor) -> Tensor:
    """Directional albedo of the GGX lobe: the analytic fit of Karis (2014, "Physically Based Shading on
    Mobile") after Lazarov (2013). All arguments broadcast."""
    r0 = 1.0 - roughness
    r1 = 0.0425 - 0.0275 * roughness
    r2 = 1.04 - 0.572 * roughness
    r3 = 0.022 * roughness - 0.04
    a004 = torch.minimum(r0 * r0, torch.exp2(-9.28 * n_v)) * r0 + r1
    return (f0 * (-1.04 * a004 + r2) + 1.04 * a004 + r3).clamp_min(0.0)


def glossy_radiance(maps: LightMaps, directions: Tensor, alpha: Tensor) -> Tensor:
    """Environment radiance averaged over a GGX lobe. directions (S, P, 3), alpha (S, P, 1) → (S, P, 3)."""
    nodes = (0.0, *GLOSS_ALPHAS)
    levels = [envmap.sample(maps.mirror, directions)]
    levels += [envmap.sample(maps.glossy[:, level], directions) for level in range(len(GLOSS_ALPHAS))]
    result = torch.zeros_like(levels[0])
    for level, radiance in enumerate(levels):
        # Hat functions over the nodes; beyond the last node its map is kept.
        rising = torch.ones_like(alpha)
        if level > 0:
            rising = ((alpha - nodes[level - 1]) / (nodes[level] - nodes[level - 1])).clamp(0.0, 1.0)
        falling = torch.zeros_like(alpha)
        if level + 1 < len(nodes):
            falling = ((alpha - nodes[level]) / (nodes[level + 1] - nodes[level])).clamp(0.0, 1.0)
        result = result + radiance * (rising - falling).clamp_min(0.0)
    return result


@dataclass(frozen=True, kw_only=True)
class EnvironmentLight(TensorData):
    """What reaches P points of S samples from the environment: irradiance that arrives, occlusion included
    (S, P, 3); radiance about the mirrored eye, averaged over the lobe, without occlusion (S, P, 3)."""

    arriving: Tensor
    gloss: Tensor


def environment_light(surface: Surface, maps: LightMaps) -> EnvironmentLight:
    """Looked up for each point. `shade_fused` does so at vertices and interpolates, except for `gloss` of
    sharp reflections."""
    normals, views = surface.normals, surface.view_dirs
    mirrored = 2.0 * (normals * views).sum(-1, keepdim=True) * normals - views
    alpha = surface.material[..., :1].clamp(0.05, 1.0).square()
    return EnvironmentLight(
        arriving=envmap.sample(maps.irradiance, normals) * surface.sky_visibility,
        gloss=glossy_radiance(maps, mirrored, alpha),
    )


def shade_surface(surface: Surface, lighting: Lighting, environment: EnvironmentLight) -> Tensor:
    """Radiance towards the eye of P points of S samples, linear → (S, P, 3).

    Differentiable with respect to every field of `surface` and to the lighting (through `environment`, and
    the key lights). Does not: carry gradients of visibility with respect to geometry or light
    directions; visibility is given, and its derivative at shadow edges is missing, not zero.
    """
    expect_shape(surface.normals, "S P 3", name="surface.normals")
    normals, views = surface.normals, surface.view_dirs
    roughness = surface.material[..., :1].clamp(0.05, 1.0)
    alpha, f0 = roughness.square(), surface.material[..., 1:2]
    n_v = (normals * views).sum(-1, keepdim=True).clamp(1e-3, 1.0)
    irradiance = environment.arriving
    occlusion = color.luminance(surface.sky_visibility)[..., None]
    specular = environment.gloss * environment_reflectance(f0, roughness, n_v) * occlusion
    for key in range(lighting.key_dirs.shape[-2]):
        towards = lighting.key_dirs[:, None, key]  # (S, 1, 3)
        strength = lighting.key_irradiance[:, None, key] * surface.light_visibility[..., key, None]
        cosine = (normals * towards).sum(-1, keepdim=True).clamp_min(0.0)
        irradiance = irradiance + strength * cosine
        # A wide light widens the highlight (Karis 2013, representative sphere).
        wide = (alpha + 0.5 * torch.tan(lighting.key_angular_radius[:, None, key, None])).clamp_max(1.0)
        lobe = brdf.specular_ggx(normals, views, towards.expand_as(normals), wide[..., 0], f0)
        specular = specular + strength * cosine * lobe
    # F0 under 2 % is an occluded or absent surface (Karis 2014): no reflection at all for 0.
    specular = specular * (50.0 * f0).clamp_max(1.0)
    return brdf.lambert(surface.albedo_linear) * irradiance + specular
