"""What the pages under docs/ say is so."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
import torch

from ftb.data.face_doubts import RULES
from ftb.interop.lighting_json import save_lighting
from ftb.interop.lighting_notes import FaceNote, LightingNotes
from ftb.maths import envmap
from ftb.nets.base import NETWORKS
from ftb.nets.encoders import ENCODERS
from tests.interop.lights import crooked_light

DOCS = Path(__file__).resolve().parent.parent / "docs"


def test_every_field_of_lighting_json_is_documented(tmp_path: Path) -> None:
    face = FaceNote(box=(1.0, 2.0, 3.0, 4.0), direction_error_deg=9.0)
    notes = LightingNotes(
        direction_error_deg=9.0, warnings=("dark",), faces=(face,), provenance={"photo": "me.jpg"}
    )
    save_lighting(crooked_light(), tmp_path / "a.json", notes)
    document = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    told = set(re.findall(r"`(\w+)`", (DOCS / "lighting.md").read_text(encoding="utf-8")))
    written = {*document, *document["key_lights"][0], *document["faces"][0], *document["dominant_direction"]}
    assert written - {"vector"} <= told


def test_every_network_and_encoder_is_documented() -> None:
    told = re.findall(r"^\| `(\w+)` \|", (DOCS / "networks.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert told == [*NETWORKS, *ENCODERS]


def test_the_table_of_doubts_is_the_rule() -> None:
    text = (DOCS / "lighting.md").read_text(encoding="utf-8").split("## How sure")[1]
    rows = [
        [re.search(r"[\d.]+", cell) for cell in line.strip("|").split("|")[2:]]
        for line in text.splitlines()
        if line.startswith("|")
    ][2:]
    told = [[float(number[0]) for number in row if number] for row in rows]
    percent = {"clipped": 100.0, "cut": 100.0, "covered": 100.0}
    rules = [
        [percent.get(kind, 1.0) * rule.begins, percent.get(kind, 1.0) * rule.complete, rule.degrees]
        for kind, rule in RULES.items()
    ]
    assert len(told) == len(rules)
    for row, rule in zip(told, rules, strict=True):
        assert row == pytest.approx(rule)


# Where each program's own formula looks up a direction of its own frame: u, to the right.
FORMULAS = {
    "mitsuba": lambda x, y, z: torch.atan2(x, -z) / (2 * torch.pi) % 1.0,
    "three.js": lambda x, y, z: torch.atan2(z, x) / (2 * torch.pi) + 0.5,
    "blender": lambda x, y, z: 0.5 - torch.atan2(y, x) / (2 * torch.pi),
    "unity": lambda x, y, z: 0.5 - torch.atan2(z, x) / (2 * torch.pi),
    "unreal": lambda x, y, z: 0.5 + torch.atan2(x, -y) / (2 * torch.pi),
}
# docs/axes.md: our direction in the program's frame, and the direction that it looks up after our turn.
OURS = {
    "mitsuba": lambda x, y, z: (x, y, z),
    "three.js": lambda x, y, z: (x, y, z),
    "blender": lambda x, y, z: (x, -z, y),
    "unity": lambda x, y, z: (x, y, -z),
    "unreal": lambda x, y, z: (-z, x, y),
}
LOOKED_UP = {
    "mitsuba": lambda x, y, z: (x, y, z),
    "three.js": lambda x, y, z: (z, y, -x),  # the background turned by −90° about +Y
    "blender": lambda x, y, z: (-y, x, z),  # the vector turned by +90° about +Z
    "unity": lambda x, y, z: (-z, y, x),  # the sky turned by 270°: looked up at 90° more
    "unreal": lambda x, y, z: (-y, x, z),  # the vector turned by the angle of 90°, from +X to +Y
}


@pytest.mark.parametrize("program", list(FORMULAS))
def test_the_table_of_turns_follows_from_the_formulas(program: str) -> None:
    dirs = envmap.directions(16, dtype=torch.float64).reshape(-1, 3)
    column = FORMULAS[program](*LOOKED_UP[program](*OURS[program](*dirs.unbind(-1)))) % 1.0
    expected = (envmap.pixel_from_direction(dirs, 16)[1] / 32.0) % 1.0
    apart = (column - expected + 0.5) % 1.0 - 0.5
    torch.testing.assert_close(apart, torch.zeros_like(apart), atol=1e-9, rtol=0)


def forward_of(program: str, numbers: list[float]) -> tuple[float, float, float]:
    """Where a lamp of this rotation shines in the program's frame, by its definition of angles."""
    if program == "unity":  # about Y to the right, after about X downwards, from +Z
        pitch, yaw = (math.radians(value) for value in numbers[:2])
        return math.sin(yaw) * math.cos(pitch), -math.sin(pitch), math.cos(yaw) * math.cos(pitch)
    pitch, yaw = (math.radians(value) for value in numbers[1:])  # upwards, to the right, from +X
    return math.cos(yaw) * math.cos(pitch), math.sin(yaw) * math.cos(pitch), math.sin(pitch)


def triple(text: str) -> list[float]:
    numbers = re.findall(r"\(([^()]*,[^()]*,[^()]*)\)", text)[-1].replace("−", "-")
    return [float(number) for number in numbers.split(",")]


def test_the_table_of_rotations_lets_lamps_shine_away_from_where_they_are() -> None:
    text = (DOCS / "axes.md").read_text(encoding="utf-8")
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| from ")]
    assert len(rows) == 6
    for row in rows:
        direction = triple(row[0])
        for program, cell in zip(("unity", "unreal"), row[1:], strict=True):
            away = [-value for value in OURS[program](*direction)]
            assert forward_of(program, triple(cell)) == pytest.approx(away, abs=1e-12), (program, row)


def test_the_rule_of_rotations_is_that_of_its_table() -> None:
    for x, y, z in ((0.6, 0.48, 0.64), (-0.6, -0.64, 0.48), (0.48, 0.6, -0.64)):
        azimuth, elevation = math.degrees(math.atan2(x, z)), math.degrees(math.asin(y))
        for program, rotation in (
            ("unity", [elevation, -azimuth, 0.0]),
            ("unreal", [0.0, -elevation, -azimuth]),
        ):
            away = [-value for value in OURS[program](x, y, z)]
            assert forward_of(program, rotation) == pytest.approx(away)
