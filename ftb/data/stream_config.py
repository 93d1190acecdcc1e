"""What a stream of pairs is made of; apart from the stream, whose renderer takes a second to import."""

from __future__ import annotations

from dataclasses import dataclass, field

from ftb.scene.scene_config import SceneConfig

# Pictures that a CPU renders together at most, and their pixels by kind of device, unless one head has more.
PICTURES_AT_ONCE = 64
PIXELS_AT_ONCE = {"cpu": 2**21, "cuda": 2**23}


@dataclass(frozen=True, kw_only=True)
class StreamConfig:
    """What a stream of pairs is made of.

    image_size, ball_size: pixels (image_size a multiple of 16); batch_size: pairs a rank, of several ranks
    best one that whole blocks make up (`chunks_at_once`), or each renders pictures that others show;
    workers: rendering processes, 0 renders in this process, −1 chooses (on a GPU 0, else one a core, up to
    eight); renderer: "auto", "warp", "pytorch3d" or "reference"; heads_count: distinct heads of the
    training split, which come back in turns, 0 for endless ones; validation always meets new heads.
    """

    seed: int = 0
    image_size: int = 128
    ball_size: int = 64
    batch_size: int = 32
    workers: int = -1
    renderer: str = "auto"
    heads_count: int = 0
    scene: SceneConfig = field(default_factory=SceneConfig)

    def __post_init__(self) -> None:
        if self.image_size % 16 or self.image_size < 32:
            raise ValueError(
                f"stream.image_size: expected a multiple of 16 from 32 on, got {self.image_size}"
            )
        if self.batch_size < 1:
            raise ValueError(f"stream.batch_size: expected 1 or more, got {self.batch_size}")
        if self.heads_count < 0:
            raise ValueError(f"stream.heads_count: expected 0 or more, got {self.heads_count}")

    def chunks_at_once(self, device: str = "cpu", ranks: int = 1) -> int:
        """How many chunks are rendered together on this kind of device: much costs many pictures as much as
        a few.

        Of one rank on a CPU whatever the batch size; else so that whole blocks make a batch, where that
        leaves more than half of them.
        """
        samples, room = self.scene.samples_per_head, PIXELS_AT_ONCE[device] // self.image_size**2
        room = min(room, PICTURES_AT_ONCE) if device == "cpu" else room
        if device == "cpu" and ranks == 1:
            return max(1, room // samples)
        most = max(1, min(self.batch_size, room) // samples)
        fitting = (count for count in range(most, most // 2, -1) if self.batch_size % (count * samples) == 0)
        return next(fitting, most)
