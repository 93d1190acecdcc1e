"""Key lights on a rough ball, evaluated analytically at every pixel."""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.maths import brdf
from ftb.render import ball_transport as transport
from ftb.scene.materials import BallMaterial
from ftb.types import Lighting

# Cosines are kept this far from 0 in quotients and this far inside [−1, 1] under roots.
_EPS = 1e-4


def key_reflection(lighting: Lighting, material: BallMaterial, size: int) -> Tensor:
    """(..., P, 3): radiance of a rough ball's pixels from the key lights.

    Diffuse by the exact irradiance of a disc of light, softened terminator included; the highlight by
    GGX of a roughness that the disc's radius widens.
    """
    count = transport.samples_along(material, size)
    samples = transport.disc_samples(size, count, lighting.key_dirs.device, lighting.key_dirs.dtype)
    normals = samples.normals.flatten(0, 1)  # (P · n², 3)
    radius = lighting.key_angular_radius[..., None, :]  # (..., 1, N)
    light_dirs = lighting.key_dirs  # (..., N, 3)
    cosines = normals @ light_dirs.transpose(-1, -2)  # (..., P · n², N)
    received = disc_cosine(cosines, radius)
    response = received * (material.albedo / brdf.PI)
    if material.f0 is not None:
        # |v + l|² = 2 (1 + v·l) with v = +Z
        half = torch.sqrt((2.0 + 2.0 * light_dirs[..., None, :, 2]).clamp_min(_EPS**2))  # (..., 1, N)
        fresnel = brdf.fresnel_schlick(0.5 * half, material.f0)
        n_dot_v = normals[:, 2:]  # (P · n², 1)
        alpha = widened_alpha(material.alpha, radius)
        density = brdf.ggx_distribution((n_dot_v + cosines) / half, alpha)
        masking = brdf.smith_g1(n_dot_v.clamp_min(_EPS), material.alpha) / (4.0 * n_dot_v.clamp_min(_EPS))
        # G₁(l)/(4 n·l n·v) times the cosine n·l: the light's own cosine cancels.
        specular = density * masking * brdf.smith_g1(received, material.alpha)
        response = (1.0 - fresnel) * response + fresnel * specular
    response = (response.unflatten(-2, (-1, count * count)) * samples.share[..., None]).sum(dim=-2)
    return response @ lighting.key_irradiance


def widened_alpha(alpha: float, radius: Tensor) -> Tensor:
    """GGX roughness that makes up for a disc light's radius (...) in radians.

    A highlight is the light's disc seen at half its angles in the slopes of the microfacets, hence
    α' = α + radius/2 (Karis 2013, eq. 14, for a sphere light), joined in squares.
    """
    return torch.sqrt(alpha * alpha + 0.5 * radius * radius)


def disc_cosine(cosines: Tensor, radius: Tensor) -> Tensor:
    """Irradiance of a uniform disc of light over that of a surface which faces it, in [0, 1].

    cosines (...): between the normal and the disc's centre; radius: its angular radius in radians, below
    90°. Equals max(cosines, 0) unless the horizon cuts the disc (Snyder 1996; Lagarde and de Rousiers
    2014, listing 7). At cosine 0 and small radius: 2 radius / (3π).
    """
    sine = torch.sin(radius).clamp_min(_EPS)
    cut = cosines.abs() < sine
    c = torch.where(cut, cosines, 0.0)
    across = torch.sqrt(1.0 - c * c)
    cotangent = torch.sqrt(1.0 / (sine * sine) - 1.0)
    y = (-cotangent * c / across).clamp(-1.0 + _EPS**2, 1.0 - _EPS**2)
    chord = across * torch.sqrt(1.0 - y * y)
    partial = c * torch.acos(y) - cotangent * chord + torch.atan(chord / cotangent) / (sine * sine)
    return torch.where(cut, partial.clamp_min(0.0) / brdf.PI, cosines.clamp_min(0.0))
