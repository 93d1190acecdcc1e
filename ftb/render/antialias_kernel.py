"""Warp kernels that find outlines between pixels and blend the pixels; see `ftb.render.antialias`, their
readable twin."""

from __future__ import annotations

from ftb.kernels.start import FORWARD, wp
from ftb.render.light_functions import quotient
from ftb.render.row_kernel import WIDTH, Row

wp.set_module_options(FORWARD)

SLACK_PIXELS = wp.constant(3.0)  # as in `antialias`

# What is known of two neighbouring pixels is one number, of which the greatest counts: nearness of the
# outline in steps of 1/32768 of twice the head's distance, then, of each pixel, how much lies on the other's
# side, in steps of 1/510.
NEARNESS_STEPS = wp.constant(32766.0)
SHARE_STEPS = wp.constant(510.0)
Marks = wp.types.vector(length=16, dtype=wp.int32)


@wp.struct
class Views:
    """S pictures of size × size pixels: their cameras, the eye in the head's frame (at infinity: its last
    number is 0)."""

    size: int
    orthographic: bool
    culled: bool
    half_width: wp.array(dtype=float)
    near: wp.array(dtype=float)
    rotations: wp.array(dtype=wp.mat33)
    translations: wp.array(dtype=wp.vec3)
    eyes: wp.array(dtype=wp.vec4)


@wp.func
def placed(views: Views, sample: int, vertex: wp.vec3):
    """Column, row and depth."""
    at = views.rotations[sample] * vertex + views.translations[sample]
    half = 0.5 * float(views.size)
    scale = half / views.half_width[sample]
    if not views.orthographic:
        scale /= wp.max(-at[2], 1.0e-9)
    return wp.vec3(half + at[0] * scale, half - at[1] * scale, -at[2])


@wp.func
def integral(x: float):
    return wp.where(x > 1.0, x - 0.5, 0.5 * wp.max(x, 0.0) * wp.max(x, 0.0))


@wp.func
def covered(at: float, half: float):
    """Share of a pixel on the first side of a line that passes its centre at `at` and moves by 2 · half."""
    return (integral(at + 0.5 + half) - integral(at + 0.5 - half)) / (2.0 * half)


@wp.func
def mark_of(nearness: float, at: float, half: float):
    """at: of the outline, from the first pixel's centre."""
    first = int((1.0 - covered(at, half)) * SHARE_STEPS + 0.5)
    second = int(covered(at - 1.0, half) * SHARE_STEPS + 0.5)
    level = 1 + int(wp.clamp(nearness, 0.0, 1.0) * NEARNESS_STEPS)
    return (level << 16) | (wp.min(first, 255) << 8) | wp.min(second, 255)


@wp.struct
class Line:
    """An outline in a picture, its surface on the left, as it crosses rows (`upright`) or columns. Over
    what it crosses it goes from `along` to `stop`, which is `run` pixels, and meanwhile from `across` by
    `rise`; depth of its ends. surface_first: the upper or left one of two pixels shows its surface."""

    upright: bool
    surface_first: bool
    along: float
    stop: float
    across: float
    run: float
    rise: float
    start: float
    end: float


@wp.func
def line_of(a: wp.vec3, b: wp.vec3, upright: bool):
    line = Line()
    line.upright = upright
    line.across = wp.where(line.upright, a[0], a[1])
    line.along = wp.where(line.upright, a[1], a[0])
    line.rise = wp.where(line.upright, b[0], b[1]) - line.across
    line.stop = wp.where(line.upright, b[1], b[0])
    line.run = line.stop - line.along
    line.surface_first = (line.run < 0.0) == line.upright
    line.start = a[2]
    line.end = b[2]
    return line


@wp.func
def shows(views: Views, sample: int, line: Line, far: float, one: float, other: float):
    """Whether, of two pixels of these depths, one shows the surface and the other what lies behind."""
    slack = SLACK_PIXELS * 2.0 * views.half_width[sample] / float(views.size)
    if not views.orthographic:
        slack *= far
    surface = wp.where(line.surface_first, one, other)
    behind = wp.where(line.surface_first, other, one)
    return surface > 0.0 and surface <= far + slack and (behind < 0.0 or behind >= far)


@wp.func
def draw(
    views: Views, sample: int, line: Line, depth: wp.array(dtype=float), marks: wp.array(dtype=wp.int32)
):
    size = views.size
    # The same of every line that ends in a place, so that no row is crossed twice or not at all.
    first = int(wp.ceil(wp.clamp(wp.min(line.along, line.stop) - 0.5, 0.0, float(size))))
    end = int(wp.ceil(wp.clamp(wp.max(line.along, line.stop) - 0.5, 0.0, float(size))))
    stride = wp.where(line.upright, 1, size)
    corner = sample * size * size
    plane = corner + wp.where(line.upright, 0, size * size)
    middle = 0.5 / wp.max(-views.translations[sample][2], 1.0e-6)
    for step in range(first, end):
        part = (float(step) + 0.5 - line.along) / line.run
        at = line.across + part * line.rise - 0.5
        cell = int(wp.floor(at))
        if cell >= 0 and cell + 1 < size:
            far = line.start + part * (line.end - line.start)
            if not views.orthographic:
                far = line.start * line.end / (line.end + part * (line.start - line.end))
            pixel = corner + wp.where(line.upright, step * size + cell, cell * size + step)
            if shows(views, sample, line, far, depth[pixel], depth[pixel + stride]):
                half = wp.max(0.5 * wp.abs(line.rise / line.run), 1.0e-4)
                mark = mark_of(1.0 - far * middle, at - float(cell), half)
                wp.atomic_max(marks, plane + pixel, mark)


@wp.kernel
def mark_fronts(
    views: Views,
    heads: int,
    planes: wp.array(dtype=wp.vec4),  # (B · F,)
    fronts: wp.array(dtype=wp.uint8),  # (S · F,), out
):
    """One face of one picture a thread: whether it is seen from its front, which several edges ask."""
    n = wp.tid()
    faces = quotient(planes.shape[0], heads)
    sample = quotient(n, faces)
    head = quotient(sample * heads, views.eyes.shape[0])
    front = wp.dot(planes[n + (head - sample) * faces], views.eyes[sample]) > 0.0
    fronts[n] = wp.where(front, wp.uint8(1), wp.uint8(0))


@wp.kernel
def mark_outlines(
    views: Views,
    heads: int,
    edges: wp.array(dtype=wp.vec4i),
    fronts: wp.array(dtype=wp.uint8),  # (S · F,), as of `mark_fronts`
    vertices: wp.array(dtype=wp.vec3),  # (B · V,)
    depth: wp.array(dtype=float),  # (S, H, H)
    marks: wp.array(dtype=wp.int32),  # (S, 2, H, H): of a pixel with its right, with its lower neighbour
):
    """One edge of one picture a thread."""
    n = wp.tid()
    sample = quotient(n, edges.shape[0])
    edge = edges[n - sample * edges.shape[0]]
    samples = views.eyes.shape[0]
    first = sample * quotient(fronts.shape[0], samples)
    corner = quotient(sample * heads, samples) * quotient(vertices.shape[0], heads)
    front = fronts[first + edge[2]] != wp.uint8(0)
    if edge[3] >= 0:
        if (fronts[first + edge[3]] != wp.uint8(0)) == front:
            return
    elif views.culled and not front:
        return
    a = placed(views, sample, vertices[corner + wp.where(front, edge[0], edge[1])])
    b = placed(views, sample, vertices[corner + wp.where(front, edge[1], edge[0])])
    if wp.min(a[2], b[2]) >= views.near[sample]:
        draw(views, sample, line_of(a, b, True), depth, marks)
        draw(views, sample, line_of(a, b, False), depth, marks)


@wp.func
def share_of(mark: wp.int32, shift: int):
    return float((mark >> shift) & 255) * (1.0 / SHARE_STEPS)


@wp.func
def softened(
    colours: wp.array(dtype=float),
    marks: wp.array(dtype=wp.int32),
    pixel: int,
    mark: int,
    size: int,
    place: int,
):
    """One number of one pixel; pixel: in its plane of colours, mark: in its plane of marks with the right
    neighbour, place: in its picture."""
    below = mark + size * size
    left = float(0.0)
    up = float(0.0)
    own = colours[pixel]
    added = float(0.0)
    if place % size > 0:
        left = share_of(marks[mark - 1], 0)
    if place >= size:
        up = share_of(marks[below - size], 0)
    right = share_of(marks[mark], 8)
    down = share_of(marks[below], 8)
    beside = left + right
    if beside + up + down == 0.0:
        return own
    if left > 0.0:
        added += left * (colours[pixel - 1] - own)
    if right > 0.0:
        added += right * (colours[pixel + 1] - own)
    if up > 0.0:
        added += up * (colours[pixel - size] - own)
    if down > 0.0:
        added += down * (colours[pixel + size] - own)
    # A slanting outline is met beside and above: it covers what it covers only once.
    return own + added * (wp.min(wp.max(beside, up + down), 1.0) / (beside + up + down))


@wp.kernel
def mix(
    size: int,
    lanes: int,  # 16: as an argument, so that the loop over pixels stays a loop
    rows: wp.array(dtype=Marks),  # (S, 2, H, H), the same as `marks`
    marks: wp.array(dtype=wp.int32),
    colours: wp.array(dtype=float),  # planes (S, 3, H, H), as those of `mixed`
    mixed: wp.array(dtype=Row),  # out, where an outline passes
    touched: wp.array(dtype=wp.uint8),  # out: whether one does
):
    """Sixteen pixels of a row a thread."""
    n = wp.tid()
    across = quotient(size, WIDTH)
    plane = across * size
    sample = quotient(n, plane)
    place = n - sample * plane
    at = n + sample * plane
    most = wp.max(wp.max(rows[at]), wp.max(rows[at + plane]))
    if place >= across:
        most = wp.max(most, wp.max(rows[at + plane - across]))
    if place % across > 0:
        most = wp.max(most, marks[WIDTH * at - 1])
    touched[n] = wp.uint8(most > 0)
    if most == 0:
        return
    for channel in range(3):
        start = n + (2 * sample + channel) * plane
        row = Row()
        for k in range(lanes):
            row[k] = softened(colours, marks, WIDTH * start + k, WIDTH * at + k, size, WIDTH * place + k)
        mixed[start] = row


@wp.kernel
def put_back(
    plane: int,  # rows of sixteen pixels
    touched: wp.array(dtype=wp.uint8),
    mixed: wp.array(dtype=Row),
    colours: wp.array(dtype=Row),
):
    """Sixteen pixels a thread."""
    n = wp.tid()
    if touched[n] == wp.uint8(0):
        return
    at = n + 2 * quotient(n, plane) * plane
    colours[at] = mixed[at]
    colours[at + plane] = mixed[at + plane]
    colours[at + 2 * plane] = mixed[at + 2 * plane]
