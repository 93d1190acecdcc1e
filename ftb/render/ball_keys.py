"""Key lights on a rough ball, evaluated analytically at every pixel."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ftb.maths import brdf, sphere
from ftb.render import ball_transport as transport
from ftb.scene.materials import BallMaterial
from ftb.types import Lighting

# Cosines are kept this far from 0 in quotients and this far inside [−1, 1] under roots.
EPS = 1e-4
# Rings of small discs that stand for one key light's disc in a highlight: more where it is sharp.
HIGHLIGHT_RINGS = 1
SHARP_HIGHLIGHT_RINGS = 2


def key_reflection(lighting: Lighting, material: BallMaterial, size: int) -> Tensor:
    """(..., P, 3): radiance of a rough ball's pixels from the key lights.

    The diffuse part by the exact irradiance of a disc of light, softened terminator included. The
    highlight as that of a few smaller discs, each by GGX of a roughness that its radius widens.
    """
    present = (lighting.key_irradiance != 0.0).any(dim=-1)  # (..., N)
    # Counting them would make a GPU wait, and an absent light may still ask for its gradient.
    if present.device.type != "cpu" or lighting.key_irradiance.requires_grad or bool(present.all()):
        return _reflection(lighting, material, size)
    lead, keys = present.shape[:-1], present.shape[-1]
    shining = present.flatten().nonzero()[:, 0]
    alone = Lighting(
        sh_coeffs=lighting.sh_coeffs.new_zeros(len(shining), 0, 3),
        key_dirs=lighting.key_dirs.reshape(-1, 1, 3)[shining],
        key_irradiance=lighting.key_irradiance.reshape(-1, 1, 3)[shining],
        key_angular_radius=lighting.key_angular_radius.reshape(-1, 1)[shining],
    )
    reflected = _reflection(alone, material, size)  # (K, P, 3)
    total = reflected.new_zeros(math.prod(lead), *reflected.shape[1:])
    return total.index_add(0, shining // max(keys, 1), reflected).reshape(*lead, -1, 3)


def _reflection(lighting: Lighting, material: BallMaterial, size: int) -> Tensor:
    """As `key_reflection`, of all lights, absent ones included."""
    count = transport.samples_along(material, size)
    samples = transport.disc_samples(size, count, lighting.key_dirs.device, lighting.key_dirs.dtype)
    normals = samples.normals.flatten(0, 1)  # (P · n², 3)
    radius = lighting.key_angular_radius
    received = disc_cosine(normals @ lighting.key_dirs.transpose(-1, -2), radius[..., None, :])
    response = received * (material.albedo / brdf.PI)  # (..., P · n², N)
    if material.f0 is not None:
        fresnel = brdf.fresnel_schlick(half_cosine(lighting.key_dirs), material.f0)[..., None, :]
        response = (1.0 - fresnel) * response
        response = response + received_highlight(normals, lighting, received, material)
    response = (response.unflatten(-2, (-1, count * count)) * samples.share[..., None]).sum(dim=-2)
    return response @ lighting.key_irradiance


def half_cosine(light_dirs: Tensor) -> Tensor:
    """v·h (...) of lights (..., 3) for v = +Z, where |v + l|² = 2 (1 + v·l)."""
    return torch.sqrt((0.5 + 0.5 * light_dirs[..., 2]).clamp_min(EPS**2))


def received_highlight(
    normals: Tensor, lighting: Lighting, received: Tensor, material: BallMaterial
) -> Tensor:
    """(..., M, N): F D G / (4 (n·v) (n·l)) times cosine at normals (M, 3); `received` cosines (..., M, N).

    Masking is that of the whole disc; F D is the mean over the small discs.
    """
    half_dirs, radius, half = highlight_discs(lighting, material)
    n_dot_v = normals[:, 2:].clamp_min(EPS)  # (M, 1)
    fresnel = brdf.fresnel_schlick(half, material.f0 or 0.0) / half.shape[-1]
    alpha = widened_alpha(material.alpha, radius)[..., None, :]  # (..., 1, N)
    reflected = torch.zeros_like(received)  # (..., M, N)
    for disc in range(half.shape[-1]):  # one after the other: all at once would not fit in a cache
        n_dot_h = normals @ half_dirs[..., disc, :].transpose(-1, -2)
        density = brdf.ggx_distribution(n_dot_h, alpha)
        reflected = reflected + fresnel[..., None, :, disc] * density
    # G₁(l)/(4 n·l n·v) times the cosine n·l: the light's own cosine cancels.
    masking = brdf.smith_g1(n_dot_v, material.alpha) / (4.0 * n_dot_v)
    return reflected * masking * brdf.smith_g1(received, material.alpha)


def highlight_discs(lighting: Lighting, material: BallMaterial) -> tuple[Tensor, Tensor, Tensor]:
    """The small discs that stand for key lights in a highlight: half vectors (..., N, D, 3) between them and
    v = +Z, unit; angular radius (..., N); v·h (..., N, D)."""
    rings = HIGHLIGHT_RINGS if material.alpha > 0.15 else SHARP_HIGHLIGHT_RINGS
    dirs, radius = split_discs(lighting.key_dirs, lighting.key_angular_radius, rings)  # (..., N, D, 3)
    half = half_cosine(dirs)  # (..., N, D)
    # (v + l) / |v + l|, of length 2 v·h before they are made unit
    half_dirs = torch.cat((dirs[..., :2], dirs[..., 2:] + 1.0), dim=-1) / (2.0 * half[..., None])
    return half_dirs, radius, half


def split_discs(light_dirs: Tensor, radius: Tensor, rings: int) -> tuple[Tensor, Tensor]:
    """Directions (..., N, 1 + 3 rings (rings + 1), 3) of equal small discs, and their radius (..., N).

    light_dirs (..., N, 3) unit and radius (..., N) radians of the disc lights that they make up.
    """
    points = _ring_points(rings, light_dirs.device, light_dirs.dtype)
    across = torch.sin(radius[..., None, None]) * points  # (..., N, count, 2)
    along = torch.sqrt((1.0 - across.square().sum(dim=-1, keepdim=True)).clamp_min(EPS))
    frame = sphere.frame_about(light_dirs)  # (..., N, 3, 3)
    dirs = torch.cat((across, along), dim=-1) @ frame.transpose(-1, -2)
    return dirs, radius / math.sqrt(len(points))


@transport.constant
def _ring_points(rings: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Points (1 + 3 rings (rings + 1), 2) in the unit disc: its centre and rings of 6, 12, ... points.

    Each ring lies where, with the extent of the small discs themselves, the second moment is the disc's.
    """
    count = 1 + 3 * rings * (rings + 1)
    points = [(0.0, 0.0)]
    for ring in range(1, rings + 1):
        inner, outer = 1 + 3 * ring * (ring - 1), 1 + 3 * ring * (ring + 1)
        distance = math.sqrt((0.5 * (inner + outer) - 0.5) / count)
        turns = [2.0 * math.pi * (step + 0.5 * (ring % 2)) / (6 * ring) for step in range(6 * ring)]
        points += [(distance * math.cos(turn), distance * math.sin(turn)) for turn in turns]
    return torch.tensor(points, dtype=torch.float64).to(device, dtype)


def widened_alpha(alpha: float, radius: Tensor) -> Tensor:
    """GGX roughness that makes up for a disc light's radius (...) in radians.

    The light's disc spans half its angles in the slopes of the microfacets, hence α + radius/2 (Karis
    2013, eq. 14, for a sphere light); joined in squares it is closer to the integral over the disc.
    """
    return torch.sqrt(alpha * alpha + 0.25 * radius * radius)


def disc_cosine(cosines: Tensor, radius: Tensor) -> Tensor:
    """Irradiance of a uniform disc of light over that of a surface which faces it, in [0, 1].

    cosines (...): between the normal and the disc's centre; radius: its angular radius in radians, below
    90°. Equals max(cosines, 0) unless the horizon cuts the disc (Snyder 1996; Lagarde and de Rousiers
    2014, listing 7). At cosine 0 and small radius: 2 radius / (3π).
    """
    sine = torch.sin(radius).clamp_min(EPS)
    cut = cosines.abs() < sine
    c = torch.where(cut, cosines, 0.0)
    across = torch.sqrt(1.0 - c * c)
    cotangent = torch.sqrt(1.0 / (sine * sine) - 1.0)
    y = (-cotangent * c / across).clamp(-1.0 + EPS**2, 1.0 - EPS**2)
    chord = across * torch.sqrt(1.0 - y * y)
    partial = c * torch.acos(y) - cotangent * chord + torch.atan(chord / cotangent) / (sine * sine)
    return torch.where(cut, partial.clamp_min(0.0) / brdf.PI, cosines.clamp_min(0.0))
