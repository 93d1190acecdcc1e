"""Batches from other processes: what goes wrong there is one clear line here, and nobody waits for ever."""

from __future__ import annotations

import gc
import sys

import pytest
import torch

from ftb.data.stream import ChunkDataset, Sources, StreamConfig
from ftb.data.workers import _Answers, batches_of
from ftb.errors import raise_if_worker_died
from ftb.scene.scene_config import SceneConfig
from tests.data.breaking import Breaking

SMALL = StreamConfig(
    image_size=32,
    ball_size=32,
    scene=SceneConfig(samples_per_head=8, sky_receivers=100, sky_directions=32),
)


def test_pairs_cross_unchanged_and_in_order() -> None:
    here, there = (
        list(batches_of(ChunkDataset(SMALL, "train", Sources()), [3, 1, 4], workers=workers, ahead=2))
        for workers in (0, 2)
    )
    first = [pair.index.tolist() for pair, _ in there]
    size = SMALL.chunks_at_once() * SMALL.scene.samples_per_head
    assert first == [[*range(number * size, number * size + size)] for number in (3, 1, 4)]
    assert all(torch.equal(a.photo_srgb, b.photo_srgb) for (a, _), (b, _) in zip(here, there, strict=True))
    assert all(seconds > 0 for _, seconds in there)


@pytest.mark.parametrize(
    ("how", "kind", "message"),
    [
        ("bad", ValueError, r"^bust.ply: has no faces$"),
        ("unwritable", OSError, r"No space left on device: '/somewhere/file'$"),
        ("killed", OSError, r"^a process that makes batches died, .*--set stream.workers=1$"),
    ],
)
def test_what_breaks_a_worker_is_told_in_a_line(how: str, kind: type[Exception], message: str) -> None:
    batches = batches_of(Breaking(how), range(8), workers=1, ahead=1)
    if how != "killed":  # a death is noticed at once, be there batches left or not
        assert [next(batches)[0].index.tolist() for _ in range(2)] == [[*range(8)], [*range(8, 16)]]
    with pytest.raises(kind, match=message) as caught:
        list(batches)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_workers_that_end_badly_once_nobody_needs_them_are_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", found.append)
    batches = batches_of(Breaking("ends badly"), range(2, 9), workers=2, ahead=1)
    assert next(batches)[0].index.tolist() == [*range(16, 24)]
    batches.close()
    gc.collect()
    assert not found


def test_processes_that_cannot_be_started_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> object:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("multiprocessing.synchronize.SemLock.__init__", full)
    with pytest.raises(OSError, match=r"cannot be started: .*No space left on device; .*stream.workers=0$"):
        next(batches_of(ChunkDataset(SMALL, "train", Sources()), [0], workers=1, ahead=1))


def test_a_full_folder_of_temporary_files_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket for tensors lies there; torch opens it in a thread whose errors reach nobody."""
    answers = _Answers(ChunkDataset(SMALL, "train", Sources()), shared=True)

    def full(_: object) -> bytes:
        raise OSError(28, "No space left on device", "/somewhere/pymp-1")

    monkeypatch.setattr("multiprocessing.reduction.ForkingPickler.dumps", full)
    answer = answers[0]
    assert isinstance(answer, OSError)
    assert str(answer).startswith("a process that makes batches cannot hand them over: ")
    assert "'/somewhere/pymp-1'" in str(answer)


def test_full_shared_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = _Answers(ChunkDataset(SMALL, "train", Sources()), shared=True)

    def full(_: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("unable to write to file </torch_1>: No space left on device (28)\nframe #0: …")

    monkeypatch.setattr(torch.Tensor, "share_memory_", full)
    answer = answers[0]
    assert isinstance(answer, OSError)
    assert str(answer).startswith("no room for a batch in shared memory: unable to write")
    assert str(answer).endswith("(28); in one process none is needed: --set stream.workers=0")


def test_only_deaths_of_workers_are_deaths() -> None:
    raise_if_worker_died(RuntimeError("shapes do not match"))
    with pytest.raises(OSError, match=r"=1; the checkpoint of step 3 is kept$"):
        raise_if_worker_died(
            RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed."),
            rest="; the checkpoint of step 3 is kept",
        )
