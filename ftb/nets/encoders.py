"""The encoders that a network may have, and the files of weights that they start from."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ftb.nets.config import NetworkConfig
from ftb.nets.efficientnet import CLASSIFIER_PARTS, EfficientNetLite0, imagenet_weights
from ftb.nets.encoder import Encoder
from ftb.nets.image_encoder import ImageEncoder
from ftb.nets.resnet import CLASSIFIER, ResNet34

# The word for the weights of the extra of that name.
IMAGENET = "imagenet"


@dataclass(frozen=True, kw_only=True)
class EncoderKind:
    """How an encoder is made. beyond: how the names of what its files have beside it begin; imagenet: finds
    the file of ImageNet weights that can be installed, where there is one."""

    build: Callable[[NetworkConfig], ImageEncoder]
    beyond: tuple[str, ...] = ()
    imagenet: Callable[[], Path] | None = None


ENCODERS: dict[str, EncoderKind] = {
    "residual": EncoderKind(build=Encoder),
    "resnet34": EncoderKind(build=lambda config: ResNet34(), beyond=CLASSIFIER),
    "efficientnet_lite0": EncoderKind(
        build=lambda config: EfficientNetLite0(), beyond=CLASSIFIER_PARTS, imagenet=imagenet_weights
    ),
}


def build_encoder(config: NetworkConfig) -> ImageEncoder:
    """The encoder of `config`, frozen if that says so; its weights are drawn by whom it is part of."""
    if config.encoder not in ENCODERS:
        raise ValueError(f"net.encoder: expected one of {', '.join(ENCODERS)}, got {config.encoder!r}")
    encoder = ENCODERS[config.encoder].build(config)
    return encoder.freeze() if config.encoder_frozen else encoder


def start_encoder(encoder: ImageEncoder, config: NetworkConfig) -> None:
    """Give an encoder the weights that `config.encoder_weights` names; none named, nothing happens.

    A file holds a state dictionary: safetensors, or one of torch, of which only tensors are read. The
    classifier in it is left out. ValueError in one line where it does not fit.
    """
    if not config.encoder_weights:
        return
    kind = ENCODERS[config.encoder]
    if config.encoder_weights == IMAGENET and kind.imagenet is None:
        known = [name for name, other in ENCODERS.items() if other.imagenet]
        raise ValueError(
            f"net.encoder_weights: expected a file, since {IMAGENET} is for {', '.join(known)} alone, "
            f"got net.encoder={config.encoder}"
        )
    named = config.encoder_weights == IMAGENET
    path = kind.imagenet() if named and kind.imagenet else Path(config.encoder_weights)
    found = {name: tensor for name, tensor in read_state(path).items() if not name.startswith(kind.beyond)}
    _fit(encoder, found, path)


def _fit(encoder: ImageEncoder, found: dict[str, Tensor], path: Path) -> None:
    """Load all of `found`, which must be all of the encoder but counters of batches, that old files lack."""
    wanted = encoder.state_dict()
    counters = {name for name in wanted if name.endswith("num_batches_tracked")}
    problems = [f"no {name}" for name in wanted if name not in found and name not in counters]
    problems += [f"{name} beside it" for name in found if name not in wanted]
    problems += [
        f"{name} of {tuple(found[name].shape)} and not {tuple(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in found and found[name].shape != tensor.shape
    ]
    if problems:
        raise ValueError(f"{path}: does not fit net.encoder: {problems[0]} ({len(problems)} such)")
    encoder.load_state_dict(found, strict=False)


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name: safetensors, or a state dictionary of torch; runs no code from it."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of encoder weights")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        loaded: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError) as error:
        reason = str(error).splitlines()[0] if str(error) else "it ends early"
        raise ValueError(f"{path}: not a readable file of weights: {reason}") from error
    if not isinstance(loaded, dict) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise ValueError(f"{path}: expected a state dictionary of tensors, got {type(loaded).__name__}")
    return loaded
