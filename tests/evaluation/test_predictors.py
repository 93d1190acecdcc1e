"""The baselines in the shape of networks."""

from __future__ import annotations

import pytest
import torch

from ftb.evaluation.predictors import Candidate, make_predictor, mean_of, template_normals
from ftb.maths import brdf, color, sh
from ftb.metrics.normals_fit import TYPICAL_ALBEDO
from ftb.scene.lighting_ops import angle_deg, dominant, total_sh
from ftb.types import Lighting


def _lighting(direction: tuple[float, float, float]) -> Lighting:
    ambient = torch.zeros(9, 3)
    ambient[0] = 1.0
    return Lighting(
        sh_coeffs=ambient,
        key_dirs=torch.nn.functional.normalize(torch.tensor([direction]), dim=-1),
        key_irradiance=torch.full((1, 3), 2.0),
        key_angular_radius=torch.full((1,), 0.02),
    )


def test_the_template_looks_at_the_camera() -> None:
    normals, mask = template_normals(96)
    share = float(mask.mean())
    assert share > 0.4, "the face fills most of the crop"
    middle = normals[0, 36:60, 36:60].reshape(-1, 3).mean(0)
    assert float(middle[2]) > 0.7
    # the left of the picture shows cheeks that face left
    assert float(normals[0, 40:60, 10:30, 0].mean()) < -0.1 < 0.1 < float(normals[0, 40:60, 66:86, 0].mean())


@pytest.mark.parametrize("toward", [(0.7, 0.3, 0.65), (-0.8, 0.0, 0.6)])
def test_the_template_fit_finds_the_light_of_its_own_face(toward: tuple[float, float, float]) -> None:
    fit = make_predictor(Candidate(name="fit", kind="normals-fit-template"), "cpu")
    normals, mask = template_normals(fit.image_size)
    coeffs = total_sh(_lighting(toward))[None]
    arriving = sh.irradiance_from_sh(coeffs, normals.flatten(1, 2)).unflatten(1, normals.shape[1:3])
    radiance = brdf.lambert(torch.full((3,), TYPICAL_ALBEDO)) * arriving * mask[..., None]
    found = fit.answer(color.srgb_from_linear(radiance), None).lighting
    direction = torch.nn.functional.normalize(torch.tensor([toward]), dim=-1)
    assert float(angle_deg(dominant(found)[0], direction)) < 5.0


def test_the_mean_is_the_mean_of_lights() -> None:
    lights = [_lighting((1.0, 0.0, 0.2)), _lighting((-1.0, 0.0, 0.2)), _lighting((0.0, 1.0, 0.2))]
    predictor = make_predictor(Candidate(name="mean", kind="mean", mean=mean_of(lights)), "cpu")
    answer = predictor.answer(torch.zeros(2, 8, 8, 3), None)
    wanted = torch.stack([total_sh(light) for light in lights]).mean(0)
    torch.testing.assert_close(answer.lighting.sh_coeffs[1], wanted)
    assert answer.ball_linear.shape == (2, 64, 64, 3)


def test_the_mean_needs_a_train_part() -> None:
    with pytest.raises(ValueError, match="--baseline mean: expected a split with a train part"):
        make_predictor(Candidate(name="mean", kind="mean"), "cpu")
