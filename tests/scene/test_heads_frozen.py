"""The sixteen heads that ship."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch

from ftb.assets_path import assets_path
from ftb.scene.heads_anny import AnnyHeads
from ftb.scene.heads_frozen import FrozenHeads, freeze, read_frozen


def test_sixteen_small_heads_over_all_tones(generator: torch.Generator) -> None:
    source = FrozenHeads()
    assert len(source) == 16
    tones = sorted(head.tone for head in source.loaded)
    assert tones[0] < 1.6
    assert tones[-1] > 9.4
    assert max(b - a for a, b in pairwise(tones)) < 1.2
    for path in (assets_path() / "heads").glob("frozen_*.npz"):
        assert path.stat().st_size < 300_000
    drawn = {source.head(generator).name for _ in range(200)}
    assert drawn == {head.name for head in source.loaded}
    assert torch.equal(source.at(3).mesh.vertices, source.loaded[3].mesh.vertices)


def test_freezing_keeps_a_head(tmp_path: Path) -> None:
    head = AnnyHeads(texture_size=128).head(torch.Generator().manual_seed(9))
    freeze(head, tmp_path / "frozen_00.npz")
    again = read_frozen(tmp_path / "frozen_00.npz")
    # Steps of 20 µm; eight-bit sRGB; materials halved in size.
    torch.testing.assert_close(again.mesh.vertices, head.mesh.vertices, atol=1.01e-5, rtol=0)
    assert (again.mesh.normals * head.mesh.normals).sum(-1).median() > 0.999
    torch.testing.assert_close(again.albedo_linear, head.albedo_linear, atol=5e-3, rtol=0)
    assert (again.material - head.material).abs().median() < 0.01
    assert again.tone == head.tone


def test_heads_of_another_topology_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = AnnyHeads(texture_size=128).head(torch.Generator().manual_seed(9))
    freeze(head, tmp_path / "frozen_00.npz")
    monkeypatch.setattr("ftb.scene.heads_frozen.anatomy_mark", lambda anatomy: "other")
    with pytest.raises(ValueError, match=r"another anatomy\.npz"):
        FrozenHeads(tmp_path)


def test_only_sources_whose_geometry_comes_back_say_so() -> None:
    source = FrozenHeads()
    assert source.recurring
    assert len({head.name for head in source.loaded}) == len(source)
    assert not AnnyHeads(texture_size=128).recurring
