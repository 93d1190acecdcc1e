"""Constants are computed once, whoever asks."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from ftb.render.ball_transport import constant


def test_threads_that_ask_at_once_get_one_constant() -> None:
    computed = []

    @constant
    def slow(number: int) -> list[int]:
        computed.append(number)
        time.sleep(0.05)
        return [number]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(slow, [3, 3, 3, 3]))
    assert computed == [3]
    assert all(answer is answers[0] for answer in answers)


def test_constants_may_ask_for_others() -> None:
    @constant
    def inner(number: int) -> int:
        return number + 1

    @constant
    def outer(number: int) -> int:
        return 10 * inner(number)

    assert [outer(1), outer(1), outer(2)] == [20, 20, 30]
