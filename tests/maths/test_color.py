"""Colour: known values of the standard, inverse, finite gradients everywhere."""

import pytest
import torch
from skimage.color import rgb2gray
from torch.autograd import gradcheck

from ftb.maths import color

# IEC 61966-2-1 worked by hand: the knee, middle grey, white.
KNOWN = [(0.0, 0.0), (0.0031308, 0.0404499), (0.18, 0.4613561), (0.214041, 0.5), (0.5, 0.7353570), (1.0, 1.0)]


@pytest.mark.parametrize(("linear", "srgb"), KNOWN)
def test_known_values(linear, srgb):
    # 1e-6: the standard's constants are rounded to seven digits.
    value = torch.tensor(linear, dtype=torch.float64)
    torch.testing.assert_close(color.srgb_from_linear(value).item(), srgb, rtol=0, atol=1e-6)
    torch.testing.assert_close(
        color.linear_from_srgb(value.new_tensor(srgb)).item(), linear, rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_round_trip_also_outside_the_unit_interval(dtype):
    linear = torch.linspace(-2, 20, 2001, dtype=dtype)
    # The two knees of the standard do not meet exactly: 3e-8 in between.
    back = color.linear_from_srgb(color.srgb_from_linear(linear))
    torch.testing.assert_close(back, linear, rtol=2e-6, atol=1e-7)
    assert back.dtype == dtype


@pytest.mark.parametrize("curve", [color.srgb_from_linear, color.linear_from_srgb])
def test_gradients_are_finite_everywhere_and_right(curve):
    values = torch.tensor([-1e3, -1.0, -0.055, -1e-9, 0.0, 1e-9, 0.0031308, 0.04045, 0.5, 1.0, 1e4])
    values.requires_grad_(True)
    curve(values).sum().backward()
    assert values.grad.isfinite().all()
    assert (values.grad > 0).all()
    smooth = torch.tensor([-2.0, -0.1, 0.001, 0.02, 0.3, 3.0], dtype=torch.float64, requires_grad=True)
    assert gradcheck(curve, smooth)


def test_luminance_is_rec_709():
    colors = torch.rand(5, 7, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(color.luminance(torch.ones(3, dtype=torch.float64)).item(), 1.0)
    # scikit-image rounds Rec. 709 to 0.2125, 0.7154, 0.0721.
    torch.testing.assert_close(color.luminance(colors).numpy(), rgb2gray(colors.numpy()), rtol=0, atol=3e-4)
    with pytest.raises(ValueError, match=r"^rgb_linear: expected \(..., 3\), got \(4,\)$"):
        color.luminance(torch.ones(4))


def test_bytes_are_rounded_and_clipped():
    values = torch.tensor([-1.0, 0.0, 0.4 / 255, 0.6 / 255, 0.5, 254.4 / 255, 1.0, 7.0])
    assert color.u8_from_srgb(values).tolist() == [0, 0, 0, 1, 128, 254, 255, 255]
    every = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(color.u8_from_srgb(every.float() / 255), every)


def test_display_and_back():
    linear = torch.tensor([-0.2, 0.0, 0.001, 0.18, 1.0, 3.0, 100.0], dtype=torch.float64)
    torch.testing.assert_close(color.linear_from_display(color.display_from_linear(linear)), linear)
    shown = torch.tensor([3.02], dtype=torch.float64)
    torch.testing.assert_close(
        color.linear_from_display(shown), torch.exp(2.02 * 2.4 / torch.tensor([1.055], dtype=torch.float64))
    )
