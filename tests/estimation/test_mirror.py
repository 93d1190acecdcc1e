"""A mirrored photograph has mirrored light."""

from __future__ import annotations

import torch
from torch.testing import assert_close

from ftb.estimation.mirror import light_both_ways, mirror_lighting, mirror_prediction, predict_both_ways
from ftb.maths import envmap, sh
from ftb.nets.base import NETWORKS, build_network
from ftb.nets.config import NetworkConfig
from ftb.scene.lighting_ops import total_sh
from ftb.types import Lighting

FLIP = torch.tensor([-1.0, 1.0, 1.0])


def lighting(order: int = 4) -> Lighting:
    draw = torch.Generator().manual_seed(3)
    return Lighting(
        sh_coeffs=torch.randn(2, (order + 1) ** 2, 3, generator=draw),
        key_dirs=torch.nn.functional.normalize(torch.randn(2, 1, 3, generator=draw), dim=-1),
        key_irradiance=torch.rand(2, 1, 3, generator=draw),
        key_angular_radius=torch.full((2, 1), 0.1),
        environment=torch.rand(2, 8, 16, 3, generator=draw),
    )


def test_mirrored_light_comes_from_the_other_side():
    light = lighting()
    mirror = mirror_lighting(light)
    dirs = torch.nn.functional.normalize(
        torch.randn(50, 3, generator=torch.Generator().manual_seed(1)), dim=-1
    )
    for part in (mirror.sh_coeffs, total_sh(mirror, 2)):
        original = light.sh_coeffs if part is mirror.sh_coeffs else total_sh(light, 2)
        assert_close(
            sh.radiance_from_sh(part, dirs), sh.radiance_from_sh(original, dirs * FLIP), atol=1e-5, rtol=1e-5
        )
    assert light.environment is not None
    assert mirror.environment is not None
    assert_close(envmap.sample(mirror.environment[0], dirs), envmap.sample(light.environment[0], dirs * FLIP))


def test_the_mean_of_both_ways_mirrors_exactly():
    network = build_network(NetworkConfig()).double().eval()
    draw = torch.Generator().manual_seed(0)
    photos = torch.rand(2, 3, 64, 64, generator=draw, dtype=torch.float64)
    with torch.no_grad():
        straight = predict_both_ways(network, photos)
        mirrored = mirror_prediction(predict_both_ways(network, photos.flip(3)))
        alone = network(photos)
    for name in ("ball_linear", "normals", "albedo_linear", "visibility", "residual_linear"):
        assert_close(getattr(straight, name), getattr(mirrored, name), atol=1e-6, rtol=1e-6)
    assert_close(straight.lighting.key_dirs, mirrored.lighting.key_dirs, atol=1e-6, rtol=1e-6)
    assert_close(straight.lighting.sh_coeffs, mirrored.lighting.sh_coeffs, atol=1e-6, rtol=1e-6)
    assert (straight.ball_linear - alone.ball_linear).abs().max() > 1e-4, "the mean is not one of the two"


def test_asked_for_the_light_alone_it_is_the_same_light():
    photos = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    for kind in NETWORKS:
        network = build_network(NetworkConfig(kind=kind)).eval()
        with torch.no_grad():
            whole = predict_both_ways(network, photos)
            alone = light_both_ways(network.light_only, photos)
        for name in ("sh_coeffs", "key_dirs", "key_irradiance", "key_angular_radius"):
            assert_close(getattr(alone.lighting, name), getattr(whole.lighting, name))
        told = whole.direction_error_deg
        assert (told is None) == (alone.direction_error_deg is None)
        assert told is None or torch.equal(told, alone.direction_error_deg)
