"""Light read off a picture of the gray ball: the harmonics that explain it, by least squares.

A network that only paints a ball says nothing about light in numbers. But a ball of known material *is* a
measurement of light: its pixels are a constant matrix times the harmonics of radiance, so those follow by
linear regression, and with them direction and irradiance.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ftb.maths import sh
from ftb.maths.shapes import expect_shape
from ftb.render import ball_polar, ball_transport
from ftb.scene.materials import ball_material
from ftb.types import Lighting

# The highlight shows more than order 2, and fitted without it would be taken for light of lower orders. From
# true balls in drawn light the direction is read to 0.8° in the mean; with order 2 alone it would be 4.3°.
FITTED_ORDER = 6
ANSWERED_ORDER = 2
# Share of the normal matrix's mean diagonal: half of the sphere of normals tells high orders badly.
_RIDGE = 0.01


def ball_reader(size: int) -> Tensor:
    """The constant matrix (9, S · S) from a gray ball's pixels to radiance harmonics of order 2, float32.

    The first rows of argmin over c of |M c − ball|² + ridge |c|², M the ball's transport matrix for order 6,
    summed over the disc; 0 in the columns of pixels around it.
    """
    cpu = torch.device("cpu")
    matrix = ball_polar.sh_matrix(ball_material("gray"), size, FITTED_ORDER, cpu, torch.float64)  # (P, 49)
    gram = matrix.T @ matrix
    ridge = _RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=torch.float64)
    solved = torch.linalg.solve(gram + ridge, matrix.T)[: sh.coefficient_count(ANSWERED_ORDER)]
    numbers = ball_transport.disc_samples(size, 1, cpu, torch.float64).numbers
    reader = torch.zeros(len(solved), size * size, dtype=torch.float64)
    return reader.index_copy(1, numbers, solved).float()


def light_of_ball(reader: Tensor, ball_linear: Tensor) -> Lighting:
    """The light that a picture of the gray ball (B, S, S, 3) shows: harmonics of all of it, and no key light.

    reader: of `ball_reader`. Linear in the ball, and differentiable.
    """
    dims = expect_shape(ball_linear, "B S S 3", name="ball_linear")
    expect_shape(reader, "K P", name="reader", dims={"P": dims["S"] ** 2})
    sh_coeffs = torch.einsum("kp,bpc->bkc", reader, ball_linear.flatten(1, 2))
    return harmonic_light(sh_coeffs)


def harmonic_light(sh_coeffs: Tensor) -> Lighting:
    """A light of radiance harmonics (B, 9, 3) and 0 key lights."""
    nothing = sh_coeffs.new_zeros(sh_coeffs.shape[0], 0, 3)
    return Lighting(
        sh_coeffs=sh_coeffs, key_dirs=nothing, key_irradiance=nothing, key_angular_radius=nothing[..., 0]
    )
