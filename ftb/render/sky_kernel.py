"""How much of the sky each point sees, by as few rays as answer for their neighbours; CPU and CUDA."""

from __future__ import annotations

from ftb.kernels.start import EXACT, wp
from ftb.render.light_functions import quotient

wp.set_module_options(EXACT)


@wp.struct
class Sky:
    """`SkyDirections`, and the solid angle of each."""

    directions: wp.array(dtype=wp.vec3)
    neighbours: wp.array(dtype=wp.vec3i)
    few: int
    solid_angle: float


@wp.func
def open_around(sky: Sky, direction: int, normal: wp.vec3, row: wp.array(dtype=float)):
    """1 or 0 where the three directions around one agree on whether they see the sky, else −1."""
    near = sky.neighbours[direction]
    above = int(0)  # noqa: RUF046
    seen = int(0)  # noqa: RUF046
    for k in range(3):
        if wp.dot(normal, sky.directions[near[k]]) > 0.0:
            above += 1
            if row[near[k]] > 0.0:
                seen += 1
    if above == 0 or (seen > 0 and seen < above):
        return -1
    return wp.min(seen, 1)


@wp.kernel
def sky_rows(
    mesh: wp.uint64,
    points: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    needed: wp.array(dtype=wp.uint8),
    sky: Sky,
    offset: float,
    shadowed: wp.array(dtype=float, ndim=2),
    unshadowed: wp.array(dtype=float, ndim=2),
    openness: wp.array(dtype=float),
):
    """One point a thread; its directions one after the other, since the later ones ask the earlier."""
    point = wp.tid()
    if needed[point] == wp.uint8(0):
        return
    normal = normals[point]
    origin = points[point] + normal * offset
    whole = float(1e-8)
    seen = float(0.0)
    for direction in range(sky.directions.shape[0]):
        towards = sky.directions[direction]
        cosine = wp.dot(normal, towards)
        if cosine > 0.0:
            answer = int(-1)  # noqa: RUF046
            if direction >= sky.few:
                answer = open_around(sky, direction, normal, shadowed[point])
            if answer < 0:
                answer = 1
                if wp.mesh_query_ray_anyhit(mesh, origin, towards, 10.0):
                    answer = 0
            unshadowed[point, direction] = cosine * sky.solid_angle
            shadowed[point, direction] = cosine * sky.solid_angle * float(answer)
            whole += cosine
            seen += cosine * float(answer)
    openness[point] = seen / whole


@wp.kernel
def mark_receivers(
    used: wp.array(dtype=wp.uint8),  # (S · V,)
    pictures: int,  # in a row of each head
    neighbours: wp.array(dtype=wp.int64),  # (V · N,)
    count: int,  # N
    receivers: int,  # R
    needed: wp.array(dtype=wp.uint8),  # (B · R,), out
):
    """One vertex of one picture a thread: the receivers that speak for it."""
    n = wp.tid()
    if used[n] == wp.uint8(0):
        return
    vertices = int(neighbours.shape[0] / count)
    sample = quotient(n, vertices)
    first = quotient(sample, pictures) * receivers
    for k in range(count):
        needed[first + int(neighbours[(n - sample * vertices) * count + k])] = wp.uint8(1)


@wp.func
def voice(weight: float, openness: float):
    """A receiver that sees little of the sky (behind an eyeball, inside a mouth) speaks for few points that a
    camera sees: it must not darken its visible neighbours."""
    return weight * (openness * openness + 1.0e-4)


@wp.kernel
def spread_shares(
    used: wp.array(dtype=wp.uint8),  # (S · V,)
    samples: int,  # pictures in a row of each head
    neighbours: wp.array(dtype=wp.int64),  # (V · N,) receivers that each vertex borrows from
    weights: wp.array(dtype=float),  # (V · N,)
    count: int,  # N
    receivers: int,  # R
    rows: wp.array(dtype=wp.int32),  # (B · R,)
    openness: wp.array(dtype=float),
    ratio: wp.array(dtype=float, ndim=2),  # (rows, samples · 3 or more)
    spread: wp.array(dtype=wp.vec3),  # (S · V,), out
):
    """One vertex of one head a thread."""
    vertices = int(neighbours.shape[0] / count)
    head = quotient(wp.tid(), vertices)
    vertex = wp.tid() - head * vertices
    place = head * samples * vertices + vertex
    asked = bool(False)
    for sample in range(samples):
        asked = asked or used[place + sample * vertices] != wp.uint8(0)
    whole = float(0.0)
    if asked:
        for k in range(count):
            row = rows[head * receivers + int(neighbours[vertex * count + k])]
            asked = asked and row >= 0
            if asked:
                whole += voice(weights[vertex * count + k], openness[row])
    for sample in range(samples):
        total = wp.vec3(1.0)
        if asked and used[place + sample * vertices] != wp.uint8(0):
            total = wp.vec3(0.0)
            for k in range(count):
                row = rows[head * receivers + int(neighbours[vertex * count + k])]
                colour = wp.vec3(
                    ratio[row, 3 * sample], ratio[row, 3 * sample + 1], ratio[row, 3 * sample + 2]
                )
                total += colour * (voice(weights[vertex * count + k], openness[row]) / whole)
        spread[place + sample * vertices] = total
