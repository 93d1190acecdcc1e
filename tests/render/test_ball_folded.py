"""The folded matrix of the ball against the whole one."""

from __future__ import annotations

import pytest
import torch

from ftb.render.ball_folded import folded_ball
from ftb.render.ball_transport import environment_matrix
from ftb.scene.materials import ball_material


@pytest.mark.parametrize("size", [16, 17])
@pytest.mark.parametrize("material", ["matte", "gray", "silver"])
def test_folded_equals_whole(material, size, generator):
    environment = torch.rand(2, 3, 8, 16, 3, generator=generator)
    matrix = environment_matrix(ball_material(material), size, 8, torch.device("cpu"), torch.float32)
    expected = matrix @ environment.flatten(2, 3)
    folded = folded_ball(ball_material(material), size, environment)
    torch.testing.assert_close(folded, expected, rtol=1e-5, atol=1e-6)


def test_gradients_reach_the_environment(generator):
    environment = torch.rand(8, 16, 3, generator=generator).requires_grad_()
    folded_ball(ball_material("gray"), 16, environment).sum().backward()
    matrix = environment_matrix(ball_material("gray"), 16, 8, torch.device("cpu"), torch.float32)
    expected = matrix.sum(0).reshape(8, 16, 1).expand(8, 16, 3)
    torch.testing.assert_close(environment.grad, expected, rtol=1e-4, atol=1e-6)
