"""The least-squares fit inside the network, on faces whose normals and light are known."""

from __future__ import annotations

import dataclasses

import torch
from torch.nn import functional
from torch.testing import assert_close

from ftb.maths import sh, sphere
from ftb.nets.base import build_network
from ftb.nets.config import NetworkConfig
from ftb.nets.light_fit import fit_harmonics


def lit(sh_coeffs: torch.Tensor, normals: torch.Tensor) -> torch.Tensor:
    """E/π (1, P, 3) of harmonics (9, 3) on normals (P, 3)."""
    return (sh.irradiance_from_sh(sh_coeffs, normals) / torch.pi)[None]


def test_known_harmonics_come_back():
    """On normals all around nothing is left open, and the ridge pulls each band down by its share."""
    normals = sphere.fibonacci_directions(800).float()
    sh_coeffs = torch.randn(9, 3, generator=torch.Generator().manual_seed(2))
    found = fit_harmonics(lit(sh_coeffs, normals), normals[None], torch.ones(1, 800))[0]
    assert_close(found[1:4], sh_coeffs[1:4], rtol=0.02, atol=0.01)


def test_pixels_without_trust_do_not_count():
    normals = sphere.fibonacci_directions(800).float()
    sh_coeffs = torch.randn(9, 3, generator=torch.Generator().manual_seed(2))
    white = lit(sh_coeffs, normals)
    trust = torch.ones(1, 800)
    trust[:, ::3] = 0.0
    spoilt = white.clone()
    spoilt[:, ::3] = 50.0
    assert_close(
        fit_harmonics(spoilt, normals[None], trust),
        fit_harmonics(white, normals[None], trust),
        atol=1e-4,
        rtol=0,
    )


def test_one_light_is_found_from_the_half_that_a_camera_sees():
    normals = sphere.fibonacci_directions(4000).float()
    normals = normals[normals[:, 2] > 0.1]
    for toward in ([0.0, 0.0, 1.0], [0.6, 0.3, 0.74], [-0.8, -0.2, 0.57]):
        direction = functional.normalize(torch.tensor(toward), dim=0)
        white = (normals @ direction).clamp_min(0.0)[None, :, None].expand(1, -1, 3) / torch.pi
        found = fit_harmonics(white, normals[None], torch.ones(1, len(normals)))[0, [3, 1, 2], 0]
        angle = torch.rad2deg(torch.acos((functional.normalize(found, dim=0) @ direction).clamp(-1, 1)))
        assert angle < 12.0, toward


def test_a_network_without_the_fit_has_none_of_its_weights():
    without = build_network(dataclasses.replace(NetworkConfig(), light_fit=False))
    assert not [name for name, _ in without.named_parameters() if "fit" in name]
    assert [name for name, _ in build_network(NetworkConfig()).named_parameters() if "light_fit" in name]
