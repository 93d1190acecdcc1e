"""The family of networks and its contract.

A network is an `nn.Module` whose `forward(photo_srgb)` takes photographs (B, 3, H, W), sRGB-encoded in
[0, 1], H and W multiples of 16, and answers with a `Prediction` in float32, channel-last. A sample's
answer does not depend on the rest of its batch.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from ftb.nets.config import PRESETS, NetworkConfig
from ftb.nets.physics_unet import PhysicsUNet

__all__ = ["NETWORKS", "PRESETS", "NetworkConfig", "build_network"]

NETWORKS: dict[str, Callable[[NetworkConfig], nn.Module]] = {"physics": PhysicsUNet}


def build_network(config: NetworkConfig) -> nn.Module:
    """The network of `config`, its weights a function of `config` alone.

    The weights lie channel-last in memory: convolutions then run up to twice as fast on a CPU.
    """
    if config.kind not in NETWORKS:
        raise ValueError(f"net.kind: expected one of {', '.join(NETWORKS)}, got {config.kind!r}")
    # torch's constructors draw weights that are replaced at once: keep them off the caller's generator
    with torch.random.fork_rng(devices=[]):
        network = NETWORKS[config.kind](config)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
