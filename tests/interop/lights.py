"""A light without symmetries, for checking other programs' frames against ours."""

from __future__ import annotations

import torch

from ftb.types import Lighting


def crooked_light(*, order: int = 2, keys: int = 1) -> Lighting:
    """Unbatched: every coefficient and channel differs, the radiance stays positive."""
    generator = torch.Generator().manual_seed(5)
    coeffs = 0.12 * torch.randn((order + 1) ** 2, 3, generator=generator)
    coeffs[0] = torch.tensor([2.5, 2.0, 1.6])
    dirs = torch.tensor([[0.6, 0.48, 0.64], [-0.8, 0.36, -0.48]])
    irradiance = torch.tensor([[2.0, 1.6, 1.1], [0.4, 0.7, 0.9]])
    return Lighting(
        sh_coeffs=coeffs,
        key_dirs=dirs[:keys],
        key_irradiance=irradiance[:keys],
        key_angular_radius=torch.tensor([0.02, 0.2])[:keys],
    )
