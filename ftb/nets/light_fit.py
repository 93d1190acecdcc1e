"""Light read off the face: the harmonics that explain the photograph on the predicted normals and albedo.

Every pixel of known normal n and albedo ρ is a measurement of irradiance, E(n) = π L/ρ; nine harmonics are
fitted to all of them by least squares, inside the network, with a weight for each pixel that is learnt
through the answer: skin in the light counts, hair, eyes, highlights and cast shadows do not.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ftb.maths import color, sh
from ftb.nets.blocks import ConvNorm, conv1, upsample_to, widened
from ftb.nets.config import NetworkConfig

# Ridge on bands 0, 1 and 2 as a share of the normal matrix's mean diagonal: from one side, a face cannot tell
# a constant from n_z and 3 n_z² − 1.
_RIDGE = (0.01, *(0.003,) * 3, *(0.03,) * 5)
_LEAST_ALBEDO = 0.02
_TRUST_CHANNELS = 16
# Coefficients relative to the light's level; beyond this they only say that the fit failed.
_LIMIT = 4.0
FIT_NUMBERS = 27 + 3 + 1


class LightFit(nn.Module):
    """Encoder maps, photograph, albedo and normals -> numbers (B, 31) about the light, in proportion to none.

    0..26: the fitted harmonics (9, 3) over the level of their mean luminance; 27..29: the direction of their
    luminance's first band, as a unit vector; 30: logarithm of the level.
    """

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.level = {1: 0, 2: 0, 4: 1}[config.output_stride]
        self.fine = ConvNorm(config.map_widths[self.level], _TRUST_CHANNELS, config.norm_channels)
        self.context = conv1(config.map_widths[3], _TRUST_CHANNELS, bias=True)
        self.exit = conv1(_TRUST_CHANNELS, 1, bias=True)

    def forward(self, maps: list[Tensor], photo_srgb: Tensor, albedo: Tensor, normals: Tensor) -> Tensor:
        """photo_srgb (B, 3, H, W); albedo and normals (B, h, w, 3), to which no gradient flows."""
        features = self.fine(maps[self.level])
        features = features + upsample_to(self.context(maps[3]), features.shape[-2:])
        logits = upsample_to(self.exit(functional.relu(features)), normals.shape[1:3])
        with torch.autocast(photo_srgb.device.type, enabled=False):
            trust = torch.sigmoid(widened(logits))[:, 0].flatten(1)  # (B, P)
            linear = color.linear_from_srgb(widened(photo_srgb))
            stride = photo_srgb.shape[-1] // normals.shape[2]
            radiance = functional.avg_pool2d(linear, stride).permute(0, 2, 3, 1)
            white = radiance / albedo.detach().clamp_min(_LEAST_ALBEDO)  # E/π, were nothing in the way
            return _numbers(fit_harmonics(white.flatten(1, 2), normals.detach().flatten(1, 2), trust))


def fit_harmonics(white: Tensor, normals: Tensor, trust: Tensor) -> Tensor:
    """argmin over radiance harmonics L of Σ w (white − E_L(n)/π)² + ridge: (B, 9, 3).

    white (B, P, 3): radiance over albedo, which is E/π; normals (B, P, 3) unit; trust (B, P) ≥ 0. After
    Ramamoorthi and Hanrahan 2001, eq. 9. In double precision: where few normals are seen the matrix is close
    to singular, and single precision would answer with the order of its sums.
    """
    like, white, normals, trust = white, white.double(), normals.double(), trust.double()
    response = sh.irradiance_coeffs(white.new_ones(9, 3))[:, 0] / torch.pi  # (9,)
    basis = sh.evaluate(normals, 2) * response  # (B, P, 9)
    weighted = basis * (trust / trust.sum(dim=1, keepdim=True).clamp_min(1e-4))[..., None]
    gram = weighted.transpose(1, 2) @ basis
    scale = gram.diagonal(dim1=1, dim2=2).mean(-1)[:, None, None] + 1e-4
    ridge = scale * torch.diag(white.new_tensor(_RIDGE))
    return torch.linalg.solve(gram + ridge, weighted.transpose(1, 2) @ white).to(like.dtype)


def _numbers(sh_coeffs: Tensor) -> Tensor:
    """What the lighting head is told of fitted harmonics (B, 9, 3): (B, 31)."""
    luminance = color.luminance(sh_coeffs)  # (B, 9)
    level = luminance[:, :1].abs() + 0.02
    towards = luminance[:, [3, 1, 2]]  # bands y, z, x as x, y, z
    direction = functional.normalize(towards, dim=1, eps=1e-3)
    relative = (sh_coeffs / level[..., None]).clamp(-_LIMIT, _LIMIT)
    return torch.cat([relative.flatten(1), direction, torch.log(level)], dim=1)
