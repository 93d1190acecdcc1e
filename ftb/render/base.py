"""What every rasterizer agrees to, and the differentiable arithmetic that follows it.

A rasterizer answers which triangle covers each pixel centre. Image row 0 is on top, pixel centres lie
at +0.5, pixels are square, and `Camera.half_width` spans half of the image's *width*.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from ftb.maths.shapes import expect_shape
from ftb.types import Camera, Fragments, Mesh

# name -> (module, class, what must be importable, how to install it). Imported only when asked for.
RASTERIZERS: dict[str, tuple[str, str, str | None, str]] = {
    "warp": ("ftb.render.warp_backend", "WarpRasterizer", "warp", "pip install warp-lang"),
    "pytorch3d": (
        "ftb.render.pytorch3d_backend",
        "PyTorch3DRasterizer",
        "pytorch3d",
        "pip install --no-build-isolation git+https://github.com/facebookresearch/pytorch3d.git",
    ),
    "reference": ("ftb.render.reference", "ReferenceRasterizer", None, ""),
}
AUTO_ORDER = ("warp", "pytorch3d", "reference")  # fastest first


class Rasterizer(ABC):
    """Finds the nearest triangle behind every pixel centre.

    All implementations agree on the interior of triangles; on the pixels that an edge crosses within
    rounding they may choose different neighbours. `warp` and `reference` are watertight: each pixel
    centre inside the outline of a closed or locally flat surface is hit, once for each layer.
    """

    name: str

    def rasterize(
        self, mesh: Mesh, camera: Camera, size: int | tuple[int, int], cull_backfaces: bool = False
    ) -> Fragments:
        """Fragments of B meshes seen by B cameras; a batch of one is shared by all of the other.

        size: pixels, one number for a square or (H, W). cull_backfaces drops triangles that appear
        clockwise. Geometry nearer than `camera.near` is cut off, exactly, at every pixel. Triangles
        with a non-finite vertex and triangles without area cover nothing.
        Does not: give gradients; see `bary_from_vertices`.
        """
        height, width = image_size(size)
        _check(mesh, camera)
        with torch.no_grad():
            return self._rasterize(mesh, camera, (height, width), cull_backfaces)

    @abstractmethod
    def _rasterize(self, mesh: Mesh, camera: Camera, size: tuple[int, int], cull: bool) -> Fragments:
        """As `rasterize`, checked; vertices and camera keep their own batch sizes, B or 1."""


def resolve_rasterizer(
    name: str = "auto", device: torch.device | str = "cpu", *, threads: int = 1
) -> Rasterizer:
    """The rasterizer of that name, "auto" being the fastest installed one.

    threads: how many CPU threads share a batch (the result does not depend on it; only `warp` asks).
    """
    if name not in (*RASTERIZERS, "auto"):
        raise ValueError(f"renderer: expected one of auto, {', '.join(RASTERIZERS)}, got {name!r}")
    names = AUTO_ORDER if name == "auto" else (name,)
    chosen = next((candidate for candidate in names if _installed(candidate)), None)
    if chosen is None:
        raise ValueError(f"renderer {name!r} is not installed: {RASTERIZERS[name][3]}")
    module, class_name, _, _ = RASTERIZERS[chosen]
    build: Any = getattr(importlib.import_module(module), class_name)
    return build(device=torch.device(device), threads=threads)


def _installed(name: str) -> bool:
    requirement = RASTERIZERS[name][2]
    try:
        return requirement is None or importlib.import_module(requirement) is not None
    except ImportError:
        return False


def image_size(size: int | tuple[int, int]) -> tuple[int, int]:
    """(H, W) of a size given as one number or as a pair."""
    height, width = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
    if height < 1 or width < 1:
        raise ValueError(f"size: expected positive pixels, got {size}")
    return height, width


def empty_fragments(like: Tensor, shape: tuple[int, ...]) -> Fragments:
    """Fragments of `shape` (B, H, W) or fewer dimensions that see nothing; device and dtype of `like`."""
    return Fragments(
        pix_to_face=like.new_full(shape, -1, dtype=torch.int64),
        bary_coords=like.new_full((*shape, 3), -1.0),
        depth=like.new_full(shape, -1.0),
    )


def view_vertices(vertices: Tensor, camera: Camera) -> Tensor:
    """World positions (B, V, 3) as the camera sees them (B, V, 3): x right, y up, depth forward, metres."""
    rotation, translation = camera.cam_from_world[:, :3, :3], camera.cam_from_world[:, :3, 3]
    seen = vertices @ rotation.transpose(-1, -2) + translation[:, None, :]
    return seen * seen.new_tensor([1.0, 1.0, -1.0])  # the camera looks along its -Z


def pixel_rays(camera: Camera, size: tuple[int, int]) -> Tensor:
    """Where pixel centres lie on the image plane (B, H, W, 2): x right, y up.

    At unit depth for a pinhole (x / depth), in metres for an orthographic camera.
    """
    height, width = size
    half_width = camera.half_width
    steps = {"dtype": half_width.dtype, "device": half_width.device}
    across = (torch.arange(width, **steps) + 0.5) * (2 / width) - 1
    upward = (height - 2 * torch.arange(height, **steps) - 1) / width
    plane = torch.stack(torch.meshgrid(across, upward, indexing="xy"), dim=-1)  # (H, W, 2)
    return plane * half_width[:, None, None, None]


def interpolate(fragments: Fragments, faces: Tensor, attributes: Tensor) -> Tensor:
    """Vertex attributes (B|1, V, C) at the fragments (B, H, W, C), 0 where empty.

    Σₖ bₖ aₖ over the corners of each pixel's face; faces (F, 3). Differentiable with respect to the
    attributes, and to bary_coords when those come from `bary_from_vertices`.
    """
    dims = expect_shape(fragments.bary_coords, "B H W 3", name="bary_coords")
    expect_shape(attributes, "A V C", name="attributes")
    covered = (fragments.pix_to_face >= 0)[..., None]
    weights = torch.where(covered, fragments.bary_coords, 0.0).to(attributes.dtype)
    channels = attributes.shape[-1]
    if attributes.shape[1] == 0:
        return attributes.new_zeros(dims["B"], dims["H"], dims["W"], channels)
    corners = _corners(fragments, faces, attributes.shape)  # (B, H, W, 3)
    # A bag of three corners a pixel: one pass, where gathering each corner would make three.
    pixels = embedding_bag(
        corners.view(-1, 3),
        attributes.reshape(-1, channels),
        mode="sum",
        per_sample_weights=weights.view(-1, 3),
    )
    return pixels.view(dims["B"], dims["H"], dims["W"], channels)


def bary_from_vertices(
    fragments: Fragments, faces: Tensor, vertices: Tensor, camera: Camera
) -> tuple[Tensor, Tensor]:
    """Barycentrics (B, H, W, 3) and depth (B, H, W) of the fragments, as functions of vertices (B|1, V, 3).

    With u the image-plane offset of a corner from the pixel's ray, scaled by the corner's depth for a
    pinhole: bᵢ = (uⱼ × uₖ) / Σ (Olano and Greer 1997, section 4), depth = Σ bᵢ zᵢ; −1 where empty.
    Gradients reach vertices and camera. Does not: move coverage; which face a pixel sees is constant,
    so the gradient of visibility at silhouettes is zero. Nor clamp: within rounding of an edge a
    coordinate may be a hair below 0.
    """
    expect_shape(vertices, "A V 3", name="vertices")
    height, width = fragments.pix_to_face.shape[1:]
    covered = fragments.pix_to_face >= 0
    if faces.shape[0] == 0:
        return fragments.bary_coords, fragments.depth
    seen = view_vertices(vertices, camera)
    corners = _corners(fragments, faces, seen.shape)
    corner = seen.reshape(-1, 3).index_select(0, corners.flatten()).view(*corners.shape, 3)  # (B, H, W, 3, 3)
    rays = pixel_rays(camera, (height, width))[..., None, :]  # (B, H, W, 1, 2)
    offset = corner[..., :2] - (rays if camera.orthographic else rays * corner[..., 2:])
    areas = _cross(offset.roll(-1, -2), offset.roll(-2, -2))  # (B, H, W, 3)
    total = areas.sum(-1, keepdim=True)
    # The empty pixels divide by 1, so that no NaN enters the gradient of the branch not taken.
    bary = areas / torch.where(covered[..., None] & (total != 0), total, 1.0)
    depth = (bary * corner[..., 2]).sum(-1)
    return torch.where(covered[..., None], bary, -1.0), torch.where(covered, depth, -1.0)


def _cross(a: Tensor, b: Tensor) -> Tensor:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _corners(fragments: Fragments, faces: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Row of each corner (B, H, W, 3) in attributes of `shape` (B|1, V, C) flattened to (B·V, C)."""
    if faces.shape[0] == 0:
        return fragments.pix_to_face.new_zeros(*fragments.pix_to_face.shape, 3)
    corners = faces[fragments.pix_to_face.clamp_min(0)]
    if shape[0] == 1:
        return corners
    first = torch.arange(shape[0], device=corners.device) * shape[1]
    return corners + first[:, None, None, None]


def _check(mesh: Mesh, camera: Camera) -> None:
    expect_shape(mesh.vertices, "A V 3", name="mesh.vertices")
    expect_shape(mesh.faces, "F 3", name="mesh.faces")
    dims = expect_shape(camera.cam_from_world, "B 4 4", name="camera.cam_from_world")
    expect_shape(camera.half_width, "B", name="camera.half_width", dims=dims)
    expect_shape(camera.near, "B", name="camera.near", dims=dims)
    meshes, cameras = mesh.vertices.shape[0], dims["B"]
    if meshes != cameras and 1 not in (meshes, cameras):
        raise ValueError(f"camera: expected a batch of {meshes} as mesh.vertices, got {cameras}")
    if mesh.faces.dtype != torch.int64:
        raise ValueError(f"mesh.faces: expected int64, got {mesh.faces.dtype}")
    if camera.near.device != mesh.vertices.device:
        raise ValueError(f"camera: expected on {mesh.vertices.device} as mesh, got {camera.near.device}")
    # On other devices the check would wait for the device: there `warp` skips such faces.
    if mesh.vertices.device.type == "cpu" and mesh.faces.numel():
        low, high = torch.aminmax(mesh.faces)
        if low < 0 or high >= mesh.vertices.shape[1]:
            raise ValueError(
                f"mesh.faces: expected vertex numbers in [0, {mesh.vertices.shape[1]}), got [{low}, {high}]"
            )
