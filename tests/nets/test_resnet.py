"""ResNet-34 against the usual ImageNet checkpoint: its names, its shapes, and its forward written out."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional
from torch.testing import assert_close

from ftb.nets.config import NetworkConfig
from ftb.nets.encoders import build_encoder, start_encoder
from ftb.nets.resnet import ResNet34

CONFIG = NetworkConfig(encoder="resnet34")
# He et al. 2016, table 1: blocks and channels of conv2_x to conv5_x; torchvision counts 21,797,672 numbers.
BLOCKS, WIDTHS = (3, 4, 6, 3), (64, 128, 256, 512)
NUMBERS = 21_797_672


def checkpoint(seed: int = 0) -> dict[str, Tensor]:
    """A state dictionary as such files hold it, older ones without counters, of drawn numbers."""
    shapes: dict[str, tuple[int, ...]] = {"conv1.weight": (64, 3, 7, 7), **batch_norm("bn1", 64)}
    inputs = 64
    for layer, (blocks, width) in enumerate(zip(BLOCKS, WIDTHS, strict=True), start=1):
        for block in range(blocks):
            name = f"layer{layer}.{block}"
            shapes[f"{name}.conv1.weight"] = (width, inputs, 3, 3)
            shapes |= batch_norm(f"{name}.bn1", width)
            shapes[f"{name}.conv2.weight"] = (width, width, 3, 3)
            shapes |= batch_norm(f"{name}.bn2", width)
            if block == 0 and layer > 1:
                shapes[f"{name}.downsample.0.weight"] = (width, inputs, 1, 1)
                shapes |= batch_norm(f"{name}.downsample.1", width)
            inputs = width
    shapes |= {"fc.weight": (1000, 512), "fc.bias": (1000,)}
    draws = torch.Generator().manual_seed(seed)
    values = {}
    for name, shape in shapes.items():
        value = torch.randn(shape, generator=draws)
        if len(shape) == 4:
            value *= (2.0 / (shape[1] * shape[2] * shape[3])) ** 0.5
        values[name] = value.abs() + 0.5 if name.endswith("running_var") else value
    return values


def batch_norm(name: str, channels: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}


def naive_maps(state: dict[str, Tensor], photo_srgb: Tensor) -> list[Tensor]:
    """The forward pass, function by function, straight from the names."""

    def normalised(x: Tensor, name: str) -> Tensor:
        weight, bias, mean, var = (
            state[f"{name}.{part}"][:, None, None]
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / torch.sqrt(var + 1e-5) * weight + bias

    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    x = functional.conv2d((photo_srgb - mean) / std, state["conv1.weight"], stride=2, padding=3)
    x = normalised(x, "bn1").clamp_min(0.0)
    maps = [x]
    x = functional.max_pool2d(x, 3, 2, 1)
    for layer, blocks in enumerate(BLOCKS, start=1):
        for block in range(blocks):
            name = f"layer{layer}.{block}"
            stride = 2 if layer > 1 and block == 0 else 1
            y = functional.conv2d(x, state[f"{name}.conv1.weight"], stride=stride, padding=1)
            y = normalised(y, f"{name}.bn1").clamp_min(0.0)
            y = normalised(functional.conv2d(y, state[f"{name}.conv2.weight"], padding=1), f"{name}.bn2")
            if f"{name}.downsample.0.weight" in state:
                x = functional.conv2d(x, state[f"{name}.downsample.0.weight"], stride=stride)
                x = normalised(x, f"{name}.downsample.1")
            x = (x + y).clamp_min(0.0)
        maps.append(x)
    return maps


def test_names_and_shapes_are_those_of_the_usual_checkpoint():
    ours = {
        name: tuple(tensor.shape)
        for name, tensor in ResNet34().state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    theirs = {name: tuple(tensor.shape) for name, tensor in checkpoint().items()}
    assert ours == {name: shape for name, shape in theirs.items() if not name.startswith("fc.")}
    weights = sum(p.numel() for p in ResNet34().parameters())
    assert weights + 1000 * 512 + 1000 == NUMBERS


SAVE = {
    "a.pth": torch.save,
    "old.pth": functools.partial(torch.save, _use_new_zipfile_serialization=False),  # as until 2020
    "a.safetensors": save_file,
}


@pytest.mark.parametrize("name", SAVE)
def test_a_file_loads_and_answers_as_its_numbers_say(tmp_path: Path, name: str):
    state, path = checkpoint(), tmp_path / name
    SAVE[name](state, path)
    config = NetworkConfig(encoder="resnet34", encoder_weights=str(path))
    encoder = build_encoder(config).eval()
    start_encoder(encoder, config)
    photo = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        maps, expected = encoder(photo), naive_maps(state, photo)
    assert tuple(one.shape[1] for one in maps) == CONFIG.map_widths
    for found, wanted in zip(maps, expected, strict=True):
        # rounding grows through 34 layers of drawn weights
        assert_close(found, wanted, rtol=1e-3, atol=1e-4 * float(wanted.abs().max()))
