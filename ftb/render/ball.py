"""The reference ball: what a small sphere of a known material would look like in the same light.

Unit sphere seen orthographically along −Z, filling the square; pixel centres at +0.5; 0 outside the disc.
"""

from __future__ import annotations

import dataclasses

from torch import Tensor

from ftb.maths import envmap, sh
from ftb.maths.sh_ringing import without_ringing
from ftb.maths.shapes import expect_shape
from ftb.render import ball_polar as polar
from ftb.render import ball_transport as transport
from ftb.render.ball_folded import folded_ball
from ftb.render.ball_keys import key_reflection
from ftb.render.ball_mirror import mirrored_environment, mirrored_harmonics, mirrored_keys
from ftb.scene.materials import BALL_MATERIALS, BallMaterial, ball_material
from ftb.types import Lighting

__all__ = ["BALL_MATERIALS", "render_ball", "render_ball_of"]

# A constant matrix is used where it has no more entries than this (32 MB) and takes no more samples along
# a pixel's side (seconds to compute), else the polar convolution.
MATRIX_ENTRIES = 8_500_000
MATRIX_SAMPLES = 2
# Rough reflections blur a map finer than this anyway; area-weighted resizing keeps its energy.
MAX_TRANSPORT_HEIGHT = 128
# Of harmonics: up to so many pixels along a side, or entries (2.8 MB).
MAX_SH_MATRIX_SIZE = 256
SH_MATRIX_ENTRIES = 700_000
# Below it a material shows its surroundings, and harmonics `without_ringing`.
SHOWING_ALPHA = 0.2


def render_ball(lighting: Lighting, material: str, size: int) -> Tensor:
    """Radiance (..., S, S, 3) of the ball of a named material, linear, unclamped above, 0 outside its disc.

    lighting: any leading dimensions; size S ≥ 1 pixels; material: one of `BALL_MATERIALS`. The
    environment is used where there is one, else `sh_coeffs`; key lights are added to either.
    Differentiable with respect to both, to `key_irradiance` and `key_dirs`. A truncated series of
    harmonics may go negative: for `matte` and `gray`, transport is linear in it, which keeps the energy of
    its bright side right, and what would *leave* the ball negative is cut at 0 (without gradient there);
    `silver` and `mirror` show it `without_ringing`.
    Does not: shadow or interreflect (a sphere is convex).
    """
    return render_ball_of(lighting, ball_material(material), size)


def render_ball_of(lighting: Lighting, material: BallMaterial, size: int) -> Tensor:
    """As `render_ball`, for any material."""
    if size < 1:
        raise ValueError(f"size: expected 1 pixel or more, got {size}")
    dims = expect_shape(lighting.key_dirs, "... N 3", name="lighting.key_dirs")
    expect_shape(lighting.key_irradiance, "... N 3", name="lighting.key_irradiance", dims=dims)
    expect_shape(lighting.key_angular_radius, "... N", name="lighting.key_angular_radius", dims=dims)
    if lighting.environment is None and material.alpha < SHOWING_ALPHA:
        lighting = dataclasses.replace(lighting, sh_coeffs=without_ringing(lighting.sh_coeffs))
    mirror = material.alpha == 0.0
    environment = _mirrored(lighting, size) if mirror else _reflected(lighting, material, size)
    keys = mirrored_keys(lighting, size) if mirror else key_reflection(lighting, material, size)
    pixels = (environment + keys).clamp_min(0.0)  # (..., P, 3)
    numbers = transport.disc_samples(size, 1, pixels.device, pixels.dtype).numbers
    square = pixels.new_zeros(*pixels.shape[:-2], size * size, 3)
    return square.index_copy(-2, numbers, pixels).unflatten(-2, (size, size))


def by_matrix(material: BallMaterial, size: int, height: int) -> bool:
    """Whether what a map of that height sends to a ball is a product with a constant matrix."""
    entries = size * size * 2 * height * height
    return entries <= MATRIX_ENTRIES and transport.samples_along(material, size) <= MATRIX_SAMPLES


def _mirrored(lighting: Lighting, size: int) -> Tensor:
    if lighting.environment is None:
        return mirrored_harmonics(lighting.sh_coeffs, size)
    return mirrored_environment(lighting.environment, size)


def _reflected(lighting: Lighting, material: BallMaterial, size: int) -> Tensor:
    """(..., P, 3): the environment's reflection in a rough material."""
    if lighting.environment is None:
        return _reflected_harmonics(lighting.sh_coeffs, material, size)
    height = expect_shape(lighting.environment, "... H 2H 3", name="lighting.environment")["H"]
    environment = lighting.environment
    if height > MAX_TRANSPORT_HEIGHT:
        height = MAX_TRANSPORT_HEIGHT
        environment = envmap.resize(environment, height)
    texels = environment.flatten(-3, -2)  # (..., H · 2H, 3)
    if by_matrix(material, size, height):
        if height % 2 == 0:
            return folded_ball(material, size, environment)
        matrix = transport.environment_matrix(material, size, height, texels.device, texels.dtype)
        return _applied(matrix, texels)
    taps = transport.grid_taps(material, height, texels.device, texels.dtype)
    even = transport.without_small_texels(environment.movedim(-1, -3)).movedim(-3, -1)
    return polar.polar_ball(material, height, size, transport.looked_up(even.flatten(-3, -2), taps))


def _reflected_harmonics(sh_coeffs: Tensor, material: BallMaterial, size: int) -> Tensor:
    order = sh.order_of(sh_coeffs)
    if size <= MAX_SH_MATRIX_SIZE or size * size * sh_coeffs.shape[-2] <= SH_MATRIX_ENTRIES:
        matrix = polar.sh_matrix(material, size, order, sh_coeffs.device, sh_coeffs.dtype)
        return _applied(matrix, sh_coeffs)
    dirs = transport.grid_dirs(material, transport.SH_GRID_HEIGHT, sh_coeffs.device, sh_coeffs.dtype)
    radiance = sh.radiance_from_sh(sh_coeffs, dirs)  # (..., Q, 3)
    return polar.polar_ball(material, transport.SH_GRID_HEIGHT, size, radiance)


def _applied(matrix: Tensor, light: Tensor) -> Tensor:
    """(..., P, 3) = matrix (P, J) · light (..., J, 3), as one product for the whole batch."""
    lead = light.shape[:-2]
    columns = light.reshape(-1, *light.shape[-2:]).permute(1, 0, 2).flatten(1)  # (J, B · 3)
    return (matrix @ columns).unflatten(1, (-1, 3)).permute(1, 0, 2).reshape(*lead, -1, 3)
