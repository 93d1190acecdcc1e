"""Points spread over a set of points: each the farthest from those before it (Gonzalez 1985)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ftb.kernels.lanes import LANES
from ftb.kernels.start import EXACT, wp
from ftb.kernels.starting import floats, launch

wp.set_module_options(EXACT)

# Squares are summed in torch's order (four sums side by side, the first of which takes what is left over),
# and of equal distances the first wins: the same points as the twin's, to the last.
_APART = "\n#pragma clang fp contract(off)\n"  # products and sums, as torch has them
_SPREAD = """
int last = 0;
for (int step = 1; step < count; ++step) {
    lanes farthest = -1.0f;
    counts holder = 0;
    for (int first = 0; first < stride; first += 16) {
        lanes squares[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        const auto add = [&](int k, lanes& sum) INLINE {
            const float* column = columns.data + k * stride;
            const lanes gap = *(const lanes*)(column + first) - column[last];
            sum += gap * gap;
        };
        const int fours = width & ~3;
        for (int k = 0; k < fours; k += 4)
            EACH for (int j = 0; j < 4; ++j)
                add(k + j, squares[j]);
        for (int k = fours; k < width; ++k)
            add(k, squares[0]);
        const lanes gap = squares[0] + squares[1] + squares[2] + squares[3];
        lanes& known = *(lanes*)(distance.data + first);
        known = least(known, gap);
        const counts better = known > farthest;
        holder = better ? (counts)first : holder;
        farthest = better ? known : farthest;
    }
    float most_far = -1.0f;
    for (int k = 0; k < 16; ++k) {
        const bool ahead = farthest[k] > most_far || (farthest[k] == most_far && holder[k] + k < last);
        last = ahead ? holder[k] + k : last;
        most_far = ahead ? farthest[k] : most_far;
    }
    chosen.data[step] = last;
}
"""


@wp.func_native(_APART + LANES + _SPREAD)
def spread(
    columns: wp.array(dtype=float),
    width: int,
    stride: int,
    distance: wp.array(dtype=float),
    count: int,
    chosen: wp.array(dtype=wp.int64),
):
    """Numbers of `count` points, whose coordinates lie in columns (width, stride); distance (stride,) says
    how far any point may be, which is less than 0 for those that are none."""
    ...


@wp.kernel
def spread_rows(
    columns: wp.array(dtype=float),
    width: int,
    stride: int,
    distance: wp.array(dtype=float),
    count: int,
    chosen: wp.array(dtype=wp.int64),
):
    """One thread: every step waits for the one before it."""
    spread(columns, width, stride, distance, count, chosen)


def farthest_points(features: Tensor, count: int) -> Tensor:
    """Numbers (count,) int64 of points (N, C), each the farthest from those before it; starts at point 0.

    Of points equally far the first is taken. On a CPU in float32.
    """
    return SPREADERS[features.device.type](features, count)


def farthest_points_by_steps(features: Tensor, count: int) -> Tensor:
    """The readable twin, on any device."""
    chosen = torch.zeros(count, dtype=torch.int64, device=features.device)
    distance = torch.full((len(features),), torch.inf, device=features.device)
    for step in range(1, count):
        distance = torch.minimum(distance, (features - features[chosen[step - 1]]).square().sum(-1))
        chosen[step] = distance.argmax()
    return chosen


def _farthest_points_by_rows(features: Tensor, count: int) -> Tensor:
    points, width = features.shape
    stride = -(-points // 16) * 16
    columns = torch.zeros(width, stride)
    columns[:, :points] = floats(features).T
    distance = torch.full((stride,), -1.0)
    distance[:points] = torch.inf
    chosen = torch.zeros(count, dtype=torch.int64)
    launch(spread_rows, 1, [columns.view(-1), width, stride, distance, count, chosen], features.device)
    return chosen


# By kind of device.
SPREADERS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "cpu": _farthest_points_by_rows,
    "cuda": farthest_points_by_steps,
}
