"""What sizes a network: plain numbers, so that a checkpoint can carry them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Size of a network; the defaults train on two CPU cores at 128².

    kind: an entry of `ftb.nets.base.NETWORKS`. widths: channels at strides 2, 4, 8, ...; blocks:
    residual blocks at each of these. decoder_widths: channels of *each* group of the stage A decoder,
    from the output resolution down; stage_b_widths: the three scales of stage B. output_stride: image
    size over the size of the face-space outputs (1, 2 or 4). head_grid: the bottleneck is pooled to
    head_grid² cells, which keep their position. norm_channels: channels that are normalised together.
    light_fit: whether the light's head is told of a least-squares fit on the predicted normals
    (`nets.light_fit`). ball_size: pixels of the predicted ball, a power of two from 16. init_seed: of the
    initial weights.
    """

    kind: str = "physics"
    widths: tuple[int, ...] = (32, 48, 96, 160, 224)
    blocks: tuple[int, ...] = (0, 1, 2, 2, 2)
    decoder_widths: tuple[int, ...] = (16, 32, 48, 64)
    stage_b_widths: tuple[int, ...] = (16, 32, 48)
    output_stride: int = 2
    head_grid: int = 4
    head_width: int = 256
    norm_channels: int = 8
    light_fit: bool = True
    ball_size: int = 64
    init_seed: int = 0

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
        uneven = [w for w in self._all_widths() if w <= 0 or w % self.norm_channels]
        if uneven:
            raise ValueError(
                f"net.widths: expected multiples of norm_channels = {self.norm_channels}, got {uneven}"
            )

    def _all_widths(self) -> tuple[int, ...]:
        return (*self.widths, *self.decoder_widths, *self.stage_b_widths)


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
