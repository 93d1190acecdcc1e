"""The family of networks and its contract.

A network is an `nn.Module` with an `encoder`, whose `forward(photo_srgb)` takes photographs (B, 3, H, W),
sRGB-encoded in [0, 1], H and W multiples of 16, and answers with a `Prediction` in float32, channel-last.
Its `light_only` takes the same and answers with the light of that `Prediction`, as a `LightAnswer`, without
computing what only the rest needs.
In evaluation mode, a sample's answer does not depend on the rest of its batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from ftb.nets.config import PRESETS, NetworkConfig
from ftb.nets.direct import DirectUNet
from ftb.nets.physics_unet import PhysicsUNet
from ftb.nets.pix2pix import pix2pix_generator
from ftb.nets.ridge import RidgeNetwork

__all__ = ["NETWORKS", "PRESETS", "NetworkConfig", "NetworkKind", "build_network"]


@dataclass(frozen=True, kw_only=True)
class NetworkKind:
    """How a network is made, and how it learns: an entry of `ftb.training.learners.LEARNERS`."""

    build: Callable[[NetworkConfig], nn.Module]
    learning: str = "gradient"


NETWORKS: dict[str, NetworkKind] = {
    "physics": NetworkKind(build=PhysicsUNet),
    "direct": NetworkKind(build=DirectUNet),
    "pix2pix": NetworkKind(build=pix2pix_generator, learning="adversarial"),
    "ridge": NetworkKind(build=RidgeNetwork, learning="closed form"),
}


def build_network(config: NetworkConfig) -> nn.Module:
    """The network of `config`, its weights a function of the numbers in `config` alone.

    `encoder_weights` are not read: a checkpoint brings its own, and `nets.encoders.start_encoder` is for a
    run that starts. The weights lie channel-last in memory: convolutions then run up to twice as fast on a
    CPU.
    """
    if config.kind not in NETWORKS:
        raise ValueError(f"net.kind: expected one of {', '.join(NETWORKS)}, got {config.kind!r}")
    # torch's constructors draw weights that are replaced at once: keep them off the caller's generator
    with torch.random.fork_rng(devices=[]):
        network = NETWORKS[config.kind].build(config)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
