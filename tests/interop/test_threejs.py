"""The three.js file: harmonics as they are, key lights apart, nothing counted twice."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from ftb.interop.threejs import document, write_threejs
from ftb.maths.color import linear_from_srgb
from ftb.scene.lighting_ops import total_sh
from tests.interop.lights import crooked_light


@pytest.mark.parametrize("order", [1, 2, 4])
def test_probe_and_lamps_are_the_whole_light(order: int, tmp_path: Path) -> None:
    light = crooked_light(order=order, keys=2)
    write_threejs(tmp_path / "light.json", light)
    group = json.loads((tmp_path / "light.json").read_text(encoding="utf-8"))["object"]
    probe, *lamps = group["children"]
    assert [probe["type"], *(lamp["type"] for lamp in lamps)] == ["LightProbe"] + 2 * ["DirectionalLight"]
    coeffs = torch.tensor(probe["sh"]).reshape(9, 3)
    dirs, irradiance = [], []
    for lamp in lamps:
        place = torch.tensor(lamp["matrix"][12:15])
        dirs.append(place / place.norm())
        channels = torch.tensor([lamp["color"] >> shift & 255 for shift in (16, 8, 0)]) / 255.0
        irradiance.append(lamp["intensity"] * linear_from_srgb(channels))
    told = dataclasses.replace(
        light, sh_coeffs=coeffs, key_dirs=torch.stack(dirs), key_irradiance=torch.stack(irradiance)
    )
    # colours of 8 bits
    torch.testing.assert_close(total_sh(told), total_sh(light), rtol=0.01, atol=0.01)


def test_equal_lights_are_equal_files_and_absent_keys_are_left_out() -> None:
    assert document(crooked_light()) == document(crooked_light())
    dark = dataclasses.replace(crooked_light(), key_irradiance=torch.zeros(1, 3))
    assert [child["type"] for child in document(dark)["object"]["children"]] == ["LightProbe"]
    identifiers = [child["uuid"] for child in document(crooked_light(keys=2))["object"]["children"]]
    assert len(set(identifiers)) == 3
