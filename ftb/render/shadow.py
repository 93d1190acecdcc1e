"""Shadow maps of key lights: depth of the head as each light sees it (Williams 1978).

One orthographic map a light, in the head's frame, with the lookup (`shadow_lookup`) as a Warp
function for the fused shading kernel: percentage-closer soft shadows (Fernando 2005) whose penumbra
follows the light's angular radius, with receiver-plane bias.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ftb.maths.shapes import expect_shape
from ftb.render.warp_start import wp
from ftb.types import Mesh

MAP_SIZE = wp.constant(256)
BLOCKER_TAPS = wp.constant(8)
FILTER_TAPS = wp.constant(12)
# What shadows a face stands within 15 cm of it; a wider search than 24 texels finds too few blockers.
SEARCH_DEPTH_M = wp.constant(0.15)
MAX_SEARCH = wp.constant(24.0)
# Steeper receivers than this slope are lit so weakly that a larger bias is not seen.
MAX_SLOPE = wp.constant(4.0)
DEPTH_BIAS = wp.constant(0.75)
EMPTY = 1.0e6


@dataclass(frozen=True, kw_only=True)
class ShadowMaps:
    """depth (L, MAP_SIZE, MAP_SIZE): metres along the light's own axis, away from the light, EMPTY where
    nothing; frames (L, 3, 3): rows are the map's x, map's y and the direction of travel of the light;
    centre (3,) and half_width: the cube of the head's frame that the maps cover."""

    depth: Tensor
    frames: Tensor
    centre: Tensor
    half_width: float


@wp.kernel(enable_backward=False)
def _project_kernel(
    vertices: wp.array(dtype=wp.vec3),
    frames: wp.array(dtype=wp.mat33),
    centre: wp.vec3,
    scale: float,
    half_size: float,
    projected: wp.array(dtype=wp.vec3, ndim=2),
):
    light, vertex = wp.tid()
    local = frames[light] * (vertices[vertex] - centre)
    projected[light, vertex] = wp.vec3(local[0] * scale + half_size, local[1] * scale + half_size, local[2])


@wp.kernel(enable_backward=False)
def _depth_kernel(
    projected: wp.array(dtype=wp.vec3, ndim=2),
    faces: wp.array(dtype=wp.int32, ndim=2),
    size: int,
    depth: wp.array(dtype=float, ndim=3),
):
    light, face = wp.tid()
    a = projected[light, faces[face, 0]]
    b = projected[light, faces[face, 1]]
    c = projected[light, faces[face, 2]]
    x_low = wp.max(int(wp.ceil(wp.min(a[0], wp.min(b[0], c[0])) - 0.5)), 0)
    x_high = wp.min(int(wp.floor(wp.max(a[0], wp.max(b[0], c[0])) - 0.5)), size - 1)
    y_low = wp.max(int(wp.ceil(wp.min(a[1], wp.min(b[1], c[1])) - 0.5)), 0)
    y_high = wp.min(int(wp.floor(wp.max(a[1], wp.max(b[1], c[1])) - 0.5)), size - 1)
    area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    if x_low <= x_high and y_low <= y_high and wp.abs(area) > 1.0e-9:
        inverse = 1.0 / area
        for y in range(y_low, y_high + 1):
            for x in range(x_low, x_high + 1):
                px = float(x) + 0.5
                py = float(y) + 0.5
                u = ((b[0] - px) * (c[1] - py) - (b[1] - py) * (c[0] - px)) * inverse
                v = ((c[0] - px) * (a[1] - py) - (c[1] - py) * (a[0] - px)) * inverse
                w = 1.0 - u - v
                if u >= 0.0 and v >= 0.0 and w >= 0.0:
                    wp.atomic_min(depth, light, y, x, u * a[2] + v * b[2] + w * c[2])


@wp.func
def stored_depth(depth: wp.array(dtype=float, ndim=3), light: int, x: float, y: float):
    column = int(wp.floor(x))
    row = int(wp.floor(y))
    found = float(1.0e6)
    if column >= 0 and row >= 0 and column < depth.shape[2] and row < depth.shape[1]:
        found = depth[light, row, column]
    return found


@wp.struct
class Receiver:
    """A point in texels of one map: position, depth along the light (bias taken off), slopes of its own
    plane in metres a texel, and the turn of its tap pattern."""

    x: float
    y: float
    depth: float
    slope_x: float
    slope_y: float
    turn: float


@wp.func
def receiver_of(frame: wp.mat33, offset_point: wp.vec3, normal: wp.vec3, scale: float, turn: float):
    texel = 1.0 / scale
    # Lifted along the normal by one texel: hides the map's steps without moving contact shadows much.
    local = frame * (offset_point + normal * texel)
    toward = frame * normal
    facing = wp.max(-toward[2], 0.05)
    receiver = Receiver()
    receiver.x = local[0] * scale + 0.5 * float(MAP_SIZE)
    receiver.y = local[1] * scale + 0.5 * float(MAP_SIZE)
    receiver.depth = local[2] - texel * DEPTH_BIAS
    # z travels away from the light: the receiver's plane rises by n_x / facing a metre of x.
    receiver.slope_x = wp.clamp(toward[0] / facing, -MAX_SLOPE, MAX_SLOPE) * texel
    receiver.slope_y = wp.clamp(toward[1] / facing, -MAX_SLOPE, MAX_SLOPE) * texel
    receiver.turn = turn
    return receiver


@wp.func
def gap_at(
    depth: wp.array(dtype=float, ndim=3), light: int, at: Receiver, radius: float, tap: int, taps: float
):
    """How far tap number `tap` of a Vogel disc lies behind what the light sees there, metres."""
    r = radius * wp.sqrt((float(tap) + 0.5) / taps)
    angle = at.turn + float(tap) * 2.3999632
    dx = r * wp.cos(angle)
    dy = r * wp.sin(angle)
    plane = at.depth + at.slope_x * dx + at.slope_y * dy
    return plane - stored_depth(depth, light, at.x + dx, at.y + dy)


@wp.func
def penumbra_radius(
    depth: wp.array(dtype=float, ndim=3), light: int, at: Receiver, scale: float, tan_radius: float
):
    """Texels over which the shadow's edge blurs here (Fernando 2005); 0 where nothing blocks."""
    search = wp.min(tan_radius * SEARCH_DEPTH_M * scale, MAX_SEARCH)
    radius = float(1.0)
    if search > 1.0:
        blocked = float(0.0)
        height = float(0.0)
        for tap in range(BLOCKER_TAPS):
            gap = gap_at(depth, light, at, search, tap, float(BLOCKER_TAPS))
            if gap > 0.0:
                blocked += 1.0
                height += gap
        if blocked > 0.0:
            radius = wp.clamp(height / blocked * tan_radius * scale, 1.0, search)
        else:
            radius = float(0.0)
    return radius


@wp.func
def shadow_lookup(
    depth: wp.array(dtype=float, ndim=3), light: int, at: Receiver, scale: float, tan_radius: float
):
    """Share of the light that reaches a receiver, [0, 1]."""
    radius = penumbra_radius(depth, light, at, scale, tan_radius)
    lit = float(FILTER_TAPS)
    if radius > 0.0:
        for tap in range(FILTER_TAPS):
            if gap_at(depth, light, at, radius, tap, float(FILTER_TAPS)) > 0.0:
                lit -= 1.0
    return lit / float(FILTER_TAPS)


def shadow_maps(mesh: Mesh, light_dirs: Tensor) -> ShadowMaps:
    """Depth maps of one head for L lights.

    mesh of one shape, light_dirs (L, 3) unit, towards the lights, in the mesh's frame.
    """
    expect_shape(mesh.vertices, "1 V 3", name="mesh.vertices")
    lights = expect_shape(light_dirs, "L 3", name="light_dirs")["L"]
    vertices = mesh.vertices[0].detach().float().contiguous()
    centre = (vertices.amin(0) + vertices.amax(0)) * 0.5
    half_width = float((vertices - centre).norm(dim=-1).amax()) * 1.01
    frames = _light_frames(light_dirs.float())
    depth = torch.full((lights, MAP_SIZE, MAP_SIZE), EMPTY, device=vertices.device)
    projected = torch.empty(lights, len(vertices), 3, device=vertices.device)
    device = wp.device_from_torch(vertices.device)
    faces = wp.from_torch(mesh.faces.to(torch.int32).contiguous())
    wp.launch(
        _project_kernel,
        dim=(lights, len(vertices)),
        inputs=[
            wp.from_torch(vertices, dtype=wp.vec3),
            wp.from_torch(frames, dtype=wp.mat33),
            wp.vec3(*centre.tolist()),
            0.5 * MAP_SIZE / half_width,
            0.5 * MAP_SIZE,
        ],
        outputs=[wp.from_torch(projected, dtype=wp.vec3)],
        device=device,
    )
    wp.launch(
        _depth_kernel,
        dim=(lights, len(mesh.faces)),
        inputs=[wp.from_torch(projected, dtype=wp.vec3), faces, MAP_SIZE],
        outputs=[wp.from_torch(depth)],
        device=device,
    )
    return ShadowMaps(depth=depth, frames=frames, centre=centre, half_width=half_width)


def _light_frames(light_dirs: Tensor) -> Tensor:
    """Rows: two axes across the light, and its direction of travel (away from the light). (L, 3, 3)"""
    travel = -light_dirs
    helper = torch.zeros_like(travel)
    # The coordinate axis least along the light is never parallel to it.
    helper.scatter_(-1, travel.abs().argmin(-1, keepdim=True), 1.0)
    across = torch.nn.functional.normalize(torch.linalg.cross(helper, travel, dim=-1), dim=-1)
    return torch.stack([across, torch.linalg.cross(travel, across, dim=-1), travel], dim=-2).contiguous()
