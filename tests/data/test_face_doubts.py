"""Doubts widen the expected error: by half their degrees with the warning, by all of them at worst."""

from __future__ import annotations

import math

import pytest

from ftb.data.face_doubts import MOST_DEG, RULES, Doubt, doubts_of, widened_error_deg


def degrees(kind: str, measure: float) -> float:
    return sum(doubt.degrees for doubt in doubts_of([(kind, measure, "words")]))


@pytest.mark.parametrize("kind", list(RULES))
def test_the_deeper_the_doubt_the_wider_the_error(kind: str) -> None:
    rule = RULES[kind]
    step = (rule.complete - rule.begins) / 20
    along = [degrees(kind, rule.begins + number * step) for number in range(-10, 40)]
    assert along == sorted(along)
    assert along[:11] == [0.0] * 11  # nothing up to where it begins
    assert along[11] == pytest.approx(0.5 * rule.degrees * 1.05)
    assert along[20] == pytest.approx(0.5 * rule.degrees * 1.5)
    assert along[30:] == pytest.approx([rule.degrees] * 20)


def test_errors_add_as_independent_ones() -> None:
    thirty, forty = Doubt(text="dark", degrees=30.0), Doubt(text="cut", degrees=40.0)
    assert widened_error_deg(0.0, [thirty, forty]) == pytest.approx(50.0)
    assert widened_error_deg(12.0, []) == 12.0
    assert widened_error_deg(40.0, [thirty]) == pytest.approx(50.0)
    assert widened_error_deg(None, [thirty]) is None


def test_more_of_anything_never_makes_it_surer() -> None:
    doubts = [Doubt(text=name, degrees=rule.degrees) for name, rule in RULES.items()]
    for own in (0.0, 5.0, 30.0, 89.0, 120.0):
        errors = [widened_error_deg(own, doubts[:count]) for count in range(len(doubts) + 1)]
        assert errors == sorted(errors)
        assert errors[0] == own
        assert max(errors) <= max(own, MOST_DEG)
    for some in (doubts[:1], doubts):
        errors = [widened_error_deg(float(own), some) for own in range(181)]
        assert errors == sorted(errors)
    assert widened_error_deg(80.0, doubts) == MOST_DEG
    assert not math.isclose(widened_error_deg(10.0, doubts[:1]), 10.0)
