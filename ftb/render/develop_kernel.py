"""Warp kernels of the fused capture: exposure, noise and tone, and the way back from JPEG's planes.

`ftb.render.develop` is their readable twin; tests hold the two together. Arrays are flat and launches
one-dimensional, because only then does Warp compile a plain loop for the CPU.
"""

from __future__ import annotations

from ftb.render.warp_start import wp

wp.set_module_options({"enable_backward": False})

INVERSE_PI = wp.constant(0.31830988618)
# Tone curves: 64 steps in each of the 16 octaves below 1, and one step beyond.
CURVE_STEPS = wp.constant(1025)
DARKEST = wp.constant(2.0**-16)
DARKEST_BITS = wp.constant((127 - 16) << 23)
STEP_BITS = wp.constant(17)
BACKDROP_RAYS = wp.constant(16)  # a side


@wp.func
def luminance(colour: wp.vec3):
    return 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]


@wp.func
def quotient(a: int, b: int) -> int:
    """Of numbers that are not negative, which spares the rounding towards −∞ of `//`."""
    return int(wp.uint32(a) // wp.uint32(b))


@wp.func
def greyed(colour: wp.vec3, grey: float):
    level = luminance(colour)
    return colour + (wp.vec3(level, level, level) - colour) * grey


@wp.func
def seen_behind(seen: wp.array(dtype=wp.vec3), sample: int, x: float, y: float):
    """Bilinear in the coarse picture of the environment; x, y in [0, 1] over the photograph."""
    side = float(BACKDROP_RAYS)
    column = wp.clamp(x * side - 0.5, 0.0, side - 1.0)
    row = wp.clamp(y * side - 0.5, 0.0, side - 1.0)
    left = wp.min(int(column), BACKDROP_RAYS - 2)
    top = wp.min(int(row), BACKDROP_RAYS - 2)
    right_part = column - float(left)
    down_part = row - float(top)
    at = (sample * BACKDROP_RAYS + top) * BACKDROP_RAYS + left
    upper = seen[at] * (1.0 - right_part) + seen[at + 1] * right_part
    at += BACKDROP_RAYS
    lower = seen[at] * (1.0 - right_part) + seen[at + 1] * right_part
    return upper * (1.0 - down_part) + lower * down_part


@wp.struct
class Backdrop:
    """Of S samples: kind (S,) of BACKDROPS; ends (S · 2,) colours of a plain or graded one; slope (S,): how
    far along the gradient one goes across and down the picture; seen (S · 16 · 16,) environment."""

    kind: wp.array(dtype=wp.int32)
    ends: wp.array(dtype=wp.vec3)
    slope: wp.array(dtype=wp.vec2)
    seen: wp.array(dtype=wp.vec3)


@wp.func
def behind(b: Backdrop, sample: int, x: float, y: float):
    """What stands behind the head; x, y in [0, 1] over the photograph."""
    colour = b.ends[2 * sample]
    kind = b.kind[sample]
    if kind == 0:
        colour = seen_behind(b.seen, sample, x, y)
    elif kind == 2:
        slope = b.slope[sample]
        part = wp.clamp(0.5 + 0.5 * (slope[0] * (2.0 * x - 1.0) + slope[1] * (2.0 * y - 1.0)), 0.0, 1.0)
        colour = colour * (1.0 - part) + b.ends[2 * sample + 1] * part
    elif kind == 3:
        colour = wp.vec3(0.0, 0.0, 0.0)
    return colour


@wp.kernel
def expose(
    size: int,
    border: int,
    backdrop: Backdrop,
    gains: wp.array(dtype=wp.vec3),  # (S,)
    grey: wp.array(dtype=float),  # (S,)
    mask: wp.array(dtype=float),
    irradiance: wp.array(dtype=wp.vec3),
    visibility: wp.array(dtype=float),
    albedo: wp.array(dtype=wp.vec3),  # in and out
    radiance: wp.array(dtype=wp.vec3),  # in: radiance, out: its residual at the photograph's exposure
    linear: wp.array(dtype=float),  # (S, 3, size + 2 border, size + 2 border), inside the border
):
    """One pixel a thread: scale the face's light, put it before its backdrop, take off what is diffuse."""
    n = wp.tid()
    row = quotient(n, size)
    sample = quotient(row, size)
    column = n - row * size
    row -= sample * size
    amount = grey[sample]
    covered = mask[n]
    colour = wp.vec3(0.0, 0.0, 0.0)
    if covered > 0.0:
        gain = gains[sample]
        colour = wp.cw_mul(radiance[n], gain)
        base = greyed(albedo[n], amount)
        arriving = greyed(wp.cw_mul(irradiance[n], gain), amount) * (visibility[n] * INVERSE_PI)
        albedo[n] = base
        radiance[n] = (greyed(colour, amount) - wp.cw_mul(base, arriving)) * covered
        colour = colour * covered
    if covered < 1.0:
        x = (float(column) + 0.5) / float(size)
        colour += behind(backdrop, sample, x, (float(row) + 0.5) / float(size)) * (1.0 - covered)
    colour = greyed(colour, amount)
    stride = size + 2 * border
    at = (sample * 3 * stride + row + border) * stride + column + border
    linear[at] = colour[0]
    linear[at + stride * stride] = colour[1]
    linear[at + 2 * stride * stride] = colour[2]


@wp.func
def encode(curves: wp.array(dtype=float), first: int, linear: float):
    """A sample's tone curve, linear between its steps: the upper bits of a number between DARKEST and 1
    count 64 steps an octave."""
    above = int(wp.cast(wp.max(linear, DARKEST), wp.uint32)) - DARKEST_BITS
    step = above >> STEP_BITS
    low = curves[first + step]
    part = float(above - (step << STEP_BITS)) * (1.0 / 131072.0)
    return low + (curves[first + step + 1] - low) * part


@wp.func
def developed(colour: wp.vec3, noise: wp.vec3, film: wp.vec4, curves: wp.array(dtype=float), first: int):
    """Noise, shoulder, saturation and tone curve of one pixel; film: shot², read², saturation, shoulder."""
    exposed = wp.vec3()
    for k in range(3):
        deviation = wp.sqrt(film[0] * wp.max(colour[k], 0.0) + film[1])
        value = wp.max(colour[k] + noise[k] * deviation, 0.0)
        if film[3] > 0.0:
            rolled = value * (1.0 + value * 0.16) / (1.0 + value)
            value += (rolled - value) * film[3]
        exposed[k] = wp.min(value, 1.0)
    level = luminance(exposed)
    encoded = wp.vec3()
    for k in range(3):
        encoded[k] = encode(curves, first, wp.clamp(level + (exposed[k] - level) * film[2], 0.0, 1.0))
    return encoded


@wp.func
def grain_of(bank: wp.array(dtype=wp.vec3), bank_size: int, offset: wp.vec2i, row: int, column: int):
    """From a square bank of noise that repeats; its size is a power of 2."""
    mask = bank_size - 1
    return bank[((offset[0] + row) & mask) * bank_size + ((offset[1] + column) & mask)]


@wp.func
def picture_at(linear: wp.array(dtype=float), plane: int, at: int):
    return wp.vec3(linear[at], linear[at + plane], linear[at + 2 * plane])


@wp.kernel
def tone(
    size: int,
    bank_size: int,
    linear: wp.array(dtype=float),  # (S, 3, H, W)
    bank: wp.array(dtype=wp.vec3),
    offset: wp.array(dtype=wp.vec2i),  # (S,)
    film: wp.array(dtype=wp.vec4),  # (S,)
    grey: wp.array(dtype=float),
    quality: wp.array(dtype=float),
    curves: wp.array(dtype=float),  # (S, CURVE_STEPS + 1)
    luma: wp.array(dtype=float),  # (S, H, W)
    chroma: wp.array(dtype=float),  # (S, 2, H/2, W/2)
    photo: wp.array(dtype=wp.vec3),  # (S, H, W), written where no JPEG follows
):
    """Four pixels a thread, which share their chroma: from linear light to encoded values × 255."""
    n = wp.tid()
    half = quotient(size, 2)
    line = quotient(n, half)
    sample = quotient(line, half)
    blue = float(0.0)
    red = float(0.0)
    for k in range(4):
        row = 2 * (line - sample * half) + (k >> 1)
        column = 2 * (n - line * half) + (k & 1)
        at = (sample * size + row) * size + column
        colour = picture_at(linear, size * size, at + 2 * sample * size * size)
        noise = grain_of(bank, bank_size, offset[sample], row, column)
        colour = developed(colour, noise, film[sample], curves, sample * (CURVE_STEPS + 1))
        if quality[sample] >= 100.0:
            photo[at] = greyed(colour, grey[sample])
        colour = colour * 255.0
        luma[at] = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] - 128.0
        blue += -0.168736 * colour[0] - 0.331264 * colour[1] + 0.5 * colour[2]
        red += 0.5 * colour[0] - 0.418688 * colour[1] - 0.081312 * colour[2]
    chroma[n + sample * half * half] = 0.25 * blue
    chroma[n + (sample + 1) * half * half] = 0.25 * red


@wp.kernel
def from_planes(
    size: int,
    luma: wp.array(dtype=float),  # (S, H, W)
    chroma: wp.array(dtype=float),  # (S, 2, H/2, W/2)
    grey: wp.array(dtype=float),
    quality: wp.array(dtype=float),
    photo: wp.array(dtype=wp.vec3),  # (S, H, W)
):
    """Four pixels a thread: chroma upsampled bilinearly, colours from luma and chroma, in [0, 1]."""
    n = wp.tid()
    half = quotient(size, 2)
    line = quotient(n, half)
    sample = quotient(line, half)
    column = n - line * half
    row = line - sample * half
    if quality[sample] >= 100.0:
        return
    quarter = half * half
    for k in range(4):
        down = k >> 1
        right = k & 1
        row_far = wp.clamp(row + 2 * down - 1, 0, half - 1)
        column_far = wp.clamp(column + 2 * right - 1, 0, half - 1)
        a = sample * 2 * quarter + row * half
        b = sample * 2 * quarter + row_far * half
        blue = 0.5625 * chroma[a + column] + 0.1875 * chroma[a + column_far]
        blue += 0.1875 * chroma[b + column] + 0.0625 * chroma[b + column_far]
        a += quarter
        b += quarter
        red = 0.5625 * chroma[a + column] + 0.1875 * chroma[a + column_far]
        red += 0.1875 * chroma[b + column] + 0.0625 * chroma[b + column_far]
        at = (sample * size + 2 * row + down) * size + 2 * column + right
        level = luma[at] + 128.0
        colour = wp.vec3(level + 1.402 * red, level - 0.344136 * blue - 0.714136 * red, level + 1.772 * blue)
        colour = colour * (1.0 / 255.0)
        for c in range(3):
            colour[c] = wp.clamp(colour[c], 0.0, 1.0)
        photo[at] = greyed(colour, grey[sample])
