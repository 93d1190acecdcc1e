"""What sizes a network: plain numbers, so that a checkpoint can carry them."""

from __future__ import annotations

from dataclasses import dataclass

# Channels at strides 2, 4, 8, 16 and 32 of encoders that come in one size.
FIXED_WIDTHS: dict[str, tuple[int, ...]] = {
    "resnet34": (64, 64, 128, 256, 512),
    "efficientnet_lite0": (16, 24, 40, 112, 320),
}


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Size of a network; the defaults train on two CPU cores at 128².

    kind: an entry of `ftb.nets.base.NETWORKS`. encoder: an entry of `ftb.nets.encoders.ENCODERS`;
    encoder_weights: what it starts from, a file, or "imagenet" for those of the extra of that name, or
    empty for drawn ones; encoder_frozen: whether it keeps them, statistics included. widths: of the
    residual encoder, channels at strides 2, 4, 8, ...; blocks: residual blocks at each of these.
    decoder_widths: channels of *each* of two groups of the stage A decoder, from the output resolution
    down (a painted ball's decoder has both as one); stage_b_widths: the three scales of stage B.
    output_stride: image size over the size of the face-space outputs (1, 2 or 4). head_grid: the
    bottleneck is pooled to head_grid² cells, which keep their position. norm_channels: channels that are
    normalised together. light_fit: whether the light's head is told of a least-squares fit on the predicted
    normals (`nets.light_fit`). ball_size: pixels of the predicted ball, a power of two from 16. init_seed:
    of the initial weights.

    Of pix2pix: dropout, the share of features dropped in the generator's deepest steps; adversarial, the
    weight of the discriminator's verdict beside the losses; discriminator_widths, whose number decides the
    patch it judges: 2 for 16 pixels, 3 for 34, 4 for 70. Of ridge: ridge_grid, features are pooled to
    ridge_grid² cells; ridge, the penalty relative to the variance of a feature.

    Parts that can be left out, to see what they are good for: key_light: without it the harmonics are all of
    the light; residual: without it the ball is what the light makes of it, and the face has diffuse light
    only; visibility: without it no shadow is predicted, and all that they take is part of the residual.
    landmarks: whether the encoder also sees heatmaps of the face's landmarks (`nets.landmark_maps`).
    """

    kind: str = "physics"
    encoder: str = "residual"
    encoder_weights: str = ""
    encoder_frozen: bool = False
    widths: tuple[int, ...] = (32, 48, 96, 160, 224)
    blocks: tuple[int, ...] = (0, 1, 2, 2, 2)
    decoder_widths: tuple[int, ...] = (16, 32, 48, 64)
    stage_b_widths: tuple[int, ...] = (16, 32, 48)
    output_stride: int = 2
    head_grid: int = 4
    head_width: int = 256
    norm_channels: int = 8
    light_fit: bool = True
    key_light: bool = True
    residual: bool = True
    visibility: bool = True
    landmarks: bool = False
    ball_size: int = 64
    init_seed: int = 0
    dropout: float = 0.5
    adversarial: float = 1.0
    discriminator_widths: tuple[int, ...] = (64, 128)
    ridge_grid: int = 2
    ridge: float = 0.1

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.blocks) or len(self.widths) < 4:
            raise ValueError(
                f"net.blocks: expected one number for each of at least 4 widths {self.widths}, "
                f"got {self.blocks}"
            )
        if self.output_stride not in (1, 2, 4):
            raise ValueError(f"net.output_stride: expected 1, 2 or 4, got {self.output_stride}")
        if self.ball_size < 16 or self.ball_size & (self.ball_size - 1):
            raise ValueError(f"net.ball_size: expected a power of two from 16, got {self.ball_size}")
        if len(self.stage_b_widths) != 3:
            raise ValueError(f"net.stage_b_widths: expected 3 widths, got {self.stage_b_widths}")
        self._check_numbers()
        if self.landmarks and (self.kind, self.encoder) != ("physics", "residual"):
            found = f"{self.kind} with {self.encoder}"
            raise ValueError(f"net.landmarks: expected physics with a residual encoder, got {found}")
        uneven = [w for w in self._all_widths() if w <= 0 or w % self.norm_channels]
        if uneven:
            raise ValueError(
                f"net.widths: expected multiples of norm_channels = {self.norm_channels}, got {uneven}"
            )

    def _check_numbers(self) -> None:
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"net.dropout: expected a share from 0 to below 1, got {self.dropout}")
        if len(self.discriminator_widths) < 2:
            found = self.discriminator_widths
            raise ValueError(f"net.discriminator_widths: expected 2 widths or more, got {found}")
        for name, least in (("ridge_grid", 1), ("ridge", 1e-9), ("adversarial", 0.0)):
            if not getattr(self, name) >= least:
                raise ValueError(f"net.{name}: expected {least:g} or more, got {getattr(self, name)}")

    @property
    def map_widths(self) -> tuple[int, ...]:
        """Channels of the encoder's maps at strides 2, 4, 8, ..."""
        return FIXED_WIDTHS.get(self.encoder, self.widths)

    def _all_widths(self) -> tuple[int, ...]:
        return (*self.widths, *self.decoder_widths, *self.stage_b_widths, *self.discriminator_widths)


PRESETS: dict[str, NetworkConfig] = {
    "small": NetworkConfig(),
    # He et al. 2016, table 1, 34 layers: stem of 64 at stride 2, then 3, 4, 6 and 3 basic blocks
    "resnet34": NetworkConfig(
        widths=(64, 64, 128, 256, 512),
        blocks=(0, 3, 4, 6, 3),
        decoder_widths=(32, 64, 96, 128),
        stage_b_widths=(32, 64, 96),
        head_width=512,
        norm_channels=16,
    ),
}
