"""What makes the light of a face less certain: told in words, and added to the expected error.

The one place of the rule. Each kind of doubt begins where its measure passes `begins` and is complete at
`complete`; in between its depth is the share of the way, 0 to 1. A doubt of depth d adds

    degrees · (1 + d) / 2

to what the network expects of itself, in quadrature, as independent errors add: half of it with the warning,
all of it where the picture is all but useless. The sum ends at 90°, what an answer at random errs on average.
More of anything never makes an answer surer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MOST_DEG = 90.0

# A kind of doubt, its measure, and the words for it should it be doubtful.
Measure = tuple[str, float, str]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """From where to where a measure is doubtful (it may fall or rise), and what that may cost, degrees."""

    begins: float
    complete: float
    degrees: float

    def depth(self, measure: float) -> float | None:
        """0 to 1, or None where there is nothing to doubt."""
        share = (measure - self.begins) / (self.complete - self.begins)
        return min(share, 1.0) if share > 0.0 else None


# dark: encoded luminance, bytes, that a twentieth of the square exceeds. clipped: share of the square that
# is white. cut: share of the square within the picture. covered: the detector's score close up, which a half
# covered face may still have in full. turned: how far the nose is beside the eyes, over their distance.
# aside: degrees off the optical axis of a camera that does not tell its focal length, so that this angle is
# in doubt itself; aside_known: of one that does.
#
# The degrees of the first four are what a trained network's own expectation lacked, in quadrature, on some 40
# photographs of known light that were darkened, clipped, cut or covered by degrees: nothing where dark, for
# which networks are trained, 9 to 13 where clipped, 15 to 21 where cut, 14 to 70 where covered. Those of
# `turned` are what the weights that ship lacked on 494 rendered faces turned by 40 to 90°: 6, 8, 13, 19, 25
# and 28 in steps of ten (`experiments/weights/doubts.py`). Those of the last two are judged: a focal length
# of 26 or 85 mm instead of the assumed one turns a face 20° aside by 10°.
RULES = {
    "dark": Rule(begins=50.0, complete=12.0, degrees=10.0),
    "clipped": Rule(begins=0.15, complete=0.6, degrees=15.0),
    "cut": Rule(begins=0.8, complete=0.3, degrees=30.0),
    "covered": Rule(begins=0.84, complete=0.6, degrees=40.0),
    "turned": Rule(begins=0.0, complete=0.5, degrees=25.0),
    "aside": Rule(begins=15.0, complete=45.0, degrees=20.0),
    "aside_known": Rule(begins=30.0, complete=60.0, degrees=10.0),
}


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """One reason to doubt: its words, and the degrees that it adds in quadrature."""

    text: str
    degrees: float


def doubts_of(measures: Iterable[Measure]) -> Iterator[Doubt]:
    """The doubts among what was measured."""
    for kind, measure, text in measures:
        rule = RULES[kind]
        depth = rule.depth(measure)
        if depth is not None:
            yield Doubt(text=text, degrees=0.5 * rule.degrees * (1.0 + depth))


def widened_error_deg(own_deg: float | None, doubts: Iterable[Doubt]) -> float | None:
    """A network's own expected error, widened by doubts it was not asked about; None stays unknown."""
    if own_deg is None:
        return None
    widened = math.hypot(own_deg, *(doubt.degrees for doubt in doubts))
    return max(own_deg, min(widened, MOST_DEG))
