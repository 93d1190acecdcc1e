"""Exposed photographs and their residuals in few passes over pixels; CPU and CUDA, no gradients.

`ftb.render.develop` is the readable twin. On the CPU one picture after the other goes through all steps
(`ftb.render.film_picture`), because its planes then stay in the cache.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from ftb.kernels.starting import launch, packed
from ftb.maths import color
from ftb.render import develop_kernel, expose_kernel
from ftb.render.antialias import Outlines
from ftb.render.antialias_fused import soften
from ftb.render.develop import BLUR_RADIUS, NOISE_BANK, backdrop_rays, noise_bank
from ftb.render.film_picture import Planes, edges_of, photograph_by_pictures, roll_of
from ftb.render.jpeg import CHROMA_TABLE, LUMA_TABLE, quantisation_table, quantise_planes
from ftb.render.lookup_kernel import looked_up
from ftb.render.shade import Shaded
from ftb.scene.capture import Capture
from ftb.types import Camera, Lighting, TensorData

LEAST_WEIGHT = 1e-3  # of the blur's taps


@dataclass(frozen=True, kw_only=True)
class Film(TensorData):
    """What the kernels read of S captures: film (S, 4) shot and read noise squared, saturation, shoulder;
    curves (S, 1026) as of `tone_curves`; taps (S, 5) of the blur, from its centre; the rest as in
    `Capture`, seen (S, 16, 16, 3) and slope (S, 2) of the backdrop."""

    gains: Tensor
    grey: Tensor
    quality: Tensor
    film: Tensor
    curves: Tensor
    taps: Tensor
    offset: Tensor
    kind: Tensor
    ends: Tensor
    slope: Tensor
    seen: Tensor


def photograph(
    shaded: Shaded,
    gains: Tensor,
    camera: Camera,
    lighting: Lighting,
    capture: Capture,
    outlines: Sequence[Outlines] = (),
) -> tuple[Tensor, Shaded]:
    """Photographs (S, H, W, 3) in [0, 1], and `shaded` at their exposure: greyed albedo, and as its
    radiance what is left when visibility · albedo/π · irradiance is taken off.

    gains (S, 3) as of `exposure_gains`; lighting already times the gains; outlines: of edges to soften in the
    photographs alone, for each head, or none. Overwrites `shaded` where its
    colours lie in planes, (S, 3, H, W) in memory, as those of `shade_fused` do.
    """
    samples, size = shaded.mask.shape[:2]
    film = _film(gains, camera, lighting, capture, size)
    layers = _Layers(
        mask=shaded.mask.contiguous(),
        visibility=shaded.visibility.contiguous(),
        irradiance=_planes(shaded.irradiance_linear),
        albedo=_planes(shaded.albedo_linear),
        radiance=_planes(shaded.radiance_linear),
        photo=torch.empty(samples, 3, size, size, device=shaded.mask.device),
    )
    DEVELOPERS[layers.photo.device.type](layers, film, outlines)
    albedo, residual = layers.albedo.permute(0, 2, 3, 1), layers.radiance.permute(0, 2, 3, 1)
    exposed = replace(shaded, albedo_linear=albedo, radiance_linear=residual)
    return layers.photo.permute(0, 2, 3, 1), exposed


@dataclass(frozen=True, kw_only=True)
class _Layers(TensorData):
    """As of `Shaded`, and the photograph: planes (S, H, W), of colours (S, 3, H, W)."""

    mask: Tensor
    visibility: Tensor
    irradiance: Tensor
    albedo: Tensor
    radiance: Tensor
    photo: Tensor


def _planes(colours: Tensor) -> Tensor:
    """(S, H, W, 3) as (S, 3, H, W), without a copy where colours lie in planes already."""
    return colours.permute(0, 3, 1, 2).contiguous()


def _film(gains: Tensor, camera: Camera, lighting: Lighting, capture: Capture, size: int) -> Film:
    sigma = capture.blur * (size / 128.0)
    away = torch.arange(BLUR_RADIUS + 1, device=sigma.device)
    taps = torch.exp(-0.5 * (away / sigma.clamp_min(1e-3)[:, None]).square())  # (S, 5)
    taps = torch.where(taps < LEAST_WEIGHT, 0.0, taps)
    rays = backdrop_rays(camera, int(expose_kernel.BACKDROP_RAYS))
    return Film(
        gains=gains.contiguous(),
        grey=capture.grey,
        quality=capture.jpeg,
        film=torch.stack(
            [capture.shot_noise.square(), capture.read_noise.square(), capture.saturation, capture.shoulder],
            dim=-1,
        ),
        curves=tone_curves(capture),
        taps=taps / (2.0 * taps.sum(-1, keepdim=True) - taps[:, :1]),
        offset=(capture.noise_offset % NOISE_BANK).to(torch.int32),
        kind=capture.backdrop.to(torch.int32),
        ends=capture.backdrop_linear.contiguous(),
        slope=torch.stack([capture.backdrop_turn.cos(), capture.backdrop_turn.sin()], dim=-1),
        seen=looked_up(lighting.environment, rays.flatten(1, 2)).view_as(rays),
    )


def tone_curves(capture: Capture) -> Tensor:
    """Encoded values (S, 1026) of S captures, by sRGB, gamma and contrast, at the steps of linear light that
    `develop_kernel.encode` counts: from 2⁻¹⁶ on 64 evenly in each octave, up to 1 + 1/64."""
    steps = torch.arange(develop_kernel.CURVE_STEPS + 1, device=capture.gamma.device)
    linear = develop_kernel.DARKEST * 2.0 ** (steps // 64) * (1.0 + (steps % 64) / 64.0)
    encoded = color.srgb_from_linear(linear.clamp_max(1.0)).clamp(1e-6, 1.0) ** capture.gamma[:, None]
    contrast = capture.contrast[:, None]
    return encoded + contrast * encoded * (1.0 - encoded) * (2.0 * encoded - 1.0)


def _by_pictures(layers: _Layers, film: Film, outlines: Sequence[Outlines]) -> None:
    """Fill the photographs, one picture after the other."""
    first = 0
    for some in outlines or [None]:
        last = len(layers.mask) if some is None else first + len(some.depth)
        part, rolled = layers[first:last], film[first:last]
        steps = [quantisation_table(table, rolled.quality) for table in (LUMA_TABLE, CHROMA_TABLE)]
        fields = {field.name: getattr(rolled, field.name) for field in dataclasses.fields(Film)}
        planes = {field.name: getattr(part, field.name) for field in dataclasses.fields(_Layers)}
        photograph_by_pictures(
            packed(Planes, size=part.mask.shape[-1], **planes),
            roll_of(fields, torch.stack(steps, dim=1), _noise_planes("cpu")),
            edges_of(some),
            last - first,
        )
        first = last


def _by_planes(layers: _Layers, film: Film, outlines: Sequence[Outlines]) -> None:
    """Fill the photographs, one step after the other for all of them."""
    samples, _, size, _ = layers.photo.shape
    device = layers.photo.device
    linear = blurred(_exposed(layers, film, outlines), film.taps)
    luma = torch.empty(samples, size, size, device=device)
    chroma = torch.empty(samples, 2, size // 2, size // 2, device=device)
    noise = [_noise_planes(str(device)), film.offset]
    look = [film.film, film.grey, film.quality, film.curves]
    inputs = [size, NOISE_BANK, linear, *noise, *look, luma, chroma, layers.photo]
    launch(develop_kernel.tone, luma.numel() // 32, inputs, device)
    quantise_planes(luma, LUMA_TABLE, film.quality)
    quantise_planes(chroma.flatten(0, 1), CHROMA_TABLE, film.quality.repeat_interleave(2))
    inputs = [size, luma, chroma, film.grey, film.quality, layers.photo]
    launch(develop_kernel.from_planes, luma.numel() // 16, inputs, device)


def _exposed(layers: _Layers, film: Film, outlines: Sequence[Outlines]) -> Tensor:
    """Linear pictures (S, 3, H, W)."""
    size = layers.photo.shape[-1]
    linear = torch.empty_like(layers.photo)
    backdrop = packed(
        expose_kernel.Backdrop, kind=film.kind, seen=film.seen, ends=film.ends, slope=film.slope
    )
    face = [layers.mask, layers.visibility, layers.irradiance, layers.albedo, layers.radiance, linear]
    inputs = [size, backdrop, film.gains, film.grey, *face]
    launch(expose_kernel.expose, layers.mask.numel() // 16, inputs, linear.device)
    first = 0
    for some in outlines:
        soften(linear[first : first + len(some.depth)], some)
        first += len(some.depth)
    return linear


@lru_cache(maxsize=2)
def _noise_planes(device: str) -> Tensor:
    """The bank of noise (3, N, N)."""
    return noise_bank(device).permute(2, 0, 1).contiguous()


def blurred(linear: Tensor, taps: Tensor) -> Tensor:
    """Separable blur of (S, C, H, W), edges repeated, by symmetric taps (S, 5), from the centre."""
    linear = torch.nn.functional.pad(linear, [BLUR_RADIUS] * 4, mode="replicate")
    for dim in (-1, -2):
        size = linear.shape[dim] - 2 * BLUR_RADIUS
        weights = taps[:, :, None, None, None]
        total = linear.narrow(dim, BLUR_RADIUS, size) * weights[:, 0]
        for away in range(1, BLUR_RADIUS + 1):
            for start in (BLUR_RADIUS - away, BLUR_RADIUS + away):
                total.addcmul_(linear.narrow(dim, start, size), weights[:, away])
        linear = total
    return linear


# By kind of device.
DEVELOPERS: dict[str, Callable[[_Layers, Film, Sequence[Outlines]], None]] = {
    "cpu": _by_pictures,
    "cuda": _by_planes,
}
