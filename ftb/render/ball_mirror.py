"""The perfect mirror: lookups of the reflected directions, and key lights as small bright discs."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ftb.maths import envmap, sh
from ftb.maths.shapes import expect_shape
from ftb.render import ball_transport as transport
from ftb.scene.materials import BALL_MATERIALS
from ftb.types import Lighting


@transport.constant
def reflected_dirs(size: int, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Directions (P, n², 3) that the samples of each disc pixel see, their share (P, n²) of the pixel,
    and the angle (P, n²) in radians that a sample's spacing spans at most."""
    count = transport.samples_along(BALL_MATERIALS["mirror"], size)
    samples = transport.disc_samples(size, count, torch.device("cpu"), torch.float64)
    z = samples.normals[..., 2:]
    # ω = 2 (n·v) n − v with v = +Z
    dirs = 2.0 * z * samples.normals - z.new_tensor([0.0, 0.0, 1.0])
    span = (2.0 / (size * count)) * 2.0 / z[..., 0]
    return dirs.to(device, dtype), samples.share.to(device, dtype), span.to(device, dtype)


@transport.constant
def _pixel_reach(size: int, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The direction (P, 3) amid what each pixel sees, and the angle (P,) around it beyond which the soft edge
    of a light leaves no trace in the pixel."""
    dirs, _, span = reflected_dirs(size, torch.device("cpu"), torch.float64)
    middle = functional.normalize(dirs.sum(dim=1), dim=-1)
    cosines = (dirs @ middle[..., None])[..., 0].clamp(-1.0, 1.0)  # (P, n²)
    reach = (cosines.arccos() + 0.5 * span).amax(dim=-1) + 1e-3
    return middle.to(device, dtype), reach.to(device, dtype)


@transport.constant
def _mirror_taps(size: int, height: int, device: torch.device, dtype: torch.dtype) -> transport.Taps:
    dirs, share, _ = reflected_dirs(size, torch.device("cpu"), torch.float64)
    taps = transport.bilinear_taps(dirs.reshape(-1, 3), height)
    weights = taps.weights * share.reshape(-1)
    return transport.Taps(indices=taps.indices.to(device), weights=weights.to(device, dtype))


def mirrored_environment(environment: Tensor, size: int) -> Tensor:
    """(..., P, 3): what each pixel of the mirror ball shows of a map (..., H, 2H, 3)."""
    height = expect_shape(environment, "... H 2H 3", name="environment")["H"]
    finest = max(32, 4 * size)  # finer texels would fall between the samples
    if height > finest:
        environment, height = envmap.resize(environment, finest), finest
    taps = _mirror_taps(size, height, environment.device, environment.dtype)
    seen = transport.looked_up(environment.flatten(-3, -2), taps)
    return seen.unflatten(-2, (-1, transport.samples_along(BALL_MATERIALS["mirror"], size) ** 2)).sum(dim=-2)


@transport.constant
def _mirror_basis(size: int, order: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    dirs, share, _ = reflected_dirs(size, device, dtype)
    return (sh.evaluate(dirs, order) * share[..., None]).sum(dim=1)  # (P, K)


def mirrored_harmonics(sh_coeffs: Tensor, size: int) -> Tensor:
    """(..., P, 3): what each pixel of the mirror ball shows of radiance harmonics (..., K, 3)."""
    return _mirror_basis(size, sh.order_of(sh_coeffs), sh_coeffs.device, sh_coeffs.dtype) @ sh_coeffs


def mirrored_keys(lighting: Lighting, size: int) -> Tensor:
    """(..., P, 3): the key lights' images: discs of radiance irradiance/(π sin² radius).

    A mirror ball seen orthographically shows equal solid angles as equal areas, 4 steradian to 1 of the
    unit disc. Each image is drawn with edges as soft as the samples are apart and is then scaled to its
    exact energy, so that a light smaller than a pixel keeps it and never vanishes. Lights right behind
    the ball have their image in the rim's last pixels.
    """
    dirs, share, span = reflected_dirs(size, lighting.key_dirs.device, lighting.key_dirs.dtype)
    near = _near_keys(lighting, size)
    pixels, (dirs, share, span) = len(dirs), (dirs[near], share[near], span[near])
    radius = lighting.key_angular_radius[..., None, None]  # (..., N, 1, 1)
    # |ω − d| = 2 sin(angle/2): accurate for small angles, where acos is not.
    apart = dirs - lighting.key_dirs[..., None, None, :]  # (..., N, P, n², 3)
    half_chord = 0.5 * apart.square().sum(dim=-1).clamp_min(1e-12).sqrt()
    angles = 2.0 * torch.asin(half_chord.clamp(max=1.0 - 1e-6))
    coverage = (((radius - angles) / span + 0.5).clamp(0.0, 1.0) * share).sum(dim=-1)  # (..., N, P)
    shown = coverage.sum(dim=-1) * (16.0 / (size * size))  # steradian that the drawn image covers
    # Radiance · solid angle of the disc, spread over what was drawn.
    mean_cosine = 0.5 * (1.0 + torch.cos(lighting.key_angular_radius))
    flux = lighting.key_irradiance / mean_cosine[..., None]
    level = coverage / shown.clamp_min(1e-4 / (size * size))[..., None]
    shining = (level[..., None] * flux[..., None, :]).sum(dim=-3)  # (..., M, 3), of the M pixels near a light
    return shining.new_zeros(*shining.shape[:-2], pixels, 3).index_copy(-2, near, shining)


def _near_keys(lighting: Lighting, size: int) -> Tensor:
    """Numbers (M,) of the disc's pixels that may show any of the key lights: the others are not looked at."""
    middle, reach = _pixel_reach(size, lighting.key_dirs.device, lighting.key_dirs.dtype)
    with torch.no_grad():
        towards = lighting.key_dirs.reshape(-1, 3)
        widest = reach[:, None] + lighting.key_angular_radius.reshape(-1)  # (P, all keys)
        # half the squared chord, and slack for the rounding of short ones
        apart = 1.0 - middle @ towards.T
        near = apart < 1.0 - torch.cos(widest.clamp(max=torch.pi)) + 1e-5
    return near.any(dim=-1).nonzero()[:, 0]
