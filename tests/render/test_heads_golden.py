"""Heads under light against Mitsuba 3's direct integrator (tests/data/mitsuba, see its README)."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from scipy.ndimage import binary_erosion

from ftb.maths import rotation, sh
from ftb.render.base import resolve_rasterizer
from ftb.render.light_maps import light_maps
from ftb.render.shade import Skin
from ftb.render.shade_fused import Illumination, shade_fused
from ftb.render.sky import choose_receivers, sky_transfer, sky_visibility
from ftb.scene.scene_config import SceneConfig
from ftb.types import Camera, Lighting, Mesh

DATA = Path(__file__).parents[1] / "data" / "mitsuba"
SUPERSAMPLE = 2


def golden_lighting(golden: dict) -> Lighting:
    environment = torch.zeros(1, 32, 64, 3)
    if "envmap" in golden:
        environment = torch.tensor(golden["envmap"]).float()[None]
    key_dirs, irradiance = torch.tensor([0.0, 0.0, 1.0]), torch.zeros(3)
    if "light_dir" in golden:
        key_dirs = torch.tensor(golden["light_dir"]).float().reshape(3)
        irradiance = torch.tensor(golden["irradiance"]).float().reshape(-1).expand(3)
    return Lighting(
        sh_coeffs=sh.project_environment(environment, 2),
        key_dirs=key_dirs[None, None],
        key_irradiance=irradiance[None, None],
        key_angular_radius=torch.zeros(1, 1),
        environment=environment,
    )


def render(golden: dict) -> np.ndarray:
    vertices = torch.tensor(golden["verts"]).float()
    faces = torch.tensor(golden["faces"]).long()
    # trimesh weighs faces by their angle at the vertex, as the golden files were made.
    shape = trimesh.Trimesh(golden["verts"], golden["faces"], process=False)
    normals = torch.tensor(shape.vertex_normals.copy()).float()
    mesh = Mesh(vertices=vertices[None], faces=faces, normals=normals[None], uvs=None)
    camera = Camera(
        cam_from_world=rotation.look_at(
            torch.tensor(golden["eye"]).float(),
            torch.tensor(golden["at"]).float(),
            torch.tensor([0.0, 1.0, 0.0]),
        )[None],
        half_width=torch.tensor([math.tan(math.radians(float(golden["fov_deg"])) / 2)]).float(),
        near=torch.tensor([0.01]),
    )
    lighting = golden_lighting(golden)
    scene = SceneConfig()  # as everything is rendered unless asked otherwise
    transfer = sky_transfer(
        mesh, choose_receivers(mesh, scene.sky_receivers), directions=scene.sky_directions
    )
    light = Illumination(
        lighting=lighting,
        maps=light_maps(lighting),
        sky_visibility=sky_visibility(transfer, lighting, camera.cam_from_world[:, :3, :3]),
    )
    # Lambert 0.5, no reflection.
    skin = Skin(
        albedo_linear=torch.full((4, 4, 3), 0.5),
        material=torch.tensor([0.5, 0.0]).expand(4, 4, 2).contiguous(),
    )
    size = 128 * SUPERSAMPLE
    fragments = resolve_rasterizer("warp").rasterize(mesh, camera, size)
    radiance = shade_fused(mesh, skin, camera, fragments, light).radiance_linear[0]
    return radiance.reshape(128, SUPERSAMPLE, 128, SUPERSAMPLE, 3).mean((1, 3)).numpy()


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        # The bars of the renderer: 3 % where one light casts hard shadows, 4 % where a sky does.
        ("head_anny1_directional0", 0.03),
        ("head_anny1_directional1", 0.03),
        ("head_anny1_forest", 0.04),
        ("head_anny1_studio", 0.04),
        ("head_anny1_studio_plus_directional", 0.04),
    ],
)
def test_agrees_with_path_tracer(name, limit):
    golden = dict(np.load(DATA / f"{name}.npz"))
    rendered, expected = render(golden), golden["radiance"]
    interior = binary_erosion(golden["alpha"] > 0.999)
    error = np.linalg.norm((rendered - expected)[interior]) / np.linalg.norm(expected[interior])
    assert error < limit + float(golden["noise"])
    if "light_dir" in golden:
        off = np.abs(rendered - expected).max(-1)[interior] > 0.1 * expected.max()
        assert off.mean() < 0.005
    assert abs(rendered[interior].mean() / expected[interior].mean() - 1.0) < 0.01
