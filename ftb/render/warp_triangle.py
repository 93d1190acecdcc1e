"""The set-up of one triangle for the Warp rasterizer, and its barycentrics; terms as in `warp_edges`."""

from ftb.kernels.start import wp
from ftb.render.warp_edges import (
    ANCHORED,
    HALF,
    INFINITY,
    ONE,
    POSITIVE,
    ZERO,
    Frame,
    Triangle,
    edge,
    floor_of,
    project,
)

THIRD = wp.constant(wp.float64(1.0 / 3.0))
INFINITY_BITS = wp.constant(wp.int64(0x7F800000))


@wp.func
def set_up_edges(s: Frame, placed: wp.mat33d, seen: wp.mat33d, sign: wp.float64) -> Triangle:
    """Edge functions opposite each corner (rows), made positive inside by the sign."""
    u = homogeneous(s, seen[0])
    v = homogeneous(s, seen[1])
    w = homogeneous(s, seen[2])
    e = sign * edge(placed[1], placed[2], v, w)
    f = sign * edge(placed[2], placed[0], w, u)
    g = sign * edge(placed[0], placed[1], u, v)
    t = Triangle()
    t.a = wp.vec3d(e[0], f[0], g[0])
    t.b = wp.vec3d(e[1], f[1], g[1])
    t.c = wp.vec3d(e[2], f[2], g[2])
    t.floor = wp.vec3d(floor_of(e), floor_of(f), floor_of(g))
    return t


@wp.func
def homogeneous(s: Frame, v: wp.vec3d) -> wp.float64:
    """The weight w of a point in view."""
    if s.orthographic:
        return ONE
    return v[2]


@wp.func
def facing_area(s: Frame, p: wp.vec3d, q: wp.vec3d, r: wp.vec3d, seen: wp.mat33d) -> wp.float64:
    """Positive if the triangle faces the camera, 0 if it is seen edge on; otherwise of no meaning."""
    if s.orthographic or p[2] + q[2] + r[2] == ANCHORED + ANCHORED + ANCHORED:
        # As the edge functions see it, so after snapping. Rows go down, hence the sign.
        return (q[1] - p[1]) * (r[0] - p[0]) - (q[0] - p[0]) * (r[1] - p[1])
    return wp.determinant(seen)


@wp.func
def farthest_depth(seen: wp.mat33d) -> wp.float64:
    return wp.max(wp.max(seen[0, 2], seen[1, 2]), seen[2, 2])


@wp.func
def nearness_of(s: Frame, depth: wp.float64) -> wp.float64:
    if s.orthographic:
        return -depth
    return ONE / depth


@wp.func
def nearness_plane(s: Frame, normal: wp.vec3d, v: wp.vec3d, scale: wp.float64) -> wp.vec3d:
    """Coefficients of nearness over (x, y, 1), for the plane through v (in view)."""
    # normal · (x, y, depth) = offset, where pixel x = half_width + scale · x (/ depth for a pinhole)
    offset = wp.dot(normal, v)
    over = offset
    at_centre = normal[2]
    if s.orthographic:
        over = normal[2]
        at_centre = -offset
    if wp.abs(over) < POSITIVE:  # seen edge on: any value does, the caller bounds it
        return wp.vec3d(ZERO, ZERO, ZERO)
    per_pixel = ONE / (over * scale)
    slope_x = normal[0] * per_pixel
    slope_y = -normal[1] * per_pixel
    at_corner = at_centre * scale * per_pixel - slope_x * s.half_width - slope_y * s.half_height
    return wp.vec3d(slope_x, slope_y, at_corner)


@wp.func
def set_up_depth(s: Frame, t: Triangle, seen: wp.mat33d, scale: wp.float64, near: wp.float64) -> Triangle:
    """Complete a triangle by its nearness and that of its extremes, which bound it against rounding."""
    normal = wp.cross(seen[1] - seen[0], seen[2] - seen[0])
    nearest = wp.min(wp.min(seen[0, 2], seen[1, 2]), seen[2, 2])
    t.plane = nearness_plane(s, normal, seen[0], scale)
    t.farthest = nearness_of(s, farthest_depth(seen))
    t.nearest = nearness_of(s, wp.max(nearest, near))
    t.cut = wp.where(nearest < near, t.nearest, INFINITY)
    return t


@wp.func
def ordered_bits(nearness: wp.float64) -> wp.int64:
    """Nearness as a positive integer that orders alike, in the upper half of a key."""
    bits = wp.int64(wp.cast(wp.float32(wp.abs(nearness)), wp.uint32))
    if nearness < ZERO:
        bits = INFINITY_BITS - bits
    return bits << wp.int64(32)


@wp.func
def box_of(p: wp.vec3d, q: wp.vec3d, r: wp.vec3d) -> wp.vec4d:
    """Least x, least y, greatest x, greatest y."""
    low_x = wp.min(wp.min(p[0], q[0]), r[0])
    low_y = wp.min(wp.min(p[1], q[1]), r[1])
    high_x = wp.max(wp.max(p[0], q[0]), r[0])
    high_y = wp.max(wp.max(p[1], q[1]), r[1])
    return wp.vec4d(low_x, low_y, high_x, high_y)


@wp.func
def box_of_clipped(s: Frame, seen: wp.mat33d, near: wp.float64, scale: wp.float64) -> wp.vec4d:
    """As `box_of`, with a pixel to spare, of what lies beyond the near plane (rows of `seen`: in view)."""
    low = wp.vec2d(INFINITY, INFINITY)
    high = -low
    for k in range(3):
        v = seen[k]
        w = seen[(k + 1) % 3]
        if s.orthographic or v[2] >= near:
            p = project(s, v, scale)
            low = wp.min(low, p)
            high = wp.max(high, p)
        if (v[2] >= near) != (w[2] >= near):
            cut = v + (near - v[2]) / (w[2] - v[2]) * (w - v)
            p = project(s, wp.vec3d(cut[0], cut[1], near), scale)
            low = wp.min(low, p)
            high = wp.max(high, p)
    return wp.vec4d(low[0] - ONE, low[1] - ONE, high[0] + ONE, high[1] + ONE)


@wp.func
def centres_within(s: Frame, box: wp.vec4d) -> wp.vec4i:
    """First column, first row, last column, last row of pixel centres in a box and in the image."""
    return wp.vec4i(
        int(wp.clamp(wp.ceil(box[0] - HALF), ZERO, wp.float64(s.width))),
        int(wp.clamp(wp.ceil(box[1] - HALF), ZERO, wp.float64(s.height))),
        int(wp.clamp(wp.floor(box[2] - HALF), -ONE, wp.float64(s.width - 1))),
        int(wp.clamp(wp.floor(box[3] - HALF), -ONE, wp.float64(s.height - 1))),
    )


@wp.func
def from_ray(s: Frame, corner: wp.vec3d, ray: wp.vec2d) -> wp.vec2d:
    """From a pixel's ray to a corner in view, at the corner's depth."""
    if s.orthographic:
        return wp.vec2d(corner[0] - ray[0], corner[1] - ray[1])
    return wp.vec2d(corner[0] - ray[0] * corner[2], corner[1] - ray[1] * corner[2])


@wp.func
def doubled_area(a: wp.vec2d, b: wp.vec2d) -> wp.float64:
    return a[0] * b[1] - a[1] * b[0]


@wp.func
def barycentrics(u: wp.vec2d, v: wp.vec2d, w: wp.vec2d) -> wp.vec3d:
    """Perspective-correct, from the corners' offsets; kept within the triangle, which snapping may leave."""
    areas = wp.vec3d(doubled_area(v, w), doubled_area(w, u), doubled_area(u, v))
    inside = wp.sign(areas[0] + areas[1] + areas[2]) * areas
    kept = wp.vec3d(wp.max(inside[0], ZERO), wp.max(inside[1], ZERO), wp.max(inside[2], ZERO))
    total = kept[0] + kept[1] + kept[2]
    if total < POSITIVE:  # seen edge on
        return wp.vec3d(THIRD, THIRD, THIRD)
    return (ONE / total) * kept
