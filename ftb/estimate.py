"""`ftb estimate` and `ftb.Estimator`: from a photograph of a face to the light that falls on it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

import ftb
from ftb.assets_path import assets_path
from ftb.checkpoint import load_network, write_atomically
from ftb.data.photos import middle_square, read_photo
from ftb.interop.hdr import write_environment
from ftb.interop.lighting_json import LightingNotes, save_lighting
from ftb.maths import envmap, sh
from ftb.render.ball import BALL_MATERIALS, render_ball
from ftb.scene.lighting_ops import dominant
from ftb.sheet import (
    Mark,
    ball_rgba_u8,
    compose,
    mark_directions,
    png_bytes,
    tiles_from_ball,
    tiles_from_srgb,
)
from ftb.training.parallel import resolve_device
from ftb.types import Lighting, Prediction

BALL_SIZE = 256
ENVIRONMENT_HEIGHT = 128
TILE = 224


@dataclass(frozen=True, kw_only=True)
class EstimateOptions:
    """Where the estimates go and how they are made; `checkpoint` None stands for the shipped weights."""

    out: Path
    checkpoint: Path | None = None
    crop: str = "none"
    jsonl: Path | None = None
    lighting_only: bool = False
    device: str = "auto"


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Light (unbatched) of one photograph; crop_srgb (S, S, 3) is what the network saw, ball_linear its ball.

    expected_error_deg: the network's own expectation of the error of its dominant direction.
    """

    lighting: Lighting
    crop_srgb: Tensor
    ball_linear: Tensor
    expected_error_deg: float | None


class Estimator:
    """A trained network that answers for photographs."""

    def __init__(self, network: nn.Module, image_size: int, device: torch.device) -> None:
        self._network = network
        self.image_size = image_size
        self._device = device

    @classmethod
    def load(cls, checkpoint: str | Path | None = None, *, device: str = "auto") -> Self:
        """From a run's model.safetensors, or from the weights that ship with the package."""
        path = _shipped_weights() if checkpoint is None else Path(checkpoint)
        place = resolve_device(device)
        network, config = load_network(path, place)
        return cls(network, config.stream.image_size, place)

    def estimate(self, photo: str | Path | Tensor) -> Lighting:
        """The light (unbatched) on the face in a file, or in a picture (H, W, 3), sRGB-encoded, [0, 1]."""
        return self.estimate_fully(photo).lighting

    def estimate_fully(self, photo: str | Path | Tensor) -> Estimate:
        """As `estimate`, with the ball, the crop and the expected error."""
        photo_srgb = photo if isinstance(photo, Tensor) else read_photo(Path(photo))
        crop = middle_square(photo_srgb.float(), self.image_size)  # (S, S, 3)
        prediction = self.predict(crop[None])
        error = prediction.direction_error_deg
        return Estimate(
            lighting=prediction.lighting[0],
            crop_srgb=crop,
            ball_linear=prediction.ball_linear[0],
            expected_error_deg=None if error is None else float(error[0]),
        )

    @torch.no_grad()
    def predict(self, crops_srgb: Tensor) -> Prediction:
        """The network's whole answer, on the CPU, for squares (B, S, S, 3) of its input size."""
        return self._network(crops_srgb.permute(0, 3, 1, 2).to(self._device)).to("cpu")


def _shipped_weights() -> Path:
    weights = sorted(assets_path().glob("weights/*.safetensors"))
    if not weights:
        raise ValueError("checkpoint: no weights ship with this version; name the model.safetensors of a run")
    return weights[0]


def to_envmap(lighting: Lighting, height: int = 256) -> Tensor:
    """The light as one equirect map (..., H, 2H, 3), radiance, key lights included.

    Harmonics are cut at 0 where they ring below. A key light is an even disc of its angular radius, or of
    one texel where that is larger, with exactly its irradiance.
    """
    dirs = envmap.directions(height).to(lighting.sh_coeffs)  # (H, 2H, 3)
    if lighting.environment is not None:
        environment = envmap.resize(lighting.environment, height)
    else:
        radiance = sh.radiance_from_sh(lighting.sh_coeffs, dirs.reshape(-1, 3))
        environment = radiance.clamp_min(0.0).unflatten(-2, (height, 2 * height))
    texel = torch.pi / height
    cosines = torch.einsum("hwc,...nc->...nhw", dirs, lighting.key_dirs).clamp(-1.0, 1.0)
    radius = lighting.key_angular_radius.clamp_min(texel)[..., None, None]
    inside = ((radius - cosines.arccos()) / texel + 0.5).clamp(0.0, 1.0)  # (..., N, H, 2H), soft by a texel
    received = (inside * cosines.clamp_min(0.0) * envmap.solid_angles(height).to(dirs)).sum((-2, -1))
    return environment + torch.einsum(
        "...nhw,...nc->...hwc", inside / received[..., None, None], lighting.key_irradiance
    )


def estimate_photos(photos: Iterable[Path], options: EstimateOptions) -> Iterator[tuple[str, bool]]:
    """Estimate and write each photo; yields a line about each and whether it failed, and goes on."""
    if options.crop != "none":
        raise ValueError(
            f"--crop {options.crop}: not part of this version; crop to the face and use --crop none"
        )
    estimator = Estimator.load(options.checkpoint, device=options.device)
    for photo in photos:
        try:
            estimate = estimator.estimate_fully(photo)
            yield _write(photo, estimate, options), False
        except (ValueError, FileNotFoundError) as error:
            yield str(error), True


def _write(photo: Path, estimate: Estimate, options: EstimateOptions) -> str:
    folder = options.out / photo.stem
    folder.mkdir(parents=True, exist_ok=True)
    notes = LightingNotes(
        direction_error_deg=estimate.expected_error_deg,
        provenance={"photo": photo.name, "program": f"ftb {ftb.__version__}"},
    )
    save_lighting(estimate.lighting, folder / "lighting.json", notes)
    if not options.lighting_only:
        _write_pictures(folder, estimate)
    summary = _summary(photo, estimate)
    if options.jsonl:
        options.jsonl.parent.mkdir(parents=True, exist_ok=True)
        with options.jsonl.open("a", encoding="utf-8") as file:
            file.write(json.dumps(summary, ensure_ascii=False) + "\n")
    return f"{folder}: {describe_light(estimate)}"


def _write_pictures(folder: Path, estimate: Estimate) -> None:
    balls = {name: render_ball(estimate.lighting, name, BALL_SIZE) for name in BALL_MATERIALS}
    for name, ball_linear in balls.items():
        write_atomically(folder / f"ball_{name}.png", png_bytes(ball_rgba_u8(ball_linear)))
    write_environment(folder / "environment.exr", to_envmap(estimate.lighting, ENVIRONMENT_HEIGHT))
    write_atomically(folder / "overview.png", png_bytes(_overview(estimate, balls)))


def _overview(estimate: Estimate, balls: dict[str, Tensor]) -> Any:
    """Crop, balls and the dominant direction, in one picture."""
    crop = tiles_from_srgb(estimate.crop_srgb[None], TILE)[0]
    tiles = {name: tiles_from_ball(ball[None], TILE)[0] for name, ball in balls.items()}
    direction, _ = dominant(estimate.lighting)
    x, y, z = (float(value) for value in direction)
    mark = Mark(direction=(x, y, z), label="light", color_u8=(255, 214, 64))
    marked = mark_directions(tiles["gray"], (mark,))
    captions = ["photo", *tiles, "light from"]
    return compose([[crop, *tiles.values(), marked]], captions, columns=1)


def _summary(photo: Path, estimate: Estimate) -> dict[str, Any]:
    direction, directionality = dominant(estimate.lighting)
    light = estimate.lighting
    return {
        "photo": str(photo),
        "direction": direction.tolist(),
        "directionality": float(directionality),
        "expected_error_deg": estimate.expected_error_deg,
        "sh_coeffs": light.sh_coeffs.tolist(),
        "key_dirs": light.key_dirs.tolist(),
        "key_irradiance": light.key_irradiance.tolist(),
        "key_angular_radius": light.key_angular_radius.tolist(),
    }


def describe_light(estimate: Estimate) -> str:
    """Where the light comes from, in words: degrees off the camera's axis, to which side, how sure."""
    direction, directionality = dominant(estimate.lighting)
    x, y, z = (float(value) for value in direction)
    azimuth = torch.rad2deg(torch.atan2(torch.tensor(x), torch.tensor(z)))
    elevation = torch.rad2deg(torch.asin(torch.tensor(y).clamp(-1.0, 1.0)))
    side, rise = "right" if x >= 0 else "left", "up" if y >= 0 else "down"
    sure = "" if estimate.expected_error_deg is None else f", ± {estimate.expected_error_deg:.0f}°"
    text = f"light from {abs(float(azimuth)):.0f}° {side}, {abs(float(elevation)):.0f}° {rise}{sure}"
    return f"{text}; directionality {float(directionality):.2f}"
