"""A classical answer: the harmonics that explain a photograph of known normals and one albedo."""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.maths import brdf, color, sh
from ftb.maths.shapes import expect_shape
from ftb.types import Lighting

TYPICAL_ALBEDO = 0.28
# A face shows half of the sphere of normals at most, where constant, n_z and 3n_z² − 1 look alike: what the
# data leave open is held near 0, by these shares of their weight for bands 0, 1 and 2. Chosen on validation
# data; with 0.003 for all bands, directions are worse than a guess.
_RIDGE = (0.03, *(0.003,) * 3, *(0.1,) * 5)


def fit_lighting(photo_srgb: Tensor, normals: Tensor, mask: Tensor) -> Lighting:
    """argmin over order-2 harmonics of Σ mask · (I − albedo/π · E(n))², with a ridge: B lights.

    photo_srgb (B, H, W, 3), encoded: taken as linear radiance after the sRGB curve; normals (B | 1, H, W, 3)
    unit, camera frame; mask (B | 1, H, W). Albedo 0.28 everywhere; no key light. Shadows, highlights, hair
    and the camera's own curve are what it cannot know (after Ramamoorthi and Hanrahan 2001, eq. 9).
    """
    dims = expect_shape(photo_srgb, "B H W 3", name="photo_srgb")
    batch = dims["B"]
    radiance = color.linear_from_srgb(photo_srgb.double()).flatten(1, 2)  # (B, P, 3)
    normals = normals.double().expand(batch, -1, -1, -1).flatten(1, 2)
    weights = mask.double().expand(batch, -1, -1).flatten(1)[..., None]  # (B, P, 1)
    albedo = radiance.new_tensor(TYPICAL_ALBEDO)
    response = sh.irradiance_coeffs(radiance.new_ones(9, 3))[:, 0]  # (9,)
    basis = brdf.lambert(albedo) * sh.evaluate(normals, 2) * response  # (B, P, 9)
    gram = basis.transpose(1, 2) @ (weights * basis)
    weight = gram.diagonal(dim1=1, dim2=2).mean(-1)[:, None, None] + 1e-12
    ridge = weight * torch.diag(radiance.new_tensor(_RIDGE))
    target = basis.transpose(1, 2) @ (weights * radiance)  # (B, 9, 3)
    solved = torch.linalg.solve(gram + ridge, target)
    like = photo_srgb
    return Lighting(
        sh_coeffs=solved.to(like),
        key_dirs=like.new_tensor([0.0, 0.0, 1.0]).expand(batch, 1, 3),
        key_irradiance=like.new_zeros(batch, 1, 3),
        key_angular_radius=like.new_zeros(batch, 1),
    )
