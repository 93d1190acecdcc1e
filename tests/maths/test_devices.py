"""One code path for every device: nothing may be left behind on the CPU.

PyTorch's `meta` device refuses to mix with CPU tensors as CUDA does, and is there on every machine.
"""

import pytest
import torch

from ftb.maths import brdf, color, envmap, rotation, sh, sphere

META = torch.device("meta")
DIRS = torch.empty(2, 5, 3, device=META)
COEFFS = torch.empty(2, 25, 3, device=META)
MAPS = torch.empty(2, 8, 16, 3, device=META)
TURNS = torch.empty(2, 3, 3, device=META)
ANGLES = torch.empty(2, 5, device=META)
CALLS = {
    "sh.evaluate": (lambda: sh.evaluate(DIRS, 4), (2, 5, 25)),
    "sh.evaluate_recurrence": (lambda: sh.evaluate(DIRS, 6), (2, 5, 49)),
    "sh.irradiance_from_sh": (lambda: sh.irradiance_from_sh(COEFFS, DIRS), (2, 5, 3)),
    "sh.directional_light": (lambda: sh.directional_light(DIRS, DIRS, 2), (2, 5, 9, 3)),
    "sh.project_environment": (lambda: sh.project_environment(MAPS, 4), (2, 25, 3)),
    "sh.rotate": (lambda: sh.rotate(COEFFS, TURNS), (2, 25, 3)),
    "sh.dominant_direction": (lambda: sh.dominant_direction(COEFFS)[0], (2, 3)),
    "envmap.directions": (lambda: envmap.directions(8, META), (8, 16, 3)),
    "envmap.solid_angles": (lambda: envmap.solid_angles(8, META), (8, 16)),
    "envmap.sample": (lambda: envmap.sample(MAPS, DIRS), (2, 5, 3)),
    "envmap.rotate": (lambda: envmap.rotate(MAPS, TURNS), (2, 8, 16, 3)),
    "envmap.resize": (lambda: envmap.resize(MAPS, 6), (2, 6, 12, 3)),
    "color.srgb_from_linear": (lambda: color.srgb_from_linear(DIRS), (2, 5, 3)),
    "color.linear_from_srgb": (lambda: color.linear_from_srgb(DIRS), (2, 5, 3)),
    "color.luminance": (lambda: color.luminance(DIRS), (2, 5)),
    "color.u8_from_srgb": (lambda: color.u8_from_srgb(DIRS), (2, 5, 3)),
    "brdf.specular_ggx": (lambda: brdf.specular_ggx(DIRS, DIRS, DIRS, ANGLES, 0.04), (2, 5, 1)),
    "brdf.specular_ggx_separable": (
        lambda: brdf.specular_ggx_separable(DIRS, DIRS, DIRS, ANGLES, DIRS),
        (2, 5, 3),
    ),
    "brdf.gltf_dielectric": (lambda: brdf.gltf_dielectric(DIRS, DIRS, DIRS, DIRS, 0.25), (2, 5, 3)),
    "rotation.rotation_about_axis": (lambda: rotation.rotation_about_axis(DIRS, ANGLES), (2, 5, 3, 3)),
    "rotation.from_yaw_pitch_roll": (
        lambda: rotation.from_yaw_pitch_roll(ANGLES, ANGLES, ANGLES),
        (2, 5, 3, 3),
    ),
    "rotation.look_at": (lambda: rotation.look_at(DIRS, DIRS, DIRS), (2, 5, 4, 4)),
    "sphere.fibonacci_directions": (lambda: sphere.fibonacci_directions(7, META), (7, 3)),
    "sphere.cosine_directions": (lambda: sphere.cosine_directions(7, META), (7, 3)),
    "sphere.cap_directions": (lambda: sphere.cap_directions(7, 0.1, META), (7, 3)),
    "sphere.frame_about": (lambda: sphere.frame_about(DIRS), (2, 5, 3, 3)),
    "sphere.ball_normals": (lambda: sphere.ball_normals(7, META)[1], (7, 7)),
    "sphere.ball_coverage": (lambda: sphere.ball_coverage(7, META), (7, 7)),
}


@pytest.mark.parametrize("name", CALLS)
def test_results_stay_on_the_device_of_the_arguments(name):
    call, shape = CALLS[name]
    result = call()
    assert result.device == META
    assert tuple(result.shape) == shape


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_results_keep_the_precision_of_the_arguments(dtype):
    dirs = sphere.fibonacci_directions(6, dtype=dtype)
    maps = torch.ones(4, 8, 3, dtype=dtype)
    coeffs = sh.project_environment(maps, 4)
    turn = rotation.rotation_about_axis(dirs[0], 0.3)
    results = [
        coeffs,
        turn,
        sh.rotate(coeffs, turn),
        sh.irradiance_from_sh(coeffs, dirs),
        sh.directional_light(dirs, dirs, 2),
        *sh.dominant_direction(coeffs),
        envmap.sample(maps, dirs),
        envmap.rotate(maps, turn),
        envmap.resize(maps, 3),
        color.linear_from_srgb(color.srgb_from_linear(dirs)),
        color.luminance(dirs),
        brdf.gltf_dielectric(dirs, dirs, dirs, dirs, 0.25),
        brdf.specular_ggx(dirs, dirs, dirs, 0.25, 0.04),
        rotation.look_at(dirs, dirs.roll(1, 0), dirs.roll(2, 0)),
        sphere.frame_about(dirs),
    ]
    assert [result.dtype for result in results] == [dtype] * len(results)
