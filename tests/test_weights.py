"""The weights that ship: listed, small, and better than a guess on light that they have not seen."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch

from ftb.assets_path import assets_path
from ftb.checkpoint import read_checkpoint
from ftb.data.stream import PairStream, StreamConfig
from ftb.estimation.estimator import Estimator
from ftb.scene.lighting_ops import angle_deg, dominant
from ftb.scene.lights import LightConfig, LightShares
from ftb.scene.scene_config import SceneConfig
from ftb.types import concatenate

MOST_BYTES = 16e6
ONE_LIGHT = LightShares(
    sky=0.0, softboxes=0.0, window=0.0, ring_flash=0.0, flash_in_dark=1.0, one_light=0.0, light_stage=0.0,
    hdri=0.0, mixture=0.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def weights() -> Path:
    found = sorted((assets_path() / "weights").glob("*.safetensors"))
    assert len(found) == 1, "one file of weights ships"
    return found[0]


def test_they_are_listed_with_their_digest_and_are_small(weights: Path):
    content = weights.read_bytes()
    card = (assets_path() / "weights" / "README.md").read_text(encoding="utf-8")
    assert f"`{weights.name}`" in card
    assert hashlib.sha256(content).hexdigest() in card
    assert len(content) <= MOST_BYTES


def test_they_name_no_folder_of_the_machine_that_trained_them(weights: Path):
    config = read_checkpoint(weights, groups=()).config
    assert (config.data.hdri, config.data.heads, config.data.split, config.train.start_from) == ("",) * 4


def test_they_find_a_single_light_on_new_heads():
    """Median error; always answering "frontal" would be off by half of the lights' largest angle, 40°."""
    estimator = Estimator.load(device="cpu")
    scene = SceneConfig(
        samples_per_head=2,
        sky_receivers=200,
        sky_directions=64,
        light=LightConfig(shares=ONE_LIGHT, max_off_axis_deg=80.0),
    )
    config = StreamConfig(
        seed=77, image_size=estimator.image_size, ball_size=32, batch_size=8, workers=0, scene=scene
    )
    with PairStream(config, split="weights") as stream:
        pair = concatenate(list(stream.batches(0, 4)))
    found = dominant(estimator.predict(pair.photo_srgb).lighting)[0]
    errors = angle_deg(found.double(), dominant(pair.lighting)[0].double())
    assert float(errors.median()) < 15.0
    assert float(errors.mean()) < 25.0


def test_a_portrait_needs_no_checkpoint():
    light = Estimator.load(device="cpu").estimate(assets_path() / "examples" / "astronaut.jpg")
    direction, directionality = dominant(light)
    assert torch.isfinite(light.sh_coeffs).all()
    assert float(direction[2]) > 0.0, "light that shows a face comes from its front"
    assert float(direction[1]) > -0.2
    assert 0.05 < float(directionality) <= 1.0
