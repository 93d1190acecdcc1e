"""`ftb render-sphere`: the reference ball under a given light."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from ftb.checkpoint import write_atomically
from ftb.interop.hdr import write_image_exr
from ftb.interop.lighting_json import load_lighting
from ftb.render.ball import render_ball
from ftb.scene.lighting_ops import dominant
from ftb.sheet import Mark, ball_rgba_u8, mark_directions, png_bytes, suffix_of
from ftb.types import Lighting

AXES = (
    Mark(direction=(1.0, 0.0, 0.0), label="+X", color_u8=(255, 90, 80)),
    Mark(direction=(0.0, 1.0, 0.0), label="+Y", color_u8=(110, 220, 90)),
    Mark(direction=(0.0, 0.0, 1.0), label="+Z", color_u8=(90, 150, 255)),
)


def write_sphere(lighting_file: Path, out: Path, *, material: str, size: int, axes: bool) -> None:
    """Render the ball of LIGHTING and write it: PNG is sRGB with straight alpha, clipped, EXR is linear."""
    write = _WRITERS[suffix_of(out, tuple(_WRITERS))]
    if axes and out.suffix.lower() != ".png":
        raise ValueError(f"--axes: expected a .png to draw on, got {out}")
    lighting = load_lighting(lighting_file)
    ball_linear = render_ball(lighting, material, size)  # (S, S, 3)
    marks = (*AXES, light_mark(lighting)) if axes else ()
    out.parent.mkdir(parents=True, exist_ok=True)
    write(out, ball_linear, marks)


def light_mark(lighting: Lighting) -> Mark:
    """The dominant direction of an unbatched lighting, to draw on a ball."""
    direction, _ = dominant(lighting)
    x, y, z = (float(value) for value in direction)
    return Mark(direction=(x, y, z), label="light", color_u8=(255, 214, 64))


def _write_png(out: Path, ball_linear: Tensor, marks: tuple[Mark, ...]) -> None:
    write_atomically(out, png_bytes(mark_directions(ball_rgba_u8(ball_linear), marks)))


def _write_exr(out: Path, ball_linear: Tensor, marks: tuple[Mark, ...]) -> None:
    write_image_exr(out, ball_linear)


_WRITERS: dict[str, Callable[[Path, Tensor, tuple[Mark, ...]], None]] = {
    ".png": _write_png,
    ".exr": _write_exr,
}
