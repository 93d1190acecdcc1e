"""From linear radiance to a photograph: what `ftb.scene.capture` drew, applied to pixels.

All functions take S pictures (S, H, W, 3), run on any device and give no gradients that matter.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from ftb.maths import color, envmap
from ftb.render.jpeg import jpeg_roundtrip
from ftb.render.shade import Shaded
from ftb.scene.capture import Capture
from ftb.types import Camera, Lighting

NOISE_BANK = 1024
BLUR_RADIUS = 4
BACKDROP_RAYS = 16  # a side
TYPICAL_ALBEDO = 0.28  # luminance of a face of middling tone, lips and brows included


def exposure_gains(shaded: Shaded, lighting_colour: Tensor, capture: Capture) -> Tensor:
    """Gains (S, 3) that bring the face to the drawn exposure and take out part of the light's colour.

    lighting_colour (S, 3): irradiance that faces the camera. The gains multiply photo and light alike,
    so that a reflected radiance of 1 stays linear 1 in the photo. A camera meters the whole picture, so
    dark skin comes out darker than light skin, though not by all of its albedo.
    """
    luminance = color.luminance(torch.eye(3, device=lighting_colour.device))  # (3,)
    colour = lighting_colour.clamp_min(1e-6)
    colour = colour / color.luminance(colour)[..., None]
    balance = colour.clamp(0.05, 20.0) ** -capture.white_balance[:, None]
    sums = (meter(shaded) if shaded.metered is None else shaded.metered).sum(1)  # (S, 10)
    covered = sums[:, 0].clamp_min(1.0)
    # (w · colour)² of a luminance with weights w is a sum of products of colours.
    weights = balance * luminance
    products = torch.cat([weights.square(), 2.0 * weights * weights.roll(-1, -1)], dim=-1)
    rms = ((products * sums[:, 4:]).sum(-1) / covered).sqrt()
    albedo = (sums[:, 1:4] * luminance).sum(-1) / covered
    metered = (albedo.clamp(0.02, 1.0) / TYPICAL_ALBEDO).sqrt()
    # A face in the dark is not amplified beyond what a camera could do with it.
    exposure = capture.exposure * metered / rms.clamp_min(1e-4)
    return balance * exposure[:, None]


def meter(shaded: Shaded) -> Tensor:
    """What the shading kernel of the CPU sums up on its way, `Shaded.metered`, here of whole pictures:
    (S, 1, 10)."""
    radiance = shaded.radiance_linear.flatten(1, 2)  # (S, P, 3)
    products = torch.cat([radiance.square(), radiance * radiance.roll(-1, -1)], dim=-1).sum(1)
    albedo = shaded.albedo_linear.flatten(1, 2).sum(1)
    return torch.cat([shaded.mask.sum((-1, -2))[:, None], albedo, products], dim=-1)[:, None]


def backdrop(camera: Camera, lighting: Lighting, capture: Capture, size: int) -> Tensor:
    """What stands behind the head, linear, under the same light (S, H, W, 3)."""
    device = camera.half_width.device
    # The environment's texels are wider than the picture is fine: a few rays tell all it shows.
    seen = backdrop_seen(camera, lighting, BACKDROP_RAYS).permute(0, 3, 1, 2)
    seen = torch.nn.functional.interpolate(seen, size=(size, size), mode="bilinear", align_corners=False)
    seen = seen.permute(0, 2, 3, 1)  # (S, H, W, 3)
    steps = _steps(size, device)
    turn = capture.backdrop_turn[:, None, None]
    across = steps[None, None, :] * turn.cos() + steps[None, :, None] * turn.sin()
    part = (0.5 + 0.5 * across).clamp(0.0, 1.0)[..., None]
    first, second = capture.backdrop_linear[:, None, None, 0], capture.backdrop_linear[:, None, None, 1]
    graded = first * (1.0 - part) + second * part
    kind = capture.backdrop[:, None, None, None]
    plain = first.expand_as(graded)
    choice = torch.where(kind == 0, seen, torch.where(kind == 1, plain, graded))
    return torch.where(kind == 3, torch.zeros_like(choice), choice)


def backdrop_seen(camera: Camera, lighting: Lighting, rays: int) -> Tensor:
    """Radiance (S, R, R, 3) of the environment along R × R rays, at the centres of as many parts of the
    picture."""
    return envmap.sample(lighting.environment, backdrop_rays(camera, rays))


def backdrop_rays(camera: Camera, rays: int) -> Tensor:
    """Directions (S, R, R, 3), of any length, of those rays."""
    x = _steps(rays, camera.half_width.device)[None, None, :] * camera.half_width[:, None, None]
    x, y = torch.broadcast_tensors(x, -x.transpose(-1, -2))
    return torch.stack([x, y, -torch.ones_like(x)], dim=-1)


def _steps(size: int, device: torch.device) -> Tensor:
    """Pixel centres across a picture, −1 to 1."""
    return ((torch.arange(size, device=device) + 0.5) / size) * 2.0 - 1.0


def develop(linear: Tensor, capture: Capture) -> Tensor:
    """Exposed linear pictures to encoded photographs in [0, 1]: blur, noise, tone curve, JPEG."""
    grey = capture.grey[:, None, None, None]
    linear = torch.lerp(linear, color.luminance(linear)[..., None].expand_as(linear), grey)
    linear = _add_noise(_blur(linear, capture.blur * linear.shape[1] / 128.0), capture)
    encoded = _tone(linear.clamp_min(0.0), capture)
    encoded = jpeg_roundtrip(encoded, capture.jpeg)
    level = color.luminance(encoded)[..., None].expand_as(encoded)
    return torch.lerp(encoded, level, grey).clamp(0.0, 1.0)


def _tone(linear: Tensor, capture: Capture) -> Tensor:
    shoulder = capture.shoulder[:, None, None, None]
    # Reinhard et al. (2002, eq. 4) with white at 2.5: highlights roll off instead of clipping.
    rolled = linear * (1.0 + linear / 6.25) / (1.0 + linear)
    linear = torch.lerp(linear, rolled, shoulder).clamp(0.0, 1.0)
    level = color.luminance(linear)[..., None]
    linear = (level + (linear - level) * capture.saturation[:, None, None, None]).clamp(0.0, 1.0)
    encoded = color.srgb_from_linear(linear).clamp(1e-6, 1.0) ** capture.gamma[:, None, None, None]
    contrast = capture.contrast[:, None, None, None]
    return encoded + contrast * encoded * (1.0 - encoded) * (2.0 * encoded - 1.0)


def _blur(linear: Tensor, sigma: Tensor) -> Tensor:
    """Separable Gaussian, its width per picture (S,) in pixels."""
    samples, height, width, _ = linear.shape
    offsets = torch.arange(-BLUR_RADIUS, BLUR_RADIUS + 1, device=linear.device, dtype=linear.dtype)
    kernel = torch.exp(-0.5 * (offsets / sigma.clamp_min(1e-3)[:, None]).square())  # (S, 9)
    kernel = (kernel / kernel.sum(-1, keepdim=True)).repeat_interleave(3, 0)  # (3S, 9)
    planes = linear.permute(0, 3, 1, 2).reshape(1, samples * 3, height, width)
    padded = torch.nn.functional.pad(planes, [BLUR_RADIUS] * 4, mode="replicate")
    rows = torch.nn.functional.conv2d(padded, kernel[:, None, :, None], groups=samples * 3)
    both = torch.nn.functional.conv2d(rows, kernel[:, None, None, :], groups=samples * 3)
    return both.reshape(samples, 3, height, width).permute(0, 2, 3, 1)


@lru_cache(maxsize=2)
def noise_bank(device: str) -> Tensor:
    """Normal numbers (1024, 1024, 3), the same everywhere."""
    generator = torch.Generator().manual_seed(20200614)
    return torch.randn(NOISE_BANK, NOISE_BANK, 3, generator=generator).to(device)


def _add_noise(linear: Tensor, capture: Capture) -> Tensor:
    """Shot noise grows with the square root of the value, read noise is constant; from a fixed bank of
    normal numbers at a drawn offset, so that it is the same on every device."""
    _, height, width, _ = linear.shape
    bank = noise_bank(str(linear.device))
    rows = (capture.noise_offset[:, :1] + torch.arange(height, device=linear.device)) % NOISE_BANK  # (S, H)
    # Whole vectors of pixels, for the fused kernels.
    first = torch.div(capture.noise_offset[:, 1:], 16, rounding_mode="floor") * 16
    columns = (first + torch.arange(width, device=linear.device)) % NOISE_BANK
    noise = bank[rows[:, :, None], columns[:, None, :]]  # (S, H, W, 3)
    shot = capture.shot_noise[:, None, None, None].square() * linear.clamp_min(0.0)
    deviation = (shot + capture.read_noise[:, None, None, None].square()).sqrt()
    return linear + noise * deviation
