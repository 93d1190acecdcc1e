"""Configurations are strict, and what is written reads back equal."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

import pytest

from ftb import strict_toml
from ftb.config import (
    Config,
    config_from_toml,
    config_to_toml,
    differing_keys,
    load_config,
    preset_names,
)
from ftb.nets.base import PRESETS as NETWORK_PRESETS
from ftb.training.trained import learning_rate_at


@dataclasses.dataclass(frozen=True, kw_only=True)
class Leaf:
    number: float = 1.0
    pair: tuple[float, float] = (0.0, 1.0)
    many: tuple[int, ...] = (1, 2)
    choice: Literal["a", "b"] = "a"
    maybe: int | None = None
    text: str = 'quoted "ü" \\ \n'
    flag: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tree:
    count: int = 3
    leaf: Leaf = dataclasses.field(default_factory=Leaf)


def test_every_kind_of_value_survives_a_round_trip() -> None:
    leaf = Leaf(number=0.1 + 0.2, pair=(-1e-9, 1e20), many=(), choice="b", maybe=4, flag=True)
    for tree in (Tree(), Tree(count=-7, leaf=leaf)):
        assert strict_toml.parse(Tree, strict_toml.to_toml(tree), where="text") == tree


def test_whole_numbers_are_numbers_but_not_the_reverse() -> None:
    assert strict_toml.apply_settings(Tree(), ("leaf.number=3",)).leaf.number == 3.0
    with pytest.raises(ValueError, match=r"--set: count: expected a whole number, got 3\.5"):
        strict_toml.apply_settings(Tree(), ("count=3.5",))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("cuont=3", 'unknown key "cuont"; the nearest known one is "count"'),
        ("leaf.numbre=3", 'unknown key "leaf.numbre"; the nearest known one is "leaf.number"'),
        ("leaf.number.deeper=3", "unknown key"),
        ("leaf=3", "leaf: expected a table, got 3"),
        ("leaf.flag=1", "leaf.flag: expected true or false, got 1"),
        ("count=true", "count: expected a whole number, got True"),
        ("leaf.text=7", "leaf.text: expected a string, got 7"),
        ("leaf.pair=[1, 2, 3]", r"leaf.pair: expected 2 values, got \[1, 2, 3\]"),
        ("leaf.many=[1, x]", "leaf.many: expected an array in brackets, got"),
        ("leaf.many=[1, 'x']", r"leaf.many\[1\]: expected a whole number, got 'x'"),
        ("leaf.choice=c", "leaf.choice: expected one of a, b, got 'c'"),
        ("count", 'expected key=value such as train.steps=200, got "count"'),
    ],
)
def test_mistakes_are_named_in_one_line(setting: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        strict_toml.apply_settings(Tree(), (setting,))
    assert str(caught.value).startswith("--set: ")
    assert "\n" not in str(caught.value)


def test_a_bare_word_is_a_string_and_the_last_setting_wins() -> None:
    tree = strict_toml.apply_settings(Tree(), ("leaf.text=some words", "count=1", "count=2"))
    assert (tree.leaf.text, tree.count) == ("some words", 2)


def test_configuration_round_trip_and_presets() -> None:
    for name in preset_names():
        config = load_config(name)
        assert config_from_toml(config_to_toml(config), where="text") == config
    assert load_config(None) == load_config("quickstart")


def test_settings_that_must_change_together_may() -> None:
    config = load_config(None, ("net.ball_size=16", "stream.ball_size=16"))
    assert config.net.ball_size == 16
    with pytest.raises(ValueError, match=r"--set: net.ball_size: expected stream.ball_size, 32, got 16"):
        load_config(None, ("net.ball_size=16",))


def test_messages_name_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[train]\nlerning_rate = 0.1\n")
    with pytest.raises(ValueError, match=r'unknown key "train\.lerning_rate"') as caught:
        load_config(str(file))
    assert str(caught.value).startswith(str(file))
    assert str(caught.value).endswith('the nearest known one is "train.learning_rate"')
    file.write_text("[train\n")
    with pytest.raises(ValueError, match="not valid TOML"):
        load_config(str(file))
    file.write_text("[train]\nsteps = 0\n")
    with pytest.raises(ValueError, match=r"mine.toml: train.steps: expected at least 1, got 0"):
        load_config(str(file))
    with pytest.raises(FileNotFoundError, match=r"presets: .*quickstart"):
        load_config(str(tmp_path / "missing.toml"))


def test_only_keys_that_change_learning_differ() -> None:
    first = Config()
    second = load_config(None, ("train.steps=11", "train.save_seconds=3", "stream.workers=2"), base=first)
    assert differing_keys(first, second) == ["train.steps"]


def test_the_large_preset_is_the_network_of_that_name() -> None:
    assert load_config("large").net == NETWORK_PRESETS["resnet34"]


def test_the_original_preset_has_500_rounds_of_1200_pairs_and_a_rate_from_1e_4_to_1e_5() -> None:
    config = load_config("original")
    assert config.train.steps * config.stream.batch_size == 500 * 1200
    assert (config.net.kind, config.net.encoder, config.loss.ball_kind) == ("direct", "resnet34", "mix")
    rates = [learning_rate_at(step, config.train) for step in (500, config.train.steps)]
    assert rates == pytest.approx([1e-4, 1e-5], rel=0.01)


@pytest.mark.parametrize("text", ["a=" + "[" * 100_000, "a=" + "1" * 6000])
def test_toml_that_no_parser_can_take_is_one_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"deep\.toml: not valid TOML: "):
        config_from_toml(text, where="deep.toml")
