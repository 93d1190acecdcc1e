"""Decoders: albedo and normals side by side (stage A), visibility and residuals (stage B)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ftb.nets.blocks import ConvNorm, conv1, conv3, norm, upsample_to, widened
from ftb.nets.config import NetworkConfig

# albedo and normals
GROUPS = 2
# photo, albedo, normals, irradiance/π, diffuse face: three channels each
_CONDITION_CHANNELS = 15


class SkipStep(nn.Module):
    """One step up: project, enlarge, add the projected skip, normalise, 3 × 3; groups stay apart.

    Projecting before enlarging, and adding rather than concatenating, costs a quarter of the usual.
    """

    def __init__(self, inputs: int, outputs: int, skip: int, norm_channels: int, groups: int = 1):
        super().__init__()
        self.project = conv1(inputs, outputs, groups=groups)
        self.skip = conv1(skip, outputs) if skip else None
        self.norm = norm(outputs, norm_channels)
        self.mix = ConvNorm(outputs, outputs, norm_channels, groups=groups)

    def forward(self, features: Tensor, skip: Tensor | None, size: torch.Size) -> Tensor:
        """Features (B, C, h, w) -> (B, outputs, *size)."""
        features = upsample_to(self.project(features), size)
        if self.skip is not None and skip is not None:
            features = features + self.skip(skip)
        return self.mix(functional.relu(self.norm(features)))


class GroupedDecoder(nn.Module):
    """Albedo and normals from the encoder's maps, decoded independently by channel groups.

    One decoder in which every convolution has two groups (Nestmeyer et al. 2020, stage a): the two see
    the same encoder and skips, but never each other.
    """

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.levels = decoder_levels(config)
        widths = [GROUPS * width for width in config.decoder_widths]
        inputs = widths[-1]
        self.enter = conv1(config.map_widths[-1], inputs)
        steps = []
        for level in self.levels:
            outputs = widths[min(level - self.levels[-1], len(widths) - 1)]
            skip = config.map_widths[level] if level >= 0 else 0
            steps.append(SkipStep(inputs, outputs, skip, config.norm_channels, GROUPS))
            inputs = outputs
        self.steps = nn.ModuleList(steps)
        self.exit = conv3(inputs, 6, groups=GROUPS, bias=True)

    def forward(self, maps: list[Tensor], photo_size: torch.Size) -> tuple[Tensor, Tensor]:
        """Encoder maps -> albedo (B, h, w, 3) in (0, 1), unit normals (B, h, w, 3)."""
        features = self.enter(maps[-1])
        for level, step in zip(self.levels, self.steps, strict=True):
            skip = maps[level] if level >= 0 else None
            size = skip.shape[-2:] if skip is not None else photo_size
            features = step(features, skip, size)
        raw = widened(self.exit(features)).permute(0, 2, 3, 1)  # (B, h, w, 6)
        albedo = torch.sigmoid(raw[..., :3] - 1.0)  # 0.27 at the start: the middle of human skin
        toward_camera = raw.new_tensor([0.0, 0.0, 1.0])
        normals = functional.normalize(raw[..., 3:] + toward_camera, dim=-1, eps=1e-6)
        return albedo, normals


def decoder_levels(config: NetworkConfig) -> list[int]:
    """Encoder levels (stride 2^(level + 1)) that the decoder visits upwards; −1 is the photograph itself."""
    last = {1: -1, 2: 0, 4: 1}[config.output_stride]
    return list(range(len(config.map_widths) - 2, last - 1, -1))


class StageB(nn.Module):
    """Visibility and the non-diffuse rest of the face, conditioned on the photograph and all of stage A.

    A U-Net of three scales at the output resolution; the encoder's maps and the lighting's hidden
    features join it, so that it knows the whole picture and not only its surroundings.
    """

    def __init__(self, config: NetworkConfig):
        super().__init__()
        fine, middle, coarse = config.stage_b_widths
        first = {1: 0, 2: 1, 4: 2}[config.output_stride]  # the encoder level at half the output's resolution
        self.first = first
        channels = config.norm_channels
        self.enter = ConvNorm(_CONDITION_CHANNELS, fine, channels)
        self.down1 = ConvNorm(fine, middle, channels, stride=2)
        self.skip1 = conv1(config.map_widths[first], middle)
        self.down2 = ConvNorm(middle, coarse, channels, stride=2)
        self.skip2 = conv1(config.map_widths[first + 1], coarse)
        self.light = nn.Linear(config.head_width, coarse)
        self.bottom = ConvNorm(coarse, coarse, channels)
        self.up1 = SkipStep(coarse, middle, middle, channels)
        self.up2 = SkipStep(middle, fine, fine, channels)
        self.visibility, self.residual = config.visibility, config.residual
        self.exit = conv3(fine, config.visibility + 3 * config.residual, bias=True)

    def forward(
        self, condition: Tensor, maps: list[Tensor], hidden: Tensor
    ) -> tuple[Tensor | None, Tensor | None]:
        """Visibility logits (B, h, w) and the rest (B, h, w, 3): radiance relative to the level of light.

        None for what the configuration leaves out. From the condition (B, 15, h, w), the encoder's maps, and
        the light's hidden features (B, W).
        """
        fine = self.enter(condition)
        middle = self.down1(fine) + self.skip1(maps[self.first])
        coarse = self.down2(functional.relu(middle)) + self.skip2(maps[self.first + 1])
        coarse = self.bottom(functional.relu(coarse + self.light(hidden)[:, :, None, None]))
        features = self.up1(coarse, middle, middle.shape[-2:])
        raw = widened(self.exit(self.up2(features, fine, fine.shape[-2:]))).permute(0, 2, 3, 1)
        # most of a face is lit: start at a visibility of 0.8
        logits = raw[..., 0] + 1.5 if self.visibility else None
        return logits, raw[..., int(self.visibility) :] if self.residual else None


class BallDecoder(nn.Module):
    """The rest of the ball that diffuse physics leaves: (B, S, S, 3), relative to the level of light.

    Grows a map from the lighting's hidden features, then mixes it at full size with what the physics
    knows: the diffuse ball and the two cosines from which a highlight is made.
    """

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.start = 8
        width, channels = config.stage_b_widths[1], config.norm_channels
        self.enter = nn.Linear(config.head_width, width * self.start**2)
        steps = []
        for _ in range((config.ball_size // 2 // self.start).bit_length() - 1):
            steps.append(SkipStep(width, width, 0, channels))
        self.steps = nn.ModuleList(steps)
        fine = config.stage_b_widths[0]
        self.grow = SkipStep(width, fine, 5, channels)
        self.exit = conv3(fine, 3, bias=True)

    def forward(self, hidden: Tensor, knowledge: Tensor) -> Tensor:
        """Hidden (B, W) and knowledge (B, 5, S, S) -> (B, S, S, 3)."""
        features = functional.relu(self.enter(hidden)).unflatten(1, (-1, self.start, self.start))
        features = features.contiguous(memory_format=torch.channels_last)
        for step in self.steps:
            height, width = features.shape[-2:]
            features = step(features, None, torch.Size((2 * height, 2 * width)))
        features = self.grow(features, knowledge, knowledge.shape[-2:])
        return widened(self.exit(features)).permute(0, 2, 3, 1)
