"""Kernels started on torch tensors: the first time Warp's own way, then with what was made for it."""

from __future__ import annotations

import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from ftb.kernels import starting
from ftb.kernels.start import building, wp
from ftb.kernels.starting import launch, packed, spared

CPU = torch.device("cpu")
Five = wp.types.vector(length=5, dtype=float)


@wp.struct
class Inner:
    """A number and a vector."""

    offset: float
    places: wp.vec2i


@wp.struct
class Outer:
    """A struct in a struct, and an array."""

    inner: Inner
    weights: wp.array(dtype=wp.float64)
    negate: bool


@wp.kernel
def mixed_sums(
    points: wp.array(dtype=wp.vec3),
    turns: wp.array(dtype=wp.mat33),
    fives: wp.array(dtype=Five),
    table: wp.array(dtype=float, ndim=2),
    flags: wp.array(dtype=wp.uint8),
    outer: Outer,
    factor: float,
    towards: wp.vec3,
    sums: wp.array(dtype=float),
):
    """A bit of everything that a kernel may be given."""
    n = wp.tid()
    sum = wp.dot(turns[n] * points[n], towards) * factor + fives[n][4]
    sum += table[n, outer.inner.places[1]] + outer.inner.offset + float(outer.weights[n])
    if outer.negate:
        sum = -sum
    if flags[n] != wp.uint8(0):
        sums[n] = sum


def arguments(count: int, seed: int, negate: bool) -> tuple[list, torch.Tensor]:
    """Inputs of `mixed_sums`, and what it answers by torch."""
    generator = torch.Generator().manual_seed(seed)
    points, towards = torch.randn(count, 3, generator=generator), torch.randn(3, generator=generator)
    turns = torch.randn(count, 3, 3, generator=generator)
    fives, table = torch.randn(count, 5, generator=generator), torch.randn(count, 7, generator=generator)
    weights = torch.randn(count, generator=generator, dtype=torch.float64)
    flags = (torch.rand(count, generator=generator) < 0.5).to(torch.uint8)
    inner = packed(Inner, offset=float(seed), places=wp.vec2i(1, 3))
    outer = packed(Outer, inner=inner, weights=weights, negate=negate)
    sums = torch.zeros(count)
    expected = 2.5 * (turns @ points[..., None])[..., 0] @ towards + fives[:, 4]
    expected = expected + table[:, 3] + seed + weights.float()
    expected = torch.where(flags > 0, -expected if negate else expected, 0.0)
    inputs = [points, turns, fives, table, flags, outer, 2.5, wp.vec3(*towards.tolist()), sums]
    return inputs, expected


def test_every_start_reads_its_own_arguments():
    for count, seed, negate in ((7, 1, False), (7, 2, True), (50, 3, False), (3, 4, True)):
        inputs, expected = arguments(count, seed, negate)
        launch(mixed_sums, count, inputs, CPU)
        torch.testing.assert_close(inputs[-1], expected, atol=1e-5, rtol=1e-5)


def test_a_second_start_reuses_what_the_first_made():
    """Else this version of Warp has other arrays than we know, and rendering is a tenth slower."""
    for seed in (1, 2):
        launch(mixed_sums, 4, arguments(4, seed, False)[0], CPU)
    (command,) = starting._IDLE[mixed_sums]
    assert command.replay is not None


def test_where_warps_arrays_are_not_what_we_know_it_starts_its_own_way(monkeypatch):
    monkeypatch.setattr(starting, "_IDLE", {})
    monkeypatch.setattr(starting, "_array_writer", lambda kind, place: lambda tensor: None)
    for seed in (1, 2):
        inputs, expected = arguments(9, seed, False)
        launch(mixed_sums, 9, inputs, CPU)
        torch.testing.assert_close(inputs[-1], expected, atol=1e-5, rtol=1e-5)
    assert [command.replay for command in starting._IDLE[mixed_sums]] == [None]


def test_threads_do_not_share_arguments():
    def run(seed: int) -> bool:
        inputs, expected = arguments(2000, seed, seed % 2 == 0)
        launch(mixed_sums, 2000, inputs, CPU)
        return torch.allclose(inputs[-1], expected, atol=1e-4)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(run, range(200)))


def test_tensors_that_a_kernel_would_misread_are_refused():
    for starts in range(2):  # the first, and a later one
        for position, wrong in (
            (0, torch.zeros(4, 6)[:, ::2]),
            (4, torch.zeros(4)),
            (3, torch.zeros(7, 4).T),
        ):
            inputs, _ = arguments(4, starts, False)
            inputs[position] = wrong
            with pytest.raises(TypeError, match="expected a tensor of torch"):
                launch(mixed_sums, 4, inputs, CPU)
        launch(mixed_sums, 4, arguments(4, starts, False)[0], CPU)
    inputs, _ = arguments(4, 1, False)
    inputs[0] = torch.zeros(4, 3, device="meta")
    with pytest.raises(TypeError, match="expected a tensor on the CPU, got one on meta"):
        launch(mixed_sums, 4, inputs, CPU)
    with pytest.raises(TypeError, match=r"Inner: expected fields \['offset', 'places'\], got \['offset'\]"):
        packed(Inner, offset=1.0)


def test_what_a_start_was_given_is_let_go():
    inputs, _ = arguments(4, 1, False)
    memory = np.ones((4, 3), dtype=np.float32)
    inputs[0], gone = torch.from_numpy(memory), weakref.ref(memory)
    starting._IDLE.pop(mixed_sums, None)
    launch(mixed_sums, 4, inputs, CPU)
    del inputs, memory
    assert gone() is None


def test_spared_memory_goes_on():
    whole = torch.arange(24.0).view(4, 2, 3)
    for tensor in (whole, whole[1:], whole[:3], whole[:, 1], whole.double(), whole.transpose(0, 2)):
        found = spared(tensor)
        assert torch.equal(found, tensor.float())
        assert found.is_contiguous()
        end = found.storage_offset() + found.numel()
        assert found.untyped_storage().nbytes() >= 4 * (end + 1)
    assert spared(whole[:3]).data_ptr() == whole.data_ptr()  # which need not be copied


def test_no_threads_is_nothing_to_do():
    inputs, _ = arguments(4, 1, False)
    launch(mixed_sums, 0, inputs, CPU)
    assert not inputs[-1].any()


def test_a_full_folder_of_kernels_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wp.config, "kernel_cache_dir", "/somewhere/kernels")
    with (
        pytest.raises(OSError, match=r"^/somewhere/kernels: No space left on device; WARP_CACHE_PATH names"),
        building(),
    ):
        raise OSError(28, "No space left on device")
