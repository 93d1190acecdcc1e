"""Capture: JPEG against Pillow's codec, exposure and tone against their definitions."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from ftb.maths import color
from ftb.render.develop import TYPICAL_ALBEDO, develop, exposure_gains
from ftb.render.jpeg import jpeg_roundtrip
from ftb.render.shade import Shaded
from ftb.scene.capture import Capture, CaptureConfig, sample_capture
from ftb.types import stack


def picture(size=64):
    steps = torch.linspace(0.0, 1.0, size)
    smooth = torch.stack(torch.meshgrid(steps, steps, indexing="ij"), dim=-1)
    third = 0.5 + 0.4 * torch.sin(25.0 * smooth[..., :1] * smooth[..., 1:])
    return torch.cat([smooth, third], dim=-1)[None]


def plain_capture(**changes: float) -> Capture:
    """A capture that changes nothing but what is asked."""
    values = {
        "exposure": 0.2,
        "white_balance": 0.0,
        "grey": 0.0,
        "contrast": 0.0,
        "gamma": 1.0,
        "shoulder": 0.0,
        "saturation": 1.0,
        "shot_noise": 0.0,
        "read_noise": 0.0,
        "blur": 0.0,
        "jpeg": 100.0,
    }
    return Capture(
        **{name: torch.tensor([value]) for name, value in (values | changes).items()},
        noise_offset=torch.tensor([[3, 5]]),
        backdrop=torch.tensor([1]),
        backdrop_linear=torch.full((1, 2, 3), 0.2),
        backdrop_turn=torch.zeros(1),
        occluder=torch.tensor([[0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 2.0]]),
        occluder_linear=torch.zeros(1, 3),
    )


@pytest.mark.parametrize("quality", [30, 60, 90])
def test_jpeg_loses_what_a_codec_loses(quality):
    original = picture()
    ours = jpeg_roundtrip(original, torch.tensor([float(quality)]))
    buffer = io.BytesIO()
    pixels = (original[0].numpy() * 255.0).round().astype(np.uint8)
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=2)
    theirs = np.asarray(Image.open(buffer)).astype(np.float32) / 255.0
    loss = (original[0] - torch.tensor(theirs)).square().mean().sqrt()
    difference = (ours[0] - torch.tensor(theirs)).square().mean().sqrt()
    # The codec rounds to bytes on the way in, between, and out; chroma upsampling filters differ a little.
    assert float(difference) < 0.35 * float(loss) + 0.004


def test_jpeg_quality_100_is_untouched():
    original = picture()
    torch.testing.assert_close(jpeg_roundtrip(original, torch.tensor([100.0])), original, rtol=0, atol=0)


def test_jpeg_refuses_odd_sizes():
    with pytest.raises(ValueError, match="multiples of 16"):
        jpeg_roundtrip(torch.zeros(1, 20, 32, 3), torch.tensor([50.0]))


def test_plain_capture_is_the_srgb_encoding():
    linear = picture()
    expected = color.srgb_from_linear(linear)
    torch.testing.assert_close(develop(linear, plain_capture()), expected, rtol=0, atol=1e-5)


def test_noise_has_the_stated_deviation():
    linear = torch.full((1, 128, 128, 3), 0.25)
    noisy = color.linear_from_srgb(develop(linear, plain_capture(shot_noise=0.04, read_noise=0.01)))
    expected = (0.04**2 * 0.25 + 0.01**2) ** 0.5
    assert float((noisy - linear).std()) == pytest.approx(expected, rel=0.05)


def test_exposure_brings_the_face_to_its_level():
    radiance = torch.rand(1, 32, 32, 3, generator=torch.Generator().manual_seed(0)) * 7.0
    mask = torch.zeros(1, 32, 32)
    mask[:, 8:24, 8:24] = 1.0
    blank = torch.zeros(1, 32, 32)
    shaded = Shaded(
        radiance_linear=radiance * mask[..., None],
        mask=mask,
        normals=blank,
        albedo_linear=TYPICAL_ALBEDO * mask[..., None].expand(1, 32, 32, 3),
        irradiance_linear=blank,
        visibility=blank,
        light_visibility=blank,
    )
    gains = exposure_gains(shaded, torch.tensor([[3.0, 2.0, 1.0]]), plain_capture(white_balance=1.0))
    face = (radiance * gains[:, None, None])[:, 8:24, 8:24]
    assert float(color.luminance(face).square().mean().sqrt()) == pytest.approx(0.2, rel=1e-4)
    # With full white balance the light itself turns neutral.
    neutral = torch.tensor([3.0, 2.0, 1.0]) * gains[0]
    torch.testing.assert_close(neutral, neutral.mean().expand(3), rtol=1e-5, atol=0)


def test_captures_are_drawn_alike_and_in_range():
    config = CaptureConfig()
    draw = lambda seed: sample_capture(config, generator=torch.Generator().manual_seed(seed))  # noqa: E731
    captures = stack([draw(seed) for seed in range(200)])
    again = stack([draw(seed) for seed in range(200)])
    torch.testing.assert_close(captures.exposure, again.exposure, rtol=0, atol=0)
    assert config.exposure[0] <= float(captures.exposure.min())
    assert float(captures.exposure.max()) <= config.exposure[1]
    assert 0.1 < float(captures.grey.mean()) < 0.4
