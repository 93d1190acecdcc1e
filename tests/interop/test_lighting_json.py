"""lighting.json: exact round trips, a fixed meaning, and one-line errors."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from ftb.interop import hdr
from ftb.interop.lighting_json import LightingNotes, load_lighting, read_lighting_file, save_lighting
from ftb.maths import sh
from ftb.render.ball import BALL_MATERIALS, render_ball
from ftb.types import Lighting


def light(order: int = 2) -> Lighting:
    """A light of one present and one absent key, with numbers that have no short decimals."""
    generator = torch.Generator().manual_seed(order)
    coeffs = torch.randn((order + 1) ** 2, 3, generator=generator) * 0.1
    coeffs[0] = 2.0
    return Lighting(
        sh_coeffs=coeffs,
        key_dirs=torch.tensor([[2.0, 1.0, 2.0], [0.0, 0.0, 3.0]]) / 3.0,
        key_irradiance=torch.tensor([[1.1, 0.7, 1e-8], [0.0, 0.0, 0.0]]),
        key_angular_radius=torch.tensor([0.013, 0.0]),
    )


@pytest.mark.parametrize("order", [0, 2, 4, 6])
def test_comes_back_exactly(order: int, tmp_path: Path) -> None:
    save_lighting(light(order), tmp_path / "new" / "lighting.json")
    value = load_lighting(tmp_path / "new" / "lighting.json")
    assert torch.equal(value.sh_coeffs, light(order).sh_coeffs)
    for name in ("key_dirs", "key_irradiance", "key_angular_radius"):
        assert torch.equal(getattr(value, name), getattr(light(order), name)[:1]), name
    assert value.environment is None
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["lighting.json"]


def test_notes_come_back(tmp_path: Path) -> None:
    notes = LightingNotes(
        exposure=0.5, direction_error_deg=11.25, provenance={"photo": "Ä.jpg", "ftb": "0.1"}
    )
    save_lighting(light(), tmp_path / "a.json", notes)
    assert read_lighting_file(tmp_path / "a.json")[1] == notes
    save_lighting(light(), tmp_path / "a.json")
    assert read_lighting_file(tmp_path / "a.json")[1] == LightingNotes()


def test_the_file_says_what_it_means(tmp_path: Path) -> None:
    # One lamp at image right, 30° up: azimuth 90°, fully directional.
    lamp = dataclasses.replace(
        light(),
        sh_coeffs=torch.zeros(9, 3),
        key_dirs=torch.tensor([[math.sqrt(0.75), 0.5, 0.0], [0.0, 0.0, 1.0]]),
    )
    save_lighting(lamp, tmp_path / "a.json")
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    document = json.loads(text)
    assert document["format"] == "ftb-lighting"
    assert document["version"] == 1
    assert document["dominant_direction"]["azimuth_deg"] == pytest.approx(90.0, abs=0.01)
    assert document["dominant_direction"]["elevation_deg"] == pytest.approx(30.0, abs=0.01)
    assert document["directionality"] == pytest.approx(1.0, abs=1e-4)
    assert len(document["sh_coeffs"]) == 9
    assert document["key_lights"][0]["irradiance"] == [1.1, 0.7, 1e-08]
    assert "towards the camera" in document["convention"]
    assert '"irradiance": [1.1, 0.7, 1e-08]' in text  # one line a triple


def test_an_image_is_its_environment(tmp_path: Path, generator: torch.Generator) -> None:
    environment = torch.rand(16, 32, 3, generator=generator)
    for name, tolerance in (("a.exr", 0.0), ("a.hdr", 1e-2)):
        hdr.write_environment(tmp_path / name, environment)
        value = load_lighting(str(tmp_path / name))
        assert value.environment is not None
        torch.testing.assert_close(value.environment, environment, atol=tolerance, rtol=0)
        torch.testing.assert_close(value.sh_coeffs, sh.project_environment(value.environment, 4))
        assert value.key_dirs.shape == (0, 3)


@pytest.mark.parametrize("material", list(BALL_MATERIALS))
def test_what_is_loaded_can_be_rendered(material: str, tmp_path: Path) -> None:
    save_lighting(light(), tmp_path / "a.json")
    torch.testing.assert_close(
        render_ball(load_lighting(tmp_path / "a.json"), material, 16), render_ball(light(), material, 16)
    )
    hdr.write_environment(tmp_path / "a.exr", torch.ones(16, 32, 3))
    assert float(render_ball(load_lighting(tmp_path / "a.exr"), material, 16).max()) > 0.1


def document() -> dict[str, Any]:
    """A valid file's content."""
    return {
        "format": "ftb-lighting",
        "version": 1,
        "sh_order": 1,
        "sh_coeffs": [[1, 1, 1.0], [0, 0, 0], [0.5, 0.5, 0.5], [0, 0, 0]],
        "key_lights": [{"direction": [0, 0, 1], "irradiance": [1, 1, 1], "angular_radius": 0.1}],
    }


def test_the_least_that_is_needed(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(document()), encoding="utf-8")
    value, notes = read_lighting_file(tmp_path / "a.json")
    assert value.sh_coeffs.shape == (4, 3)
    assert notes.exposure == 1.0


KEY = {"direction": [0, 0, 1], "irradiance": [1, 1, 1], "angular_radius": 0.1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "gltf"}, 'format: expected "ftb-lighting", got "gltf"'),
        ({"version": 2}, "version: expected 1; a newer version of ftb may read it, got 2"),
        ({"version": True}, "version: expected 1; a newer version of ftb may read it, got true"),
        ({"sh_order": 2}, "sh_coeffs: expected a list of 9 triples"),
        ({"sh_order": True}, "sh_order: expected a whole number from 0 to 10, got true"),
        ({"sh_order": -1}, "sh_order: expected a whole number"),
        ({"sh_coeffs": "many"}, "sh_coeffs: expected a list of 4 triples"),
        ({"sh_coeffs": [[1, 1, 1], [0, 0], [0, 0, 0], [0, 0, 0]]}, r"sh_coeffs\[1\]: expected three numbers"),
        (
            {"sh_coeffs": [[1, 1, 1], [0, 0, "x"], [0, 0, 0], [0, 0, 0]]},
            r"sh_coeffs\[1\]: expected three numbers",
        ),
        ({"sh_coeffs": [[1e300, 1, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]]}, r"sh_coeffs\[0\]: expected three"),
        ({"key_lights": {}}, "key_lights: expected a list"),
        ({"key_lights": [3]}, r"key_lights\[0\]: expected an object"),
        (
            {"key_lights": [{**KEY, "direction": [0, 0, 2]}]},
            r"key_lights\[0\]: direction: expected a unit vector, got \[0, 0, 2\]",
        ),
        ({"key_lights": [{**KEY, "irradiance": [1, -1, 1]}]}, "irradiance: expected numbers >= 0"),
        (
            {"key_lights": [{**KEY, "angular_radius": 3.0}]},
            "angular_radius: expected a number from 0 to 1.57",
        ),
        ({"key_lights": [{**KEY, "colour": 1}]}, r"key_lights\[0\]: unknown field 'colour'"),
        ({"exposure": 0}, "exposure: expected a number from"),
        ({"exposure": None}, "exposure: expected a number from"),
        ({"provenance": {"photo": 3}}, "provenance: expected an object of strings"),
        ({"direction_error_deg": 200}, "direction_error_deg: expected a number from 0 to 180"),
        ({"sh_coefs": []}, "unknown field 'sh_coefs'"),
    ],
)
def test_wrong_fields(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({**document(), **change}), encoding="utf-8")
    with pytest.raises(ValueError, match=message) as caught:
        load_lighting(tmp_path / "a.json")
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "a.json") in str(caught.value)


@pytest.mark.parametrize("name", list(document()))
def test_missing_fields(name: str, tmp_path: Path) -> None:
    content = document()
    del content[name]
    (tmp_path / "a.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match=f"expected a field '{name}', it is missing"):
        load_lighting(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected JSON"),
        (b"{", "expected JSON"),
        (b"[1, 2]", "expected an object"),
        (b'{"format": NaN}', "it holds NaN"),
        (b'{"format": 1, "format": 2}', "the field 'format' occurs twice"),
        (b"\xff\xfe\x00", "expected JSON text in UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_no_json(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        load_lighting(tmp_path / "a.json")
    assert "\n" not in str(caught.value)


def test_wrong_paths_and_lights(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected a file that ends in \.json, \.exr, \.hdr, got .*a\.png"):
        load_lighting(tmp_path / "a.png")
    with pytest.raises(FileNotFoundError, match="lighting: no file"):
        load_lighting(tmp_path / "a.json")
    with pytest.raises(ValueError, match=r"expected a file that ends in \.json"):
        save_lighting(light(), tmp_path / "a.exr")
    batch = light().map(lambda tensor: tensor[None])
    with pytest.raises(ValueError, match="one light, not a batch"):
        save_lighting(batch, tmp_path / "a.json")
    with pytest.raises(ValueError, match=r"lighting\.sh_coeffs: expected finite numbers"):
        save_lighting(
            dataclasses.replace(light(), sh_coeffs=torch.full((9, 3), math.nan)), tmp_path / "a.json"
        )
    assert list(tmp_path.iterdir()) == []
