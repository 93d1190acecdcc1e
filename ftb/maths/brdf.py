"""Reflectance: Lambert, GGX microfacets, and the glTF 2.0 dielectric.

`normals`, `view_dirs`, `light_dirs` (..., 3) are unit and point away from the surface; `alpha` (...) is
roughness², above 0. A BRDF value is without the cosine, per steradian, and 0 where light or eye is below
the surface. Colours carry a channel dimension: F0 is a number, or (..., 1), or (..., 3).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ftb.maths.shapes import expect_shape

PI = math.pi


def lambert(albedo_linear: Tensor) -> Tensor:
    """The Lambert BRDF albedo/π (...) of an albedo (...); times irradiance it is radiance. 1 → 0.318310."""
    return albedo_linear / PI


def ggx_distribution(n_dot_h: Tensor, alpha: Tensor | float) -> Tensor:
    """Density D (...) of microfacet normals whose cosine to the surface normal is `n_dot_h` (...).

    D = α² / (π ((n·h)² (α² − 1) + 1)²), 0 below the surface (Trowbridge & Reitz 1975; Walter et al. 2007,
    eq. 33). ∫ D cosθ dω over the hemisphere is 1. α = 0.5: D(1) = 1.273240.
    """
    square = alpha * alpha
    spread = n_dot_h * n_dot_h * (square - 1) + 1
    return torch.where(n_dot_h > 0, square / (PI * spread * spread), 0)


def smith_g1(n_dot_v: Tensor, alpha: Tensor | float) -> Tensor:
    """Smith's masking G₁ (...) for GGX of one direction at cosine `n_dot_v` (...), 0 below the surface.

    G₁ = 2 c / (c + √(α² + (1 − α²) c²)) (Walter et al. 2007, eq. 34). G₁(1) = 1.
    """
    cosine = n_dot_v.clamp(min=_EPS)
    return torch.where(n_dot_v > 0, 2 * cosine / (cosine + _slope(cosine, alpha)), 0)


def smith_masking(n_dot_v: Tensor, n_dot_l: Tensor, alpha: Tensor | float) -> Tensor:
    """Height-correlated Smith masking-shadowing G₂ (...) for GGX (Heitz 2014, eq. 99).

    G₂ = 2 v l / (l √(α² + (1 − α²) v²) + v √(α² + (1 − α²) l²)) with the cosines v and l (...). It is
    at least G₁(v) G₁(l), and never more than either.
    """
    return 4 * n_dot_v * n_dot_l * _correlated_visibility(n_dot_v, n_dot_l, alpha)


def fresnel_schlick(v_dot_h: Tensor, f0: Tensor | float) -> Tensor:
    """Fresnel reflectance F0 + (1 − F0) (1 − v·h)⁵, shapes broadcast (Schlick 1994, eq. 15).

    F0 = 0.04: 0.04 head on, 0.07 at v·h = 0.5, 1 at grazing.
    """
    rest = 1 - v_dot_h.clamp(0, 1)
    # Products: a library's power has other bits for the last few numbers of a tensor than for the rest.
    return f0 + (1 - f0) * (rest.square().square() * rest)


def specular_ggx(
    normals: Tensor, view_dirs: Tensor, light_dirs: Tensor, alpha: Tensor | float, f0: Tensor | float
) -> Tensor:
    """The GGX BRDF F D G₂ / (4 (n·v) (n·l)), height-correlated: (..., 1) for a number F0, else its channels.

    Heitz 2014, section 5. Head on with α = 0.5, F0 = 0.04: 0.012732.
    """
    v, l, h, f = _cosines(normals, view_dirs, light_dirs)  # noqa: E741
    specular = ggx_distribution(h, alpha) * _correlated_visibility(v, l, alpha)
    return fresnel_schlick(f[..., None], f0) * specular[..., None]


def specular_ggx_separable(
    normals: Tensor, view_dirs: Tensor, light_dirs: Tensor, alpha: Tensor | float, f0: Tensor | float
) -> Tensor:
    """As `specular_ggx` with the separable G₁(v) G₁(l), which Mitsuba's conductor and glTF's appendix B use.

    Walter et al. 2007, eq. 20 and 23. A little darker at grazing angles.
    """
    v, l, h, f = _cosines(normals, view_dirs, light_dirs)  # noqa: E741
    specular = ggx_distribution(h, alpha) * _separable_visibility(v, l, alpha)
    return fresnel_schlick(f[..., None], f0) * specular[..., None]


def gltf_dielectric(
    normals: Tensor,
    view_dirs: Tensor,
    light_dirs: Tensor,
    base_linear: Tensor,
    alpha: Tensor | float,
    f0: Tensor | float = 0.04,
) -> Tensor:
    """The non-metal of glTF 2.0, appendix B: mix(base/π, D V, F), for base colours (..., 3).

    F is Schlick's with v·h, V = G/(4 (n·v) (n·l)) with the separable Smith G of the appendix. Both parts
    share F, so the whole is reciprocal; a white base gives back a little more than it gets at grazing angles
    (1.08 of it at 80°, α = 0.25), as the appendix has it. Head on, base 0.18, α = 0.25: 0.105934.
    """
    v, l, h, f = _cosines(normals, view_dirs, light_dirs)  # noqa: E741
    specular = (ggx_distribution(h, alpha) * _separable_visibility(v, l, alpha))[..., None]
    above = ((v > 0) & (l > 0))[..., None]
    diffuse = torch.where(above, lambert(base_linear), 0)
    return diffuse + fresnel_schlick(f[..., None], f0) * (specular - diffuse)


# Cosines below this count as this within a quotient whose value there is masked out: keeps both finite.
_EPS = 1e-6


def _slope(cosine: Tensor, alpha: Tensor | float) -> Tensor:
    square = alpha * alpha
    return torch.sqrt(square + (1 - square) * cosine * cosine)


def _correlated_visibility(n_dot_v: Tensor, n_dot_l: Tensor, alpha: Tensor | float) -> Tensor:
    """G₂ / (4 v l), written so that nothing is divided by a vanishing cosine."""
    v, l = n_dot_v.clamp(min=_EPS), n_dot_l.clamp(min=_EPS)  # noqa: E741
    value = 0.5 / (l * _slope(v, alpha) + v * _slope(l, alpha))
    return torch.where((n_dot_v > 0) & (n_dot_l > 0), value, 0)


def _separable_visibility(n_dot_v: Tensor, n_dot_l: Tensor, alpha: Tensor | float) -> Tensor:
    """G₁(v) G₁(l) / (4 v l)."""
    v, l = n_dot_v.clamp(min=_EPS), n_dot_l.clamp(min=_EPS)  # noqa: E741
    value = 1 / ((v + _slope(v, alpha)) * (l + _slope(l, alpha)))
    return torch.where((n_dot_v > 0) & (n_dot_l > 0), value, 0)


def _cosines(normals: Tensor, view_dirs: Tensor, light_dirs: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """n·v, n·l, n·h and v·h, each (...), with the half vector h = (v + l)/|v + l|."""
    for value, name in ((normals, "normals"), (view_dirs, "view_dirs"), (light_dirs, "light_dirs")):
        expect_shape(value, "... 3", name=name)
    n_dot_v = (normals * view_dirs).sum(-1)
    n_dot_l = (normals * light_dirs).sum(-1)
    v_dot_l = (view_dirs * light_dirs).sum(-1)
    # |v + l|² = 2 (1 + v·l): 0 only where light and eye are opposite, and one of them is then below.
    length = torch.sqrt((2 + 2 * v_dot_l).clamp(min=_EPS))
    return n_dot_v, n_dot_l, (n_dot_v + n_dot_l) / length, (1 + v_dot_l) / length
