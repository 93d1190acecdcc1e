"""The USD stage, read back with USD's own library: directions, irradiances, the dome's map."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
import torch

from ftb.interop.hdr import read_environment
from ftb.interop.usda import write_usda
from ftb.scene.lighting_mix import to_envmap
from tests.interop.lights import crooked_light

pytest.importorskip("pxr", reason="needs usd-core, for which there is no wheel here")
from pxr import Gf, Usd, UsdGeom, UsdLux


def test_lamps_shine_from_where_they_should(tmp_path: Path) -> None:
    light = crooked_light(keys=2)
    write_usda(tmp_path / "light.usda", light, 32)
    stage = Usd.Stage.Open(str(tmp_path / "light.usda"))
    assert UsdGeom.GetStageUpAxis(stage) == UsdGeom.Tokens.y
    assert stage.GetDefaultPrim().GetName() == "Light"
    lamps = [UsdLux.DistantLight(prim) for prim in stage.Traverse() if prim.IsA(UsdLux.DistantLight)]
    assert len(lamps) == 2
    for number, lamp in enumerate(lamps):
        world = UsdGeom.Xformable(lamp.GetPrim()).ComputeLocalToWorldTransform(Usd.TimeCode.Default())
        assert world.GetDeterminant3() == pytest.approx(1.0)
        shines = world.TransformDir(Gf.Vec3d(0, 0, -1))
        torch.testing.assert_close(torch.tensor([*shines]).float(), -light.key_dirs[number])
        assert lamp.GetNormalizeAttr().Get()  # so that the intensity is the irradiance
        color = torch.tensor([*lamp.GetColorAttr().Get()]) * lamp.GetIntensityAttr().Get()
        torch.testing.assert_close(color.float(), light.key_irradiance[number])
        radius = 0.5 * math.radians(lamp.GetAngleAttr().Get())
        assert radius == pytest.approx(float(light.key_angular_radius[number]), rel=1e-5)


@pytest.mark.parametrize("name", ["light.usda", "me @ noon.usda", "me @@@ noon @@@@.usda"])
def test_the_dome_is_the_environment_without_the_keys(name: str, tmp_path: Path) -> None:
    light = crooked_light()
    write_usda(tmp_path / name, light, 32)
    stage = Usd.Stage.Open(str(tmp_path / name))
    (dome,) = [UsdLux.DomeLight(prim) for prim in stage.Traverse() if prim.IsA(UsdLux.DomeLight)]
    assert dome.GetTextureFormatAttr().Get() == UsdLux.Tokens.latlong
    assert dome.GetIntensityAttr().Get() == 1.0
    assert UsdGeom.Xformable(dome.GetPrim()).GetXformOpOrderAttr().Get() is None  # not turned
    texture = dome.GetTextureFileAttr().Get().resolvedPath
    torch.testing.assert_close(read_environment(texture), to_envmap(light, 32, keys=False))
    assert len(list(tmp_path.iterdir())) == 2


def test_lamps_along_the_axes_have_proper_frames(tmp_path: Path) -> None:
    for number, axis in enumerate((*torch.eye(3), *-torch.eye(3))):
        path = tmp_path / f"{number}.usda"  # USD keeps layers by name
        light = dataclasses.replace(crooked_light(), key_dirs=axis[None])
        write_usda(path, light, 8)
        stage = Usd.Stage.Open(str(path))
        world = UsdGeom.Xformable(stage.GetPrimAtPath("/Light/Key1")).ComputeLocalToWorldTransform(0)
        torch.testing.assert_close(torch.tensor([*world.TransformDir(Gf.Vec3d(0, 0, 1))]).float(), axis)
        assert world.GetDeterminant3() == pytest.approx(1.0)
