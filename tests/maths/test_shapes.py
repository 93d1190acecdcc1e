"""Shape checks: what they accept, what they say, and how letters are shared."""

import pytest
import torch

from ftb.maths.shapes import expect_shape


def test_sizes_of_letters_are_returned():
    assert expect_shape(torch.zeros(4, 32, 64, 3), "B H 2H 3", name="environment") == {"B": 4, "H": 32}


def test_leading_dimensions_are_free():
    for lead in ((), (5,), (2, 7)):
        assert expect_shape(torch.zeros(*lead, 9, 3), "... K 3", name="sh_coeffs") == {"K": 9}


@pytest.mark.parametrize(
    ("sizes", "shape", "message"),
    [
        ((4, 3), "B H W 3", "radiance: expected (B, H, W, 3), got (4, 3)"),
        ((4, 16, 4), "B K 3", "radiance: expected (B, K, 3), got (4, 16, 4)"),
        ((3,), "... K 3", "radiance: expected (..., K, 3), got (3,)"),
        ((8, 17, 3), "H 2H 3", "radiance: expected (H, 2H, 3), got (8, 17, 3)"),
        ((8, 7), "N N", "radiance: expected (N, N), got (8, 7)"),
    ],
)
def test_a_wrong_shape_is_named_in_one_line(sizes, shape, message):
    with pytest.raises(ValueError, match="radiance") as error:
        expect_shape(torch.zeros(sizes), shape, name="radiance")
    assert str(error.value) == message


def test_letters_are_shared_across_arguments():
    dims: dict[str, int] = {}
    expect_shape(torch.zeros(4, 9, 3), "B K 3", name="sh_coeffs", dims=dims)
    assert dims == {"B": 4, "K": 9}
    with pytest.raises(ValueError, match=r"^normals: expected \(B, M, 3\) with B = 4, got \(5, 7, 3\)$"):
        expect_shape(torch.zeros(5, 7, 3), "B M 3", name="normals", dims=dims)
    assert dims == {"B": 4, "K": 9}, "a failed check binds nothing"


def test_what_is_no_tensor_is_named():
    with pytest.raises(ValueError, match=r"^normals: expected a tensor \(B, 3\), got list$"):
        expect_shape([[0.0, 0.0, 1.0]], "B 3", name="normals")
