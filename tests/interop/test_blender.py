"""The Blender script: what it holds, and, where there is a Blender, what it shows."""

from __future__ import annotations

import ast
import base64
import os
import shutil
import subprocess
import zlib
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
import torch

from ftb.interop.blender import HARMONICS_HEIGHT, script, write_blender
from ftb.maths.sphere import ball_normals
from ftb.render.ball import render_ball
from ftb.scene.lighting_mix import to_envmap
from tests.interop.lights import crooked_light


def test_the_script_holds_the_light() -> None:
    light = crooked_light(keys=2)
    values = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(script(light)).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id in ("KEYS", "HEIGHT", "ENVIRONMENT")
    }  # fmt: skip
    halves = np.frombuffer(zlib.decompress(base64.b64decode(values["ENVIRONMENT"])), dtype="<f2")
    environment = torch.from_numpy(halves.astype(np.float32)).reshape(values["HEIGHT"], -1, 3)
    expected = to_envmap(light, HARMONICS_HEIGHT, keys=False)
    torch.testing.assert_close(environment, expected, rtol=1e-3, atol=1e-3)  # halves
    for (direction, strength, color, angle), number in zip(values["KEYS"], range(2), strict=True):
        torch.testing.assert_close(torch.tensor(direction), light.key_dirs[number])
        torch.testing.assert_close(strength * torch.tensor(color), light.key_irradiance[number])
        assert angle == pytest.approx(np.degrees(2.0 * float(light.key_angular_radius[number])))


def blender() -> list[str]:
    """Blender, or a Python that imports it, ready for a script; skips the test where there is neither."""
    program, python = shutil.which("blender"), os.environ.get("FTB_BPY_PYTHON")
    if program is not None:
        return [program, "-b", "--factory-startup", "-noaudio", "-P"]
    if python is None:
        pytest.skip(
            "needs Blender: apt-get install blender; or pip install bpy, and FTB_BPY_PYTHON=its python"
        )
    return [python, "-I"]


@pytest.mark.parametrize("camera", ["1.5707963 0 0", "0.7 0.3 1.1"])
def test_blender_shows_our_ball(camera: str, tmp_path: Path) -> None:
    program = blender()
    light = crooked_light(keys=2)
    write_blender(tmp_path / "light.py", light)
    command = [*program, Path(__file__).with_name("blender_ball.py")]
    words = ["--", tmp_path / "light.py", tmp_path / "ball.exr", *camera.split()]
    done = subprocess.run([*map(str, [*command, *words])], capture_output=True, text=True, timeout=300)
    assert (tmp_path / "ball.exr").is_file(), done.stdout[-1000:] + done.stderr[-1000:]
    pixels = torch.from_numpy(
        OpenEXR.File(str(tmp_path / "ball.exr")).channels()["RGBA"].pixels[..., :3].copy()
    )
    normals, _ = ball_normals(48)
    inner = normals[..., 2] > 0.3
    difference = (pixels - render_ball(light, "matte", 48))[inner]
    # 128 samples a pixel
    assert float(difference.square().mean().sqrt()) < 0.01
    assert float(difference.mean(dim=0).abs().max()) < 0.002
