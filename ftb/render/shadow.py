"""Shadow maps of key lights: depth of the head as each light sees it (Williams 1978).

One orthographic map a light, fitted to what the picture shows of the head: there its texels are about as
fine as the picture's pixels. `ftb.render.shadow_kernel` draws the maps,
`ftb.render.shadow_lookup` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ftb.kernels.lanes import WIDTH
from ftb.kernels.starting import floats, launch
from ftb.maths.shapes import expect_shape
from ftb.render import shadow_kernel as kernels
from ftb.render import shadow_place
from ftb.render.shadow_fill import LEAST_SIZE, backs_of, draw_depth_rows
from ftb.render.shadow_lookup import SEARCH_DEPTH_M
from ftb.types import Camera, Lighting, Mesh, TensorData

# A map has as many texels along it as the picture has pixels, but at least so many.
LEAST_TEXELS = 192
NOTHING = -1.0e9
LEAST_WIDTH_M = 1.0e-3
# What finds the bounds, what places vertices, and how many threads of a light they take.
ROWS = (shadow_place.bound_rows, shadow_place.project_rows, lambda vertices: 1)
VERTICES = (kernels.bound, kernels.project, lambda vertices: vertices)


@dataclass(frozen=True, kw_only=True)
class Shadows(TensorData):
    """L maps for the key lights of S samples.

    depth (L, T, T): metres along the light's way, EMPTY where nothing; slot (S, N) int32: which map, −1
    for an absent light; samples (L,) int32: whose light it is, −1 for none; frames (L, 3, 3): rows are the
    map's x and y and the light's way, in the head's frame; window (L, 3): the map's corner along x and y,
    texels a metre.
    """

    depth: Tensor
    slot: Tensor
    samples: Tensor
    frames: Tensor
    window: Tensor


def cast_shadows(mesh: Mesh, camera: Camera, lighting: Lighting, used: Tensor, *, size: int) -> Shadows:
    """Draw the maps, `size` texels wide, of all lights that shine on B heads of one topology.

    used (S, V) uint8: vertices that the pictures show, S / B in a row of each head.
    """
    heads, count = expect_shape(mesh.vertices, "B V 3", name="mesh.vertices").values()
    if size < LEAST_SIZE or size % 4:
        raise ValueError(f"size: expected a multiple of four texels, at least {LEAST_SIZE}, got {size}")
    vertices = floats(mesh.vertices)
    faces = mesh.faces.to(torch.int32).contiguous()
    slot, order, samples = _slots(lighting.key_irradiance)
    rotations = camera.cam_from_world[:, :3, :3].float()
    dirs = torch.bmm(lighting.key_dirs.float(), rotations)  # Rᵀ applied
    frames = _light_frames(dirs.flatten(0, 1)[order])
    bounds = torch.full((len(order), 4), NOTHING, device=vertices.device)
    by_rows = vertices.device.type == "cpu" and count >= shadow_place.LEAST_VERTICES
    bound, project, threads = ROWS if by_rows else VERTICES
    threads = len(order) * threads(count)
    shapes = [vertices, count, len(used) // heads, samples, frames]
    launch(bound, threads, [used, *shapes, bounds], vertices.device)
    window = _windows(bounds, lighting.key_angular_radius.flatten()[order].float(), size)
    projected = torch.empty(len(order) * count, 4, device=vertices.device)
    depth = torch.empty(len(order), size, size, device=vertices.device)
    launch(project, threads, [*shapes, window, projected], vertices.device)
    DRAWERS[vertices.device.type]([projected, faces, count, size, samples, depth])
    return Shadows(depth=depth, slot=slot, samples=samples, frames=frames, window=window)


def draw_by_lights(inputs: list) -> None:
    """Fill depth (L, T, T), a light a thread; inputs as of `shadow_kernel.draw_depth`."""
    projected, faces, vertices, size, samples, depth = inputs
    # by corners, and of vertex 0 alone what is too few
    columns = torch.nn.functional.pad(faces.t(), (0, -len(faces) % WIDTH)).contiguous()
    backs = backs_of(len(faces), size)
    inputs = [projected, columns, vertices, size, samples, depth, backs]
    launch(draw_depth_rows, len(samples), inputs, faces.device)


def draw_by_triangles(inputs: list) -> None:
    """As `draw_by_lights`, a triangle a thread for each light."""
    _, faces, _, _, samples, depth = inputs
    depth.fill_(kernels.EMPTY)
    launch(kernels.draw_depth, len(samples) * len(faces), inputs, faces.device)


# By kind of device.
DRAWERS = {"cpu": draw_by_lights, "cuda": draw_by_triangles}


def _slots(key_irradiance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """slot (S, N) int32, and of each map: number of its light among S · N, of its sample (int32, −1 none)."""
    shining = key_irradiance.amax(-1) > 0.0  # (S, N)
    flat = shining.flatten()
    # On a GPU every light has a map, lit or not: counting would wait for the device.
    count = int(flat.sum()) if flat.device.type == "cpu" else flat.numel()
    slot = torch.where(flat, flat.cumsum(0) - 1, count)
    numbers = torch.arange(flat.numel(), device=flat.device)
    order = torch.zeros(count + 1, dtype=torch.int64, device=flat.device).scatter_(0, slot, numbers)
    owner = torch.full((count + 1,), -1, dtype=torch.int64, device=flat.device)
    owner = owner.scatter_(0, slot, torch.where(flat, numbers // shining.shape[1], -1))
    slot = torch.where(flat, slot, -1).to(torch.int32).reshape(shining.shape)
    return slot.contiguous(), order[:count], owner[:count].to(torch.int32).contiguous()


def _windows(bounds: Tensor, angular_radius: Tensor, size: int) -> Tensor:
    """Corner and scale (L, 3) of square maps that hold the bounds (L, 4) and what may shadow their rim."""
    low, high = -bounds[:, 0::2], bounds[:, 1::2]  # (L, 2)
    width = (high - low).amax(-1).clamp_min(LEAST_WIDTH_M)
    reach = torch.tan(angular_radius) * SEARCH_DEPTH_M
    # Two texels on each side for the normal's bias and the bilinear comparison.
    scale = (size - 4.0) / (width + 2.0 * reach)
    corner = (low + high) * 0.5 - 0.5 * size / scale[:, None]
    return torch.cat([corner, scale[:, None]], dim=-1)


def _light_frames(light_dirs: Tensor) -> Tensor:
    """Rows: two axes across the light, and its direction of travel (away from the light). (L, 3, 3)"""
    travel = -light_dirs
    helper = torch.zeros_like(travel)
    # The coordinate axis least along the light is never parallel to it.
    helper.scatter_(-1, travel.abs().argmin(-1, keepdim=True), 1.0)
    across = torch.nn.functional.normalize(torch.linalg.cross(helper, travel, dim=-1), dim=-1)
    return torch.stack([across, torch.linalg.cross(travel, across, dim=-1), travel], dim=-2).contiguous()
