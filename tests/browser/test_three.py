"""three.js shows the exported light as our own ball does, and the axes of docs/axes.md are its own."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
import torch

from ftb.interop.threejs import write_threejs
from ftb.maths import envmap
from ftb.maths.sphere import ball_normals
from ftb.render.ball import render_ball
from tests.browser.chromium import page_after_running, served, three_folder
from tests.interop.lights import crooked_light

SIZE = 64
DIRECTIONS = ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (-1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.6, 0.48, 0.64))


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[float]]:
    folder = tmp_path_factory.mktemp("three")
    shutil.copytree(three_folder(), folder / "three")
    shutil.copy(Path(__file__).with_name("three_light.html"), folder / "index.html")
    write_threejs(folder / "light.json", crooked_light(keys=2))
    height = 64
    colors = 0.5 + 0.5 * envmap.directions(height)  # (H, 2H, 3)
    values = torch.cat([colors, torch.ones_like(colors[..., :1])], dim=-1).flip(0)  # lowest row first
    page = {
        "width": 2 * height,
        "height": height,
        "values": values.flatten().tolist(),
        "directions": DIRECTIONS,
        "rotation_y": THREE_ROTATION_Y,
    }
    (folder / "map.json").write_text(json.dumps(page))
    with served(folder) as address:
        html = page_after_running(f"{address}/index.html", folder / "profile")
    assert "<pre>" in html, html[-2000:]
    return json.loads(html.split("<pre>")[1].split("</pre>")[0])


# docs/axes.md
THREE_ROTATION_Y = -math.pi / 2


def test_the_ball_is_ours(shown: dict[str, list[float]]) -> None:
    pixels = (
        torch.tensor(shown["ball"]).reshape(SIZE, SIZE, 4).flip(0)[..., :3]
    )  # three's first row is lowest
    ours = render_ball(crooked_light(keys=2), "matte", SIZE)
    _, disc = ball_normals(SIZE)
    inner = disc & (ball_normals(SIZE)[0][..., 2] > 0.25)
    difference = (pixels - ours)[inner]
    # a key's colour is 8-bit there, and a key has an extent here, which softens its terminator
    assert float(difference.abs().max()) < 0.01
    assert float(difference.square().mean().sqrt()) < 0.002
    assert float(difference.mean().abs()) < 5e-4


def test_the_turn_of_an_equirect_map_is_that_of_the_docs(shown: dict[str, list[float]]) -> None:
    seen = 2.0 * torch.tensor(shown["seen"]) - 1.0
    # texels of 2.8 degrees, and three.js goes through a cube map
    torch.testing.assert_close(seen, torch.tensor(DIRECTIONS), atol=0.08, rtol=0)
