"""ResNet-34 (He et al. 2016, table 1) as an encoder, named as in the usual ImageNet checkpoint.

`conv1`, `bn1`, `layer1.0.conv1` … `layer4.2.bn2`: a file with these names fits. The classifier `fc` is left
out, since nothing here is classified.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ftb.nets.blocks import conv1, conv3
from ftb.nets.image_encoder import ImageEncoder

# Mean and standard deviation of encoded ImageNet photographs in [0, 1], by channel: what such weights expect.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
# What a checkpoint of a classifier has beyond the encoder.
CLASSIFIER = ("fc.weight", "fc.bias")
_LAYERS = ((64, 3), (128, 4), (256, 6), (512, 3))


class BasicBlock(nn.Module):
    """Two 3 × 3 convolutions beside a shortcut, batch-normalised: (B, inputs, H, W) -> (B, outputs, H/stride,
    W/stride)."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = conv3(inputs, outputs, stride=stride)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = conv3(outputs, outputs)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            project = conv1(inputs, outputs)
            project.stride = (stride, stride)
            self.downsample = nn.Sequential(project, nn.BatchNorm2d(outputs))

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, C, H, W) -> (B, C', H', W')."""
        beside = features if self.downsample is None else self.downsample(features)
        features = functional.relu(self.bn1(self.conv1(features)))
        return functional.relu(beside + self.bn2(self.conv2(features)))


class ResNet34(ImageEncoder):
    """Photographs (B, 3, H, W) -> five maps of 64, 64, 128, 256 and 512 channels at strides 2 to 32."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1, self.layer2, self.layer3, self.layer4 = _layers()
        shape = (1, 3, 1, 1)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(shape), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(shape), persistent=False)

    def forward(self, photo_srgb: Tensor) -> list[Tensor]:
        """Encoded photographs (B, 3, H, W) -> one map a stride, finest first."""
        features = functional.relu(self.bn1(self.conv1((photo_srgb - self.mean) / self.std)))
        maps = [features]
        features = self.maxpool(features)
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            features = layer(features)
            maps.append(features)
        return maps


def _layers() -> list[nn.Sequential]:
    layers, inputs = [], 64
    for number, (width, blocks) in enumerate(_LAYERS):
        first = BasicBlock(inputs, width, 1 if number == 0 else 2)
        layers.append(nn.Sequential(first, *(BasicBlock(width, width, 1) for _ in range(blocks - 1))))
        inputs = width
    return layers
