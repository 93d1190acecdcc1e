"""Warp kernels of the fused capture: noise and tone, and the way back from JPEG's planes.

`ftb.render.develop` is their readable twin; tests hold the two together.
"""

from __future__ import annotations

from ftb.kernels.start import FORWARD, wp
from ftb.render.light_functions import quotient
from ftb.render.row_kernel import HALF_WIDTH, WIDTH, Colours, Row, greyed, load, luminance_of, store

wp.set_module_options(FORWARD)

# Tone curves: 64 steps in each of the 16 octaves below 1, and one step beyond.
CURVE_STEPS = wp.constant(1025)
DARKEST = wp.constant(2.0**-16)
DARKEST_BITS = wp.constant((127 - 16) << 23)
STEP_BITS = wp.constant(17)


@wp.func
def encoded(curves: wp.array(dtype=float), first: int, linear: Row):
    """A sample's tone curve, linear between its steps: the upper bits of a number between DARKEST and 1
    count 64 steps an octave."""
    values = Row()
    for k in range(WIDTH):
        above = int(wp.cast(wp.clamp(linear[k], DARKEST, 1.0), wp.uint32)) - DARKEST_BITS
        step = above >> STEP_BITS
        low = curves[first + step]
        part = float(above - (step << STEP_BITS)) * (1.0 / 131072.0)
        values[k] = low + (curves[first + step + 1] - low) * part
    return values


@wp.func
def grained(linear: Row, noise: Row, film: wp.vec4):
    """Noise and shoulder; film: shot², read², saturation, shoulder."""
    zero = Row(0.0)
    one = Row(1.0)
    variance = wp.max(linear, zero) * film[0] + Row(film[1])
    deviation = Row()
    for k in range(WIDTH):
        deviation[k] = wp.sqrt(variance[k])
    value = wp.max(linear + wp.cw_mul(noise, deviation), zero)
    if film[3] > 0.0:
        # Reinhard et al. (2002, eq. 4) with white at 2.5.
        rolled = wp.cw_div(wp.cw_mul(value, one + value * 0.16), one + value)
        value += (rolled - value) * film[3]
    return wp.min(value, one)


@wp.func
def developed(c: Colours, noise: Colours, film: wp.vec4, curves: wp.array(dtype=float), first: int):
    """Noise, shoulder, saturation and tone curve, in [0, 1]."""
    exposed = Colours()
    exposed.r = grained(c.r, noise.r, film)
    exposed.g = grained(c.g, noise.g, film)
    exposed.b = grained(c.b, noise.b, film)
    level = luminance_of(exposed)
    result = Colours()
    result.r = encoded(curves, first, level + (exposed.r - level) * film[2])
    result.g = encoded(curves, first, level + (exposed.g - level) * film[2])
    result.b = encoded(curves, first, level + (exposed.b - level) * film[2])
    return result


@wp.func
def grain_at(bank: wp.array(dtype=Row), bank_size: int, offset: wp.vec2i, row: int, column: int):
    """From a square bank of noise that repeats, at `column` vectors of a row; its size is a power of 2."""
    across = quotient(bank_size, WIDTH)
    at = ((offset[0] + row) & (bank_size - 1)) * across
    at += (quotient(offset[1], WIDTH) + column) & (across - 1)
    return load(bank, at, across * bank_size)


@wp.kernel
def tone(
    size: int,
    bank_size: int,
    linear: wp.array(dtype=Row),  # (S, 3, H, W)
    bank: wp.array(dtype=Row),  # (3, N, N)
    offset: wp.array(dtype=wp.vec2i),  # (S,)
    film: wp.array(dtype=wp.vec4),  # (S,)
    grey: wp.array(dtype=float),
    quality: wp.array(dtype=float),
    curves: wp.array(dtype=float),  # (S, CURVE_STEPS + 1)
    luma: wp.array(dtype=Row),  # (S, H, W)
    chroma: wp.array(dtype=float),  # (S, 2, H/2, W/2)
    photo: wp.array(dtype=Row),  # (S, 3, H, W), written where no JPEG follows
):
    """Two rows of sixteen pixels a thread, which share their chroma: from linear light to values × 255."""
    n = wp.tid()
    across = quotient(size, WIDTH)
    pair = quotient(n, across)
    sample = quotient(2 * pair, size)
    column = n - pair * across
    plane = across * size
    blue = Row(0.0)
    red = Row(0.0)
    for k in range(2):
        at = (2 * pair + k) * across + column
        noise = grain_at(bank, bank_size, offset[sample], 2 * pair + k - sample * size, column)
        colours = load(linear, at + 2 * sample * plane, plane)
        colours = developed(colours, noise, film[sample], curves, sample * (CURVE_STEPS + 1))
        if quality[sample] >= 100.0:
            store(photo, at + 2 * sample * plane, plane, greyed(colours, grey[sample]))
        luma[at] = 76.245 * colours.r + 149.685 * colours.g + 29.07 * colours.b - Row(128.0)
        blue += 127.5 * colours.b - 43.02768 * colours.r - 84.472305 * colours.g
        red += 127.5 * colours.r - 106.77819 * colours.g - 20.722155 * colours.b
    quarter = quotient(size * size, 4)
    first = pair * quotient(size, 2) + column * HALF_WIDTH + sample * quarter
    for k in range(HALF_WIDTH):
        chroma[first + k] = 0.25 * (blue[2 * k] + blue[2 * k + 1])
        chroma[first + quarter + k] = 0.25 * (red[2 * k] + red[2 * k + 1])


@wp.func
def upsampled(chroma: wp.array(dtype=float), near: int, far: int, first: int, half: int):
    """Sixteen values of a plane at twice its resolution, bilinear, from column `first` of `half` on; near,
    far: where the rows begin that count three quarters and one quarter."""
    values = Row()
    left = wp.max(first - 1, 0)
    before_it = 0.75 * chroma[near + left] + 0.25 * chroma[far + left]
    here = 0.75 * chroma[near + first] + 0.25 * chroma[far + first]
    for k in range(HALF_WIDTH):
        right = wp.min(first + k + 1, half - 1)
        after = 0.75 * chroma[near + right] + 0.25 * chroma[far + right]
        values[2 * k] = 0.75 * here + 0.25 * before_it
        values[2 * k + 1] = 0.75 * here + 0.25 * after
        before_it = here
        here = after
    return values


@wp.kernel
def from_planes(
    size: int,
    luma: wp.array(dtype=Row),  # (S, H, W)
    chroma: wp.array(dtype=float),  # (S, 2, H/2, W/2)
    grey: wp.array(dtype=float),
    quality: wp.array(dtype=float),
    photo: wp.array(dtype=Row),  # (S, 3, H, W)
):
    """Sixteen pixels a thread: chroma upsampled, colours from luma and chroma, in [0, 1]."""
    n = wp.tid()
    across = quotient(size, WIDTH)
    line = quotient(n, across)
    sample = quotient(line, size)
    if quality[sample] >= 100.0:
        return
    half = quotient(size, 2)
    row = line - sample * size
    near = quotient(row, 2)
    far = wp.clamp(near + 2 * (row & 1) - 1, 0, half - 1)
    first = HALF_WIDTH * (n - line * across)
    start = sample * 2 * half * half
    blue = upsampled(chroma, start + near * half, start + far * half, first, half)
    start += half * half
    red = upsampled(chroma, start + near * half, start + far * half, first, half)
    level = luma[n] + Row(128.0)
    zero = Row(0.0)
    one = Row(1.0)
    colours = Colours()
    colours.r = wp.min(wp.max((level + 1.402 * red) * (1.0 / 255.0), zero), one)
    colours.g = wp.min(wp.max((level - 0.344136 * blue - 0.714136 * red) * (1.0 / 255.0), zero), one)
    colours.b = wp.min(wp.max((level + 1.772 * blue) * (1.0 / 255.0), zero), one)
    plane = across * size
    store(photo, n + 2 * sample * plane, plane, greyed(colours, grey[sample]))
