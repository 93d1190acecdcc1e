"""Scenes: the framing rule in pixels, and draws that depend on the sample's number alone."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from ftb.maths.random import generator_for
from ftb.scene.framing import CROP_OVER_EYES_TO_MOUTH, DETECTED_OVER_MESH
from ftb.scene.landmarks import detected_landmarks
from ftb.scene.sampler import sample_camera, sample_chunk, sample_chunks
from ftb.scene.scene_config import FramingConfig, SceneConfig
from tests.render.shapes import BumpyHeads

STILL = FramingConfig(yaw=0.0, pitch=0.0, chin_up=0.0, roll=0.0, detected=0.0, crop=(2.5, 2.5), shift=0.0)


def projected(camera, points):
    """Picture coordinates (N, 2) in [−1, 1], x right and y up, of head-frame points (N, 3)."""
    seen = points @ camera.cam_from_world[:3, :3].T + camera.cam_from_world[:3, 3]
    return seen[:, :2] / -seen[:, 2:] / camera.half_width


def landmarks_of(head):
    eyes, mouth = head.landmarks[:2].mean(0), head.landmarks[3:].mean(0)
    return torch.stack([eyes, mouth])


def test_crop_is_the_stated_multiple_of_eyes_to_mouth():
    head = BumpyHeads().head(torch.Generator().manual_seed(0))
    camera = sample_camera(STILL, head, generator=generator_for(0, "train", 3, "camera"))
    eyes, mouth = projected(camera, landmarks_of(head))
    # The picture is 2 wide, and 2.5 times the distance from the eyes to the mouth.
    assert float((eyes - mouth).norm()) == pytest.approx(2.0 / 2.5, rel=1e-4)
    assert float(((eyes + mouth) / 2.0).norm()) == pytest.approx(0.0, abs=1e-5)
    assert float(eyes[1]) > 0.0 > float(mouth[1])


def test_a_chunk_carries_the_landmarks_that_a_detector_marks():
    """By the sample's own number, and near where the head's own landmarks are."""
    config, source = SceneConfig(samples_per_head=3), BumpyHeads()
    chunk = sample_chunk(config, source, None, seed=4, split="train", chunk=2)
    for row, index in enumerate(chunk.index.tolist()):
        true = projected(chunk.camera[row], chunk.head.landmarks.float())
        generators = [generator_for(4, "train", index, "landmarks")]
        (expected,) = detected_landmarks(true[None], generators=generators)
        torch.testing.assert_close(chunk.landmarks[row], expected, atol=1e-6, rtol=0)
        length = float((true[:2].mean(0) - true[3:].mean(0)).norm())
        assert float((chunk.landmarks[row] - true).norm(dim=-1).max()) < 0.4 * length


def test_positive_yaw_turns_the_face_to_image_right():
    head = BumpyHeads().head(torch.Generator().manual_seed(0))
    framing = dataclasses.replace(STILL, yaw=20.0)
    for index in range(8):
        camera = sample_camera(framing, head, generator=generator_for(0, "train", index, "camera"))
        forward = camera.cam_from_world[:3, :3] @ torch.tensor([0.0, 0.0, 1.0])
        nose, eyes = projected(camera, torch.stack([head.landmarks[2], landmarks_of(head)[0]]))
        assert math.copysign(1.0, float(nose[0] - eyes[0])) == math.copysign(1.0, float(forward[0]))


def test_chin_up_turns_the_face_up():
    head = BumpyHeads().head(torch.Generator().manual_seed(0))
    framing = dataclasses.replace(STILL, chin_up=10.0)
    camera = sample_camera(framing, head, generator=generator_for(0, "train", 3, "camera"))
    forward = camera.cam_from_world[:3, :3] @ torch.tensor([0.0, 0.0, 1.0])
    assert float(forward[1]) == pytest.approx(math.sin(math.radians(10.0)), abs=1e-5)


def test_a_detected_face_is_framed_as_the_estimator_would():
    head = BumpyHeads().head(torch.Generator().manual_seed(0))
    framing = dataclasses.replace(STILL, detected=1.0, jitter=0.0)
    camera = sample_camera(framing, head, generator=generator_for(0, "train", 3, "camera"))
    eyes, mouth = projected(camera, landmarks_of(head))
    side = 2.0 / float((eyes - mouth).norm())  # over the distance between the mesh's landmarks
    assert side == pytest.approx(CROP_OVER_EYES_TO_MOUTH * DETECTED_OVER_MESH, rel=1e-4)


def test_a_sample_is_its_number():
    config = SceneConfig(samples_per_head=4)
    draw = lambda chunk: sample_chunk(config, BumpyHeads(), None, seed=7, split="val", chunk=chunk)  # noqa: E731
    second, again = draw(1), draw(1)
    assert second.index.tolist() == [4, 5, 6, 7]
    assert torch.equal(second.lighting.key_irradiance, again.lighting.key_irradiance)
    assert torch.equal(second.camera.cam_from_world, again.camera.cam_from_world)
    assert not torch.equal(second.camera.cam_from_world, draw(2).camera.cam_from_world)


@pytest.mark.parametrize("samples", [1, 3])
def test_chunks_have_the_same_bits_in_any_company(samples):
    config = SceneConfig(samples_per_head=samples, scatter_mm=(0.5, 2.0))
    source = BumpyHeads()
    together = sample_chunks(config, dict.fromkeys((5, 2, 11), source), None, seed=7, split="val")
    assert [chunk.index.tolist() for chunk in together] == [
        list(range(number * samples, (number + 1) * samples)) for number in (5, 2, 11)
    ]
    for number, chunk in zip((5, 2, 11), together, strict=True):
        alone = sample_chunk(config, source, None, seed=7, split="val", chunk=number)
        assert chunk.kinds == alone.kinds
        for name in ("camera", "lighting", "capture"):
            for field in dataclasses.fields(getattr(alone, name)):
                one, other = (getattr(getattr(each, name), field.name) for each in (chunk, alone))
                assert torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other
        for name in ("index", "landmarks", "scatter"):
            assert torch.equal(getattr(chunk, name), getattr(alone, name))
        assert torch.equal(chunk.head.mesh.vertices, alone.head.mesh.vertices)


def test_neighbours_of_one_source_are_drawn_together():
    """And each chunk gets the head of its own stream."""
    drawn = []

    class Counting(BumpyHeads):
        def heads(self, generators):
            drawn.append(len(generators))
            return super().heads(generators)

    first, second = Counting(), Counting()
    sources = {4: first, 5: first, 9: second, 6: first}
    chunks = sample_chunks(SceneConfig(samples_per_head=1), sources, None, seed=3, split="train")
    assert drawn == [2, 1, 1]
    for number, chunk in zip(sources, chunks, strict=True):
        expected = first.head(generator_for(3, "train", number, "head"))
        assert torch.equal(chunk.head.mesh.vertices, expected.mesh.vertices)
        assert chunk.index.tolist() == [number]
