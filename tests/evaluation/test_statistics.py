"""Means, intervals, medians and calibration, against scipy and values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ftb.evaluation.statistics import calibration, resamples, summarise, summarise_direction
from ftb.evaluation.tables import OFF_AXIS_EDGES, bin_of, fairness, histogram, tone_bin

VALUES = np.random.default_rng(3).gamma(2.0, 10.0, size=400)
ALONE = [str(number) for number in range(400)]


def test_intervals_are_those_of_the_bootstrap() -> None:
    found = summarise(VALUES, resamples(ALONE))
    wanted = stats.bootstrap((VALUES,), np.mean, method="percentile", rng=np.random.default_rng(1))
    # two bootstraps of some thousand draws agree within a few per cent of the interval's width
    width = wanted.confidence_interval.high - wanted.confidence_interval.low
    assert found["mean"] == pytest.approx(VALUES.mean(), rel=1e-12)
    assert found["low"] == pytest.approx(wanted.confidence_interval.low, abs=0.1 * width)
    assert found["high"] == pytest.approx(wanted.confidence_interval.high, abs=0.1 * width)


def test_heads_are_drawn_whole() -> None:
    heads = [str(number // 20) for number in range(400)]
    shared = np.repeat(np.random.default_rng(0).normal(size=20), 20)  # all that varies is the head
    drawn = resamples(heads)
    assert {len(set(row[:20].tolist())) for row in drawn} == {1}
    found = summarise(shared, drawn)
    naive = summarise(shared, resamples(ALONE))
    assert found["high"] - found["low"] > 3.0 * (naive["high"] - naive["low"])


def test_few_heads_are_not_drawn_whole() -> None:
    drawn = resamples(["a"] * 50 + ["b"] * 50)
    assert drawn.sum(axis=1).tolist() == [100] * len(drawn)
    assert len(set(drawn[0].tolist())) > 2


def test_what_is_not_finite_does_not_count() -> None:
    values = np.array([1.0, np.nan, 3.0, np.inf, 2.0])
    found = summarise(values, resamples(list("abcde")))
    assert (found["mean"], found["samples"]) == (2.0, 3)
    assert 1.0 <= found["low"] <= found["high"] <= 3.0
    nothing = summarise_direction(np.full(3, np.nan), resamples(list("abc")))
    assert nothing == {"mean": None, "low": None, "high": None, "samples": 0}


def test_medians_and_shares() -> None:
    found = summarise_direction(VALUES, resamples(ALONE))
    assert found["median"]["value"] == pytest.approx(np.median(VALUES))
    wanted = stats.bootstrap((VALUES,), np.median, method="percentile", rng=np.random.default_rng(1))
    width = wanted.confidence_interval.high - wanted.confidence_interval.low
    assert found["median"]["low"] == pytest.approx(wanted.confidence_interval.low, abs=0.2 * width)
    assert found["median"]["high"] == pytest.approx(wanted.confidence_interval.high, abs=0.2 * width)
    for limit in (5, 10, 20):
        assert found[f"under_{limit}_deg"]["share"] == pytest.approx(np.mean(VALUES < limit))


def test_calibration_by_tenths() -> None:
    random = np.random.default_rng(0)
    expected = random.uniform(2.0, 40.0, size=500)
    found = calibration(expected, expected * random.uniform(0.5, 1.7, size=500))
    assert [group["samples"] for group in found["groups"]] == [50] * 10
    assert sum(group["expected_deg"] for group in found["groups"]) / 10 == pytest.approx(expected.mean())
    assert found["gap_deg"] < 5.0
    twice = calibration(expected, 2.0 * expected)
    assert twice["gap_deg"] == pytest.approx(expected.mean())
    assert twice["rank_correlation"] == pytest.approx(1.0)


def test_fifths_are_equal_groups_in_order_of_what_is_expected() -> None:
    random = np.random.default_rng(8)
    expected, found = random.uniform(1.0, 50.0, size=103), random.uniform(0.0, 90.0, size=103)
    expected[7], found[9] = np.nan, np.nan
    pairs = sorted((e, f) for e, f in zip(expected, found, strict=True) if np.isfinite(e + f))
    fifths = calibration(expected, found)["fifths"]
    assert [group["samples"] for group in fifths] == [21, 20, 20, 20, 20]
    assert fifths[0]["found_deg"] == pytest.approx(sum(f for _, f in pairs[:21]) / 21)
    assert fifths[4]["expected_deg"] == pytest.approx(sum(e for e, _ in pairs[81:]) / 20)


def test_fairness_by_hand() -> None:
    def metrics(bias: float, error: float | None) -> dict[str, dict[str, float | None]]:
        return {"brightness_bias": {"mean": bias, "samples": 4}, "direction_error_deg": {"mean": error}}

    table = fairness(metrics(0.0, 10.0), {"01-02": metrics(0.2, 8.0), "09-10": metrics(-0.1, None)})
    assert table["01-02"] == {
        "samples": 4,
        "brightness_bias": 0.2,
        "direction_error_deg": 8.0,
        "direction_error_relative": pytest.approx(-0.2),
    }
    assert table["09-10"]["direction_error_relative"] is None


def test_rank_correlation_against_scipy() -> None:
    random = np.random.default_rng(5)
    first, second = random.integers(0, 12, 200).astype(float), random.normal(size=200)
    second += 0.1 * first
    wanted = stats.spearmanr(first, second).statistic
    assert calibration(first, second)["rank_correlation"] == pytest.approx(wanted, rel=1e-9)


def test_bins() -> None:
    assert [tone_bin(tone) for tone in (1.0, 2.4, 2.5, 5.0, 8.6, 10.0)] == [
        *("01-02", "01-02", "03-04", "05-06", "09-10", "09-10")
    ]
    assert bin_of(0.0, OFF_AXIS_EDGES, "03.0f") == "000-015"
    assert bin_of(15.0, OFF_AXIS_EDGES, "03.0f") == "015-030"
    assert bin_of(180.0, OFF_AXIS_EDGES, "03.0f") == "120-180"
    counts = histogram(np.array([-1.0, 0.1, 0.9, 5.0, np.nan]), (0.0, 0.5, 1.0))["counts"]
    assert counts == [2, 2]
