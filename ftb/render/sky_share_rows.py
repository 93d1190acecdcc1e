"""How much of its light each receiver of the sky keeps, for the CPU: sixteen skies at a time.

`_ratio_by_products` of `ftb.render.sky` is the readable twin, and what a GPU computes.
"""

from __future__ import annotations

from ftb.kernels.start import FORWARD, wp

wp.set_module_options(FORWARD)

LANES = 16

_RATIOS = """
typedef float lanes __attribute__((ext_vector_type(16), aligned(4), may_alias));
const int directions = skies.shape[0], width = skies.shape[1];
const float* seen = shadowed.data + (long long)directions * receiver;
const float* all = unshadowed.data + (long long)directions * receiver;
for (int first = 0; first < width; first += 16) {
    const float* sky = skies.data + first;
    // Two sums each, since each waits for its last product.
    lanes kept = 0.0f, whole = 0.0f, more_kept = 0.0f, more_whole = 0.0f;
    int k = 0;
    for (; k + 1 < directions; k += 2, sky += 2 * width) {
        const lanes light = *(const lanes*)sky, next = *(const lanes*)(sky + width);
        kept += light * seen[k];
        whole += light * all[k];
        more_kept += next * seen[k + 1];
        more_whole += next * all[k + 1];
    }
    if (k < directions) {
        kept += *(const lanes*)sky * seen[k];
        whole += *(const lanes*)sky * all[k];
    }
    const lanes most = whole + more_whole;
    lanes share = (kept + more_kept) / (most > least ? most : least);
    share = share > 0.0f ? share : 0.0f;
    share = most > least && share < 1.0f ? share : 1.0f;
    *(lanes*)(ratio.data + (long long)width * receiver + first) = share;
}
"""


@wp.func_native(_RATIOS)
def receiver_ratios(
    receiver: int,
    shadowed: wp.array(dtype=float, ndim=2),
    unshadowed: wp.array(dtype=float, ndim=2),
    skies: wp.array(dtype=float, ndim=2),
    least: float,
    ratio: wp.array(dtype=float, ndim=2),
):
    """Shadowed over unshadowed light of all skies at one receiver."""
    ...


@wp.kernel
def ratios(
    shadowed: wp.array(dtype=float, ndim=2),  # (N, D)
    unshadowed: wp.array(dtype=float, ndim=2),
    skies: wp.array(dtype=float, ndim=2),  # (D, C), C a multiple of sixteen
    least: float,
    ratio: wp.array(dtype=float, ndim=2),  # (N, C), out
):
    """One receiver a thread."""
    receiver_ratios(wp.tid(), shadowed, unshadowed, skies, least, ratio)
