"""Many lights painted, brought to one scale and projected on harmonics by one kernel on the CPU.

`finished_by_layers` of `ftb.scene.lights_finish` is the readable twin. Draws are always made on the CPU, so
that they are the same on every device: there is no such kernel for GPUs.
"""

from __future__ import annotations

from ftb.kernels.start import FORWARD, wp
from ftb.scene.lights_painters import (
    MEMORY,
    PART,
    PART_LEVELS,
    PROBE_COUNT,
    TEXELS,
    WHOLE,
    WHOLE_LEVELS,
    Numbers,
    paint_cap,
    paint_gradient,
    paint_panel,
    paint_picture,
    project,
    receive,
)

__all__ = ["CAP", "GRADIENT", "LAYER", "MEMORY", "PANEL", "PICTURE", "finish"]

wp.set_module_options(FORWARD)

LAYER = wp.constant(20)  # numbers of a layer: its painter, then what that reads
KEY = wp.constant(7)  # numbers of a key light: direction, irradiance, radius
KEY_SLOTS = wp.constant(2)
GRADIENT, CAP, PANEL, PICTURE = (wp.constant(painter) for painter in range(4))


@wp.func
def begin(memory: Numbers, planes: int, levels: int):
    """A light that is dark so far."""
    for n in range(3 * TEXELS):
        memory[planes + n] = 0.0
    for probe in range(PROBE_COUNT):
        memory[levels + probe] = 0.0


@wp.func
def add_part(share: float, memory: Numbers):
    """To the whole light, and to what its probes receive."""
    for n in range(3 * TEXELS):
        memory[WHOLE + n] += share * memory[PART + n]
    for probe in range(PROBE_COUNT):
        memory[WHOLE_LEVELS + probe] += share * memory[PART_LEVELS + probe]


@wp.func
def luminance_of(keys: Numbers, key: int):
    """Of what a key light puts on a surface that faces it."""
    at = key * KEY + 3
    return 0.2126 * keys[at] + 0.7152 * keys[at + 1] + 0.0722 * keys[at + 2]


@wp.func
def receive_key(keys: Numbers, key: int, probes: Numbers, memory: Numbers):
    """What a key light puts on the probes, added to that of its part."""
    at = key * KEY
    level = luminance_of(keys, key)
    for probe in range(PROBE_COUNT):
        n = 3 * probe
        cosine = keys[at] * probes[n] + keys[at + 1] * probes[n + 1] + keys[at + 2] * probes[n + 2]
        memory[PART_LEVELS + probe] += level * wp.max(cosine, 0.0)


@wp.func
def common_gain(memory: Numbers, begin: int):
    """What brings a light to the common scale, by what its probes receive. Pitch-dark light stays dark."""
    most = memory[begin]
    for probe in range(PROBE_COUNT):
        most = wp.max(most, memory[begin + probe])
    mean = 0.5 * (memory[begin] + most)
    gain = float(1.0)
    if mean > 1.0e-8:
        gain = wp.PI / mean
    return gain


@wp.func
def brighten_keys(keys: Numbers, first: int, last: int, gain: float):
    for key in range(first, last):
        for c in range(3):
            keys[key * KEY + 3 + c] *= gain


@wp.func
def brighten(memory: Numbers, gain: float):
    for n in range(3 * TEXELS):
        memory[WHOLE + n] *= gain


@wp.func
def brightest(keys: Numbers, first: int, last: int, taken: int):
    """Number of the key light of the most luminance that is not `taken`, −1 if there is none."""
    found = int(-1)  # noqa: RUF046
    for key in range(first, last):
        if key != taken and luminance_of(keys, key) > 0.0:
            if found < 0 or luminance_of(keys, key) > luminance_of(keys, found):
                found = key
    return found


@wp.func
def paint_layer(layers: Numbers, pictures: Numbers, layer: int, grid: Numbers, memory: Numbers):
    first = layer * LAYER
    painter = int(layers[first])
    if painter == GRADIENT:
        paint_gradient(layers, first, grid, memory)
    elif painter == CAP:
        paint_cap(layers, first + 1, grid, PART, memory)
    elif painter == PANEL:
        paint_panel(layers, first, grid, memory)
    else:
        paint_picture(pictures, int(layers[first + 1]), memory)


@wp.func
def give_key(key: int, keys: Numbers, slot: int, key_lights: Numbers):
    """A key light into a slot, which keeps what it holds if there is none."""
    if key >= 0:
        for n in range(KEY):
            key_lights[slot * KEY + n] = keys[key * KEY + n]


@wp.func
def place_keys(
    sample: int, first: int, last: int, keys: Numbers, grid: Numbers, memory: Numbers, key_lights: Numbers
):
    """Two slots filled with the strongest key lights, the others painted."""
    one = brightest(keys, first, last, -1)
    two = brightest(keys, first, last, one)
    give_key(one, keys, sample * KEY_SLOTS, key_lights)
    give_key(two, keys, sample * KEY_SLOTS + 1, key_lights)
    for key in range(first, last):
        if key != one and key != two:
            paint_cap(keys, key * KEY, grid, WHOLE, memory)


@wp.kernel
def finish(
    samples: int,
    first_part: wp.array(dtype=int),  # (S + 1,) of each light
    first_layer: wp.array(dtype=int),  # (G + 1,) of each part
    first_key: wp.array(dtype=int),  # (G + 1,)
    shares: Numbers,  # (G,) of the parts in their lights
    layers: Numbers,  # (L, 20)
    pictures: Numbers,  # (P, 3, 2048)
    keys: Numbers,  # (N, 7), overwritten
    grid: Numbers,  # (4, 2048): directions, solid angles
    weights: Numbers,  # (129, 2048): radiance to irradiance on the probes
    probes: Numbers,  # (129, 3): their normals
    harmonics: Numbers,  # (25, 2048)
    memory: Numbers,  # (MEMORY,) of the kernel's own
    environment: Numbers,  # (S, 2048, 3)
    sh_coeffs: Numbers,  # (S, 25, 3)
    key_lights: Numbers,  # (S, 2, 7)
):
    """One light after the other, by one thread, so that its planes stay in the cache."""
    for sample in range(samples):
        begin(memory, WHOLE, WHOLE_LEVELS)
        for part in range(first_part[sample], first_part[sample + 1]):
            begin(memory, PART, PART_LEVELS)
            for layer in range(first_layer[part], first_layer[part + 1]):
                paint_layer(layers, pictures, layer, grid, memory)
            receive(weights, grid, memory)
            for key in range(first_key[part], first_key[part + 1]):
                receive_key(keys, key, probes, memory)
            share = shares[part] * common_gain(memory, PART_LEVELS)
            brighten_keys(keys, first_key[part], first_key[part + 1], share)
            add_part(share, memory)
        gain = common_gain(memory, WHOLE_LEVELS)
        first = first_key[first_part[sample]]
        last = first_key[first_part[sample + 1]]
        brighten_keys(keys, first, last, gain)
        brighten(memory, gain)
        place_keys(sample, first, last, keys, grid, memory, key_lights)
        project(harmonics, grid, sample, memory, environment, sh_coeffs)
